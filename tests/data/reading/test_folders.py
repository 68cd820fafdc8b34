"""Folders of classes: splits in them are refused, and what is no text of a class is counted."""

import logging

import pytest

from helpers.reading import assert_refused, read
from helpers.sources import rows_of
from textlstm.checks import InputError
from textlstm.data.reading.files import find_files
from textlstm.data.reading.folders import find_texts

IMDB = [
    *("train/pos/0_9.txt", "train/neg/0_1.txt", "train/unsup/0_0.txt", "train/urls_pos.txt"),
    *("test/pos/0_8.txt", "test/neg/0_2.txt", "test/labeledBow.feat", "imdb.vocab", "README"),
]


@pytest.fixture
def tree(tmp_path):
    """A folder with a short text in each of some files."""

    def tree(*names):
        for name in names:
            file = tmp_path / "data" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"text of {name}", encoding="utf-8")
        return tmp_path / "data"

    return tree


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        (
            IMDB,
            "holds splits (train, test), not classes: give data.train={}/train data.test={}/test",
        ),
        (
            ["20news-train/a/1", "20news-train/b/2", "20news-test/a/3"],
            "holds splits (20news-train, 20news-test), not classes: give "
            "data.train={}/20news-train data.test={}/20news-test",
        ),
        (
            ["Train/a/1.txt", "dev/a/2.txt", "Test/b/3.txt"],
            "holds splits (Train, dev, Test), not classes: give data.train={}/Train "
            "data.validation={}/dev data.test={}/Test",
        ),
        (
            ["train/1.txt", "test/2.txt"],
            "holds splits (train, test), not classes: give data.train=",
        ),
        (["train/a/1.txt", "train/b/2.txt"], "holds splits (train), not classes: give data.train="),
        (
            ["train/rows.csv", "test/rows.csv"],
            "not classes: give data.train='{}/train/*.csv' data.test='{}/test/*.csv'.",
        ),
        (
            ["corpus/train/a/1.txt", "corpus/test/a/1.txt"],
            "holds splits (train, test), not classes: give data.train={}/corpus/train "
            "data.test={}/corpus/test.",
        ),
    ],
)
def test_a_folder_of_splits_is_refused_with_what_to_type(tree, names, remedy):
    folder = tree(*names)
    with pytest.raises(InputError) as refused:
        find_files(str(folder), "data.train")
    assert remedy.replace("{}", str(folder)) in str(refused.value)


def test_another_file_is_told_to_take_one_of_the_splits(tree):
    folder = tree(*IMDB)
    with pytest.raises(InputError) as refused:
        find_files(str(folder), "file")
    assert f"give file={folder}/train or file={folder}/test." in str(refused.value)


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_class_among_others_may_be_called_train_or_test(tree, name):
    folder = tree(f"{name}/1.txt", "bus/2.txt")
    assert [label for _, label in read(folder)] == ["bus", name]


def test_what_is_no_text_of_a_class_is_left_out_and_counted(tree):
    folder = tree(*IMDB) / "train"
    (folder / "pos" / "scores.npy").write_bytes(b"\x93NUMPY\0\0\0")
    (folder / "pos" / "binary").write_bytes(b"a\0b\0\0\0c")
    (folder / "pos" / "more").mkdir()
    found = find_texts(folder, "data.train")
    assert [file.name for file in found.files] == ["0_1.txt", "0_9.txt"]
    left_out = sorted(entry.name for entry in found.left_out)
    assert left_out == ["binary", "more", "scores.npy", "urls_pos.txt"]
    assert [sub_folder.name for sub_folder in found.unlabelled] == ["unsup"]


def test_texts_may_have_any_name_but_those_of_other_formats(tree):
    names = ["a/51060", "a/0001.ea7e79d3", "a/mail.eml", "b/page.html", "b/x.TXT", "b/t.json"]
    assert len(read(tree(*names))) == 5


def test_training_says_what_is_left_out(tree, load, caplog):
    folder = tree(*(f"{name}/{n}.txt" for name in ("pos", "neg") for n in range(3)), "unsup/1.txt")
    (folder / "notes.md").write_text("nothing", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        train = load(str(folder))["train"]
    assert {label for _, label in rows_of(train)} == {"pos", "neg"}
    assert (
        f"data.train: the sub-folder {folder}/unsup is left out: by its name, its texts have no "
        f"class. With pretrain=own_text, data.unlabelled={folder}/unsup learns from them."
    ) in caplog.text
    assert "1 entry of the folder that is no text in a sub-folder is left out (notes.md)." in (
        caplog.text
    )
    assert train.origin["left_out"] == {
        "entries": 1,
        "examples": ["notes.md"],
        "unlabelled": [f"{folder}/unsup"],
    }


def test_unlabelled_texts_may_lie_in_the_folder_itself(tree):
    folder = tree("unsup/1.txt", "unsup/2.txt", "unsup/x.feat") / "unsup"
    files = find_files(str(folder), "data.unlabelled")
    assert [file.name for file in files] == ["1.txt", "2.txt"]
    assert len(find_files(str(folder.parent), "data.unlabelled")) == 2


def test_tables_in_sub_folders_are_refused_with_the_glob_that_reads_them(tree):
    folder = tree("a/rows.csv", "b/rows.csv")
    assert_refused(folder, rf"is a folder without .* give data\.train='{folder}/\*/\*\.csv'\.$")


def test_classes_that_lie_deeper_are_named(tree):
    folder = tree("corpus/a/1.txt", "corpus/b/2.txt")
    message = rf"If the classes lie in corpus, give data\.train={folder}/corpus\.$"
    assert_refused(folder, message)
