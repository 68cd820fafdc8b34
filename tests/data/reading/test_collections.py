"""Data sets in a folder: sub-folders with a file for each split, and single tables."""

from pathlib import Path

import pytest

from textlstm.checks import InputError
from textlstm.data.reading.collections import find_data_sets


@pytest.fixture
def folder(tmp_path):
    """Makes empty files below a folder, and gives it."""

    def folder(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return folder


def found(path):
    """The data sets by name, with the names of their files; and the folders that are none."""
    sets, skipped = find_data_sets(path)
    named = {
        data_set.name: {split: file.name for split, file in data_set.files.items()}
        for data_set in sets
    }
    return named, [other.name for other in skipped]


def test_each_sub_folder_and_table_is_a_data_set(folder):
    path = folder(
        "three/train.csv.gz", "three/dev.csv.gz", "three/test.csv.gz", "three/SOURCE.txt",
        "two/Train.jsonl", "two/test.parquet", "one/rows.csv", "alone.tsv", "README.md",
        "none/a.csv", "none/b.csv", ".hidden/train.csv", "only test/test.csv",
    )  # fmt: skip
    assert found(path) == (
        {
            "alone": {"train": "alone.tsv"},
            "one": {"train": "rows.csv"},
            "three": {
                "train": "train.csv.gz",
                "validation": "dev.csv.gz",
                "test": "test.csv.gz",
            },
            "two": {"train": "Train.jsonl", "test": "test.parquet"},
        },
        ["none", "only test"],
    )


def test_what_datasets_has_saved_is_read_as_a_table(folder):
    def saved(name):
        return [f"{name}/{file}" for file in ("state.json", "dataset_info.json", "data-0.arrow")]

    path = folder(
        *saved("all/alone"), "all/news/dataset_dict.json", *saved("all/news/train"),
        *saved("all/news/test"), "all/one/dataset_dict.json", *saved("all/one/train"),
    )  # fmt: skip
    assert found(path / "all") == (
        {
            "alone": {"train": "alone"},
            "news": {"train": "train", "test": "test"},
            "one": {"train": "train"},
        },
        [],
    )
    assert found(path / "all" / "alone") == ({"alone": {"train": "alone"}}, [])
    for name in ("news", "one"):
        assert found(path / "all" / name)[0].keys() == {name}


def test_one_file_or_one_folder_with_splits_is_one_data_set(folder):
    path = folder("news/train.csv", "news/test.csv", "news/more/train.csv")
    files = {"train": "train.csv", "test": "test.csv"}
    assert found(path / "news" / "more") == ({"more": {"train": "train.csv"}}, [])
    assert found(path / "news") == ({"news": files}, [])
    assert found(path / "news" / "train.csv") == ({"train": {"train": "train.csv"}}, [])
    assert find_data_sets(path / "news")[0][0].overrides == [
        f"data.train={path}/news/train.csv",
        f"data.test={path}/news/test.csv",
    ]


def test_a_folder_of_one_table_is_one_data_set_by_the_name_of_the_table(folder):
    path = folder("sets/headlines.csv", "sets/notes.txt")
    assert found(path / "sets") == ({"headlines": {"train": "headlines.csv"}}, [])
    assert found(path) == ({"sets": {"train": "headlines.csv"}}, [])


def test_what_holds_no_data_set_is_refused(folder, tmp_path):
    with pytest.raises(
        InputError, match=r"--data: .*/gone is not there or no table; expected a CSV"
    ):
        find_data_sets(tmp_path / "gone")
    with pytest.raises(InputError, match=r"--data: .* holds no data set; expected a CSV"):
        find_data_sets(folder("empty/notes.txt"))


def test_two_data_sets_of_one_name_are_refused(folder):
    path = folder("news/train.csv", "news.csv")
    with pytest.raises(InputError, match=r" has 2 data sets named news\. Rename one of them\."):
        find_data_sets(path)


def test_two_files_for_one_split_are_refused(folder):
    path = folder("news/train.csv", "news/dev.csv", "news/valid.csv")
    with pytest.raises(InputError, match=r"several files for validation: dev\.csv, valid\.csv\."):
        find_data_sets(path)
