"""What the data module keeps in the cache, and what it does not do twice."""

import errno
import json
from collections import Counter

import numpy as np
import pyarrow
import pytest
from safetensors.torch import load_file, save

from helpers.headlines import OTHER, TRAIN, ids
from textlstm.checks import InputError


def fail(*arguments, **options):
    pytest.fail("done again")


@pytest.mark.parametrize("tokenizer", ["word", "bpe", "unigram"])
def test_what_is_done_once_is_not_done_again(prepare, monkeypatch, tokenizer):
    first = prepare(tokenizer=tokenizer)
    for work in ("rows._write", "encoding.train_tokenizer", "encoding.encode"):
        monkeypatch.setattr(f"textlstm.data.{work}", fail)
    second = prepare(tokenizer=tokenizer, seed=7, batch_size=3, max_length=2, truncate="tail")
    assert first.facts["tokenizer"]["read_from"] == "the training split"
    assert second.facts["tokenizer"]["read_from"] == "the cache"
    assert second.tokenizer.to_str() == first.tokenizer.to_str()
    assert ids(second, "train") == [text[-2:] for text in ids(first, "train")]


@pytest.mark.parametrize(
    ("change", "work"),
    [
        ({"train": [*TRAIN, ("one more", "money")]}, "rows._write"),
        ({"train": [*TRAIN, ("one more", "money")]}, "encoding.train_tokenizer"),
        ({"split_seed": 43}, "encoding.train_tokenizer"),
        ({"vocab_size": 299}, "encoding.train_tokenizer"),
        ({"tokenizer": "bpe"}, "encoding.train_tokenizer"),
        ({"tokenizer": "bpe"}, "encoding.encode"),
        ({"vocab_size": 20}, "encoding.encode"),
        ({"prefix_length": 3}, "encoding.train_tokenizer"),
        ({"suffix_length": 2}, "encoding.train_tokenizer"),
        ({"suffix_length": 2}, "encoding.encode"),
    ],
)
def test_what_depends_on_a_change_is_done_again(prepare, monkeypatch, change, work):
    prepare()
    monkeypatch.setattr(f"textlstm.data.{work}", fail)
    with pytest.raises(pytest.fail.Exception, match="done again"):
        prepare(**change)


def test_beginnings_and_ends_of_words_are_counted_among_the_tokens(prepare):
    plain, more = prepare(), prepare(prefix_length=3, suffix_length=2)
    added = more.facts["tokenizer"]["size"] - plain.facts["tokenizer"]["size"]
    assert more.facts["tokenizer"]["affixes"] == added > 0
    assert plain.facts["tokenizer"]["affixes"] == 0
    assert more.affixes_KV.shape == (2, more.facts["tokenizer"]["size"])
    assert plain.affixes_KV.shape[0] == 0


def test_texts_that_are_not_trained_on_do_not_touch_the_tokenizer(prepare, write_rows):
    one = prepare(
        test=write_rows("test.csv", OTHER[2:]), validation=write_rows("validation.csv", OTHER[:2])
    )
    other = prepare(
        test=write_rows("test.csv", OTHER[:3]), validation=write_rows("validation.csv", OTHER[-1:])
    )
    assert other.facts["tokenizer"]["read_from"] == "the cache"
    assert other.tokenizer.to_str() == one.tokenizer.to_str()


def test_the_cache_holds_rows_ids_and_a_tokenizer_and_nothing_unfinished(
    prepare, write_rows, tmp_path
):
    prepare(test=write_rows("test.csv", OTHER))
    kinds = Counter(entry.name.partition("-")[0] for entry in (tmp_path / "cache").iterdir())
    assert kinds == {"rows": 2, "ids": 2, "tokenizer": 1}


@pytest.mark.parametrize(
    ("entry", "file"),
    [("ids", "ids.safetensors"), ("tokenizer", "tokenizer.json"), ("rows", "rows.arrow")],
)
@pytest.mark.parametrize("left", [0, 20, None])
def test_what_is_damaged_in_the_cache_is_made_anew(prepare, tmp_path, entry, file, left):
    first = prepare()
    [damaged] = (tmp_path / "cache").glob(f"{entry}-*/{file}")
    whole = damaged.read_bytes()
    damaged.unlink()  # and not changed in place: the first one has it in its memory
    if left is not None:
        damaged.write_bytes(whole[:left])
    second = prepare()
    assert damaged.read_bytes() == whole
    assert ids(second, "train") == ids(first, "train")
    assert len(list((tmp_path / "cache").iterdir())) == 3


def shift_labels(folder):
    """Gives each row the label of the one before it, in a file that can be read as before."""
    with pyarrow.memory_map(str(folder / "rows.arrow")) as file:
        rows = pyarrow.ipc.open_stream(file).read_all()
    codes = pyarrow.array(np.roll(rows.column("code").to_numpy(), 1))
    with pyarrow.ipc.new_stream(folder / "shifted.arrow", rows.schema) as writer:
        writer.write(rows.set_column(1, rows.schema.field("code"), codes))
    (folder / "shifted.arrow").replace(folder / "rows.arrow")


def change_ids(folder):
    tensors = load_file(folder / "ids.safetensors")
    (folder / "ids.safetensors").unlink()  # the first data module has it in its memory
    (folder / "ids.safetensors").write_bytes(save(tensors | {"tokens": tensors["tokens"] ^ 1}))


def reverse_labels(folder):
    facts = json.loads((folder / "facts.json").read_text())
    (folder / "facts.json").write_text(json.dumps(facts | {"labels": facts["labels"][::-1]}))


def change_a_word(folder):
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace("goal", "gaol"))


@pytest.mark.parametrize(
    ("entry", "damage"),
    [
        ("rows", shift_labels),
        ("rows", reverse_labels),
        ("ids", change_ids),
        ("tokenizer", change_a_word),
    ],
)
def test_damage_that_can_be_read_is_noticed(prepare, tmp_path, caplog, entry, damage):
    first = prepare()
    [folder] = (tmp_path / "cache").glob(f"{entry}-*")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    damage(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} != before

    second = prepare()
    for split in first.encoded:
        assert ids(second, split) == ids(first, split)
        assert second.splits[split]["label"][:] == first.splits[split]["label"][:]
    assert second.tokenizer.to_str() == first.tokenizer.to_str()
    assert caplog.text.count("It is made anew.") == 1


@pytest.mark.parametrize(
    ("work", "left"), [("write_text", []), ("write_bytes", ["rows", "tokenizer"])]
)
def test_a_full_disk_is_an_error_of_the_user_and_leaves_nothing_half_written(
    prepare, monkeypatch, tmp_path, work, left
):
    def full(self, *_, **__):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"pathlib.Path.{work}", full)
    with pytest.raises(
        InputError,
        match=r"^cache: .* could not be written \(ENOSPC\); nothing of it was kept\. Free",
    ):
        prepare()
    assert sorted(entry.name.partition("-")[0] for entry in (tmp_path / "cache").iterdir()) == left


def test_a_tokenizer_that_fails_leaves_no_entry(prepare, monkeypatch, tmp_path):
    monkeypatch.setattr("textlstm.data.encoding.train_tokenizer", fail)
    with pytest.raises(pytest.fail.Exception):
        prepare()
    assert [entry.name.partition("-")[0] for entry in (tmp_path / "cache").iterdir()] == ["rows"]
