"""Sources: data sets of the hub, from local folders and where it cannot be reached."""

import datasets
import huggingface_hub.constants
import pytest
from datasets import ClassLabel, Features, Value

from helpers.sources import names_of, rows_of, write_parquet
from textlstm.checks import InputError

pytestmark = pytest.mark.usefixtures("own_hub_cache")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "imdb"},
            r"^data\.name=imdb has no meaning with data\.source=files: leave it out\.$",
        ),
        (
            {"config": "plain"},
            r"^data\.config=plain has no meaning with data\.source=files: leave it out\.$",
        ),
        (
            {"source": "hub", "train": "a.csv"},
            r"^data\.train=a\.csv has no meaning with data\.source=hub: leave it out",
        ),
        (
            {"source": "hub", "test": "a.csv"},
            r"^data\.test=a\.csv has no meaning with data\.source=hub: leave it out\.$",
        ),
    ],
)
def test_a_key_of_the_other_source_is_refused(load, options, message):
    with pytest.raises(InputError, match=message):
        load(**options)


def test_an_unknown_source_is_refused(load):
    with pytest.raises(
        InputError, match=r"data.source must be one of files, hub, got 'hubb'.*'hub'"
    ):
        load(source="hubb")


@pytest.fixture
def data_set_folder(tmp_path):
    folder = tmp_path / "my_data_set"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\none,a\ntwo,b\nthree,a\n", encoding="utf-8")
    (folder / "test.csv").write_text("text,label\nfour,b\n", encoding="utf-8")
    return folder


def test_a_local_data_set_of_the_hub(data_set_folder, load):
    splits = load(source="hub", name=str(data_set_folder))
    assert list(splits) == ["train", "test"]
    assert rows_of(splits["train"]) == [("one", "a"), ("two", "b"), ("three", "a")]
    assert rows_of(splits["test"]) == [("four", "b")]
    name = f"{data_set_folder}, split train"
    assert list(splits["train"].places.shown()) == [(name, 1), (name, 2), (name, 3)]


def test_a_hub_data_sets_dev_split_is_its_validation_split(data_set_folder, load):
    (data_set_folder / "dev.csv").write_text("text,label\nfive,a\n", encoding="utf-8")
    assert rows_of(load(source="hub", name=str(data_set_folder))["validation"]) == [("five", "a")]


def test_a_hub_data_set_without_train_is_refused(data_set_folder, load):
    (data_set_folder / "train.csv").unlink()
    with pytest.raises(InputError, match=r"my_data_set: it has no split 'train', only test"):
        load(source="hub", name=str(data_set_folder))


@pytest.mark.parametrize("name", ["gone", "empty"])
def test_a_hub_folder_without_data_is_refused(monkeypatch, load, tmp_path, name):
    def missing(path, _):
        raise datasets.exceptions.DatasetNotFoundError(
            f"Dataset '{path}' doesn't exist on the Hub."
        )

    (tmp_path / "empty").mkdir()
    if name == "gone":  # which the hub is asked for
        monkeypatch.setattr(datasets, "load_dataset", missing)
    with pytest.raises(
        InputError,
        match=rf"^data\.name={tmp_path}/{name}: there is no such data set .* or none with data",
    ):
        load(source="hub", name=str(tmp_path / name))


def test_a_hub_data_set_needs_a_name(load):
    with pytest.raises(InputError, match=r"data=hub needs data.name="):
        load(source="hub")


def test_a_hub_out_of_reach_names_the_embedded_corpus(monkeypatch, load):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    message = "data.name=nobody/nothing: the Hugging Face hub cannot be reached.*data=newswire4"
    with pytest.raises(InputError, match=message):
        load(source="hub", name="nobody/nothing")


def test_a_hub_data_sets_class_names_order_and_hidden_labels(load, tmp_path):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant"])})
    (tmp_path / "hub" / "data").mkdir(parents=True)
    write_parquet(
        tmp_path / "hub" / "data" / "train-0.parquet",
        [("a", 1), ("b", 0), ("c", -1)],
        features=features,
    )
    with pytest.raises(
        InputError, match=r"data\.name: .*hub, split train has no label in 1 of 3 rows \(column"
    ):
        load(source="hub", name=str(tmp_path / "hub"))
    train = load(source="hub", name=str(tmp_path / "hub"), drop_empty=True)["train"]
    assert names_of(train) == ["zebra", "ant"]
    assert rows_of(train) == [("a", "ant"), ("b", "zebra")]
    assert train.origin is None


def test_a_hub_data_sets_rows_are_read_once(load, data_set_folder, monkeypatch):
    first = load(source="hub", name=str(data_set_folder))["train"]
    monkeypatch.setattr("textlstm.data.rows._write", lambda *arguments: pytest.fail("read again"))
    assert load(source="hub", name=str(data_set_folder))["train"].key == first.key
