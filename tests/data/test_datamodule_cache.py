"""What the data module keeps in the cache, and what it does not do twice."""

import errno
from collections import Counter

import pytest

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
    ],
)
def test_what_depends_on_a_change_is_done_again(prepare, monkeypatch, change, work):
    prepare()
    monkeypatch.setattr(f"textlstm.data.{work}", fail)
    with pytest.raises(pytest.fail.Exception, match="done again"):
        prepare(**change)


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
