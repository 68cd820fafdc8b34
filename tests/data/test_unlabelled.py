"""Texts without a class: how they are read, what is left out, and what they change."""

import logging

import pytest
import torch
from datasets import Dataset

from helpers.small import data_module
from textlstm.checks import InputError

ROWS = [(f"goal {n} in the match", "sports") for n in range(30)] + [
    (f"shares fall {n}", "money") for n in range(30)
]


@pytest.fixture
def read(write_rows, tmp_path):
    """A data module after setup, on ROWS with texts without a class beside them."""

    def read(unlabelled, **options):
        data = data_module(
            tmp_path / "cache",
            **{"train": write_rows("train.csv", ROWS), "unlabelled": unlabelled, **options},
        )
        data.setup()
        return data

    return read


def texts(data):
    return list(data.unlabelled.texts(data.unlabelled.row_numbers))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("more.txt", "a keeper saves\n\n  \na bank lends\n"),
        ("more", "a keeper saves\r\n\r\n\r\na bank lends"),
        ("more.csv", "text,other\na keeper saves,1\n,2\n ,3\na bank lends,4\n"),
        ("more.tsv", "other\ttext\n1\ta keeper saves\n2\t\n3\t\n4\ta bank lends\n"),
        ("more.jsonl", '{"text": "a keeper saves"}\n{}\n{}\n{"text": "a bank lends"}\n'),
    ],
)
def test_a_text_a_line_or_a_table_gives_the_same_texts(read, write_file, name, content):
    data = read(write_file(name, content))
    assert texts(data) == ["a keeper saves", "a bank lends"]
    assert data.facts["unlabelled"] == 2
    assert data.facts["empty"] == {"train": 0, "unlabelled": 2}
    assert data.facts["dropped"]["unlabelled"] == 0


def test_a_saved_data_set_is_a_table(read, tmp_path):
    texts_alone = Dataset.from_dict({"text": ["a keeper saves", None, "a bank lends"]})
    texts_alone.save_to_disk(tmp_path / "more")
    assert texts(read(str(tmp_path / "more"))) == ["a keeper saves", "a bank lends"]


def test_the_usual_columns_are_found_and_a_named_one_must_be_there(read, write_file):
    table = write_file("more.csv", "Headline,label\na keeper saves,x\n")
    assert texts(read(table, text_column=None)) == ["a keeper saves"]
    with pytest.raises(InputError, match=r"data\.unlabelled: .*more\.csv has no column 'text'"):
        read(table)
    other = write_file("other.csv", "a,b\nc,d\n")
    with pytest.raises(InputError, match=r"data\.unlabelled: .*other\.csv has none of the usual"):
        read(other, text_column=None)


def test_duplicates_of_validation_and_test_are_left_out_and_counted(read, write_rows, write_file):
    held_out = {
        "validation": write_rows("validation.csv", [("A keeper  saves", "sports")] * 2),
        "test": write_rows("test.csv", [("a bank lends", "money")]),
    }
    more = "a keeper saves\nA BANK lends\na bank lends\nshares fall 3\na storm comes\n"
    data = read(write_file("more.txt", more), **held_out)
    assert texts(data) == ["shares fall 3", "a storm comes"]  # those of train may stay
    assert data.facts["unlabelled"] == 2
    assert data.facts["dropped"]["unlabelled"] == 3
    vocabulary = data.tokenizer.get_vocab()
    assert "storm" in vocabulary
    assert not {"keeper", "saves", "bank", "lends"} & vocabulary.keys()


def test_those_of_splits_that_are_cut_are_left_out_too(read, write_file):
    data = read(write_file("more.txt", "".join(f"{text}\n" for text, _ in ROWS)))
    trained = set(data.splits["train"]["text"][:])
    assert set(texts(data)) == trained
    assert data.facts["dropped"]["unlabelled"] == len(ROWS) - len(trained) == 12


def test_with_nothing_else_in_them_they_are_refused(read, write_rows, write_file):
    held_out = write_rows("test.csv", [("a bank lends", "money")])
    with pytest.raises(InputError, match="has 1 text, none that is not in validation or test"):
        read(write_file("more.txt", "a bank lends\n"), test=held_out)


def test_a_file_without_a_text_is_refused(read, write_file):
    with pytest.raises(InputError, match=r"data\.unlabelled: .*more\.txt has no text\.$"):
        read(write_file("more.txt", "\n \n\n"))


def test_their_words_join_the_vocabulary_and_their_ids_the_language_model(read, write_file):
    path = write_file("more.txt", "a storm comes in the night\n")
    plain, more = read(None), read(path)
    assert plain.language_texts() == [plain.encoded["train"]]
    assert {
        "storm",
        "night",
    } <= more.tokenizer.get_vocab().keys() - plain.tokenizer.get_vocab().keys()
    train, unlabelled = more.language_texts()
    assert train is more.encoded["train"]
    [tokens_T] = unlabelled.__getitems__([0]).tokens_BT
    words = [more.tokenizer.id_to_token(token) for token in tokens_T.tolist()]
    assert words == ["a", "storm", "comes", "in", "the", "night"]
    assert torch.equal(train.labels_N, plain.encoded["train"].labels_N)


def test_their_file_is_recorded_and_may_not_change_under_a_resumed_run(read, write_file):
    path = write_file("more.txt", "a storm comes\n")
    data = read(path)
    source = data.facts["sources"]["unlabelled"]
    assert source["path"] == path
    kept = data.state_dict()
    write_file("more.txt", "another storm comes\n")
    changed = read(path)
    assert changed.facts["sources"]["unlabelled"]["sha256"] != source["sha256"]
    with pytest.raises(InputError, match=r"data\.unlabelled: .*more\.txt has changed since"):
        changed.load_state_dict(kept)


def test_a_table_is_read_by_the_keys_of_train(read, write_file, caplog):
    table = write_file(
        "more.tsv", 'label\ttext\nx\t"a keeper saves\ny\ta bank lends"\ny\tit falls\n'
    )
    with caplog.at_level(logging.INFO):
        assert texts(read(table)) == ['"a keeper saves', 'a bank lends"', "it falls"]
    assert "data.unlabelled: a quote is a character of the text, as the first" in caplog.text
    assert texts(read(table, quoting="double")) == [
        "a keeper saves\ny\ta bank lends",
        "it falls",
    ]
    assert "data.unlabelled: 1 row holds a line break and then what looks" in caplog.text

    train = write_file("rows.csv", "".join(f"{label},{text}\n" for text, label in ROWS))
    more = write_file("more.csv", "x,a keeper saves\ny,a bank lends\n")
    data = read(more, train=train, header=False, text_column="2", label_column="1")
    assert texts(data) == ["a keeper saves", "a bank lends"]
