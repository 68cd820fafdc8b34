"""Hub data sets that are not there or not as asked for: the error says what to do."""

import datasets
import huggingface_hub.constants

from helpers.mistakes import CSV, MANY, TRAIN, each_case

HUB = ["data=hub", "data.name={folder}/set"]

CASES = [
    (
        "a name of a hub data set beside files",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.name=stanfordnlp/imdb"],
        "data.name=stanfordnlp/imdb has no meaning with data.source=files: leave it out.",
    ),
    (
        "a hub data set without a name",
        {},
        ["data=hub"],
        (
            "data=hub needs data.name=… (a data set of the hub such as stanfordnlp/imdb, or a "
            "local folder of one)."
        ),
    ),
    (
        "a hub data set beside a training file",
        {"rows.csv": CSV, "set/train.csv": MANY},
        [*HUB, TRAIN + "rows.csv"],
        "data.train={folder}/rows.csv has no meaning with data.source=hub: leave it out.",
    ),
    (
        "a hub data set without a file of data",
        {"set/readme.md": "# none"},
        HUB,
        (
            "data.name={folder}/set: there is no such data set on the hub and no such folder here, "
            "or none with data, or it is private. Check the spelling (owner/name); `hf auth login` "
            "opens private ones."
        ),
    ),
    (
        "a hub data set without the column",
        {"set/train.csv": MANY},
        [*HUB, "data.text_column=texts"],
        (
            "data.name: {folder}/set, split train has no column 'texts'. Did you mean 'text'? Its "
            "columns are text, label; name one with data.text_column=…"
        ),
    ),
    (
        "a hub data set without training rows",
        {"set/test.csv": MANY},
        HUB,
        "data.name={folder}/set: it has no split 'train', only test.",
    ),
    (
        "a hub data set without the configuration",
        {"set/train.csv": MANY},
        [*HUB, "data.config=english"],
        (
            "data.name={folder}/set data.config=english: it cannot be loaded: BuilderConfig "
            "'english' not found. Available: ['default']."
        ),
    ),
    (
        "a hub data set with a class of its own in test",
        {"set/train.csv": MANY, "set/test.csv": "text,label\na,sport\n"},
        HUB,
        (
            "data.name: {folder}/set, split test, row 1 has the label 'sport', which no training "
            "row has. Did you mean 'sports'? The classes are money, sports."
        ),
    ),
]


@each_case(CASES)
def test_a_bad_hub_data_set_is_named_with_what_to_do(assert_refused, files, overrides, message):
    assert_refused(files, overrides, message)


def test_a_hub_out_of_reach_is_named_with_a_corpus_that_is_here(monkeypatch, refused):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    assert refused("data=hub", "data.name=nobody/nothing") == (
        "error: data.name=nobody/nothing: the Hugging Face hub cannot be reached. Without it, "
        "data=newswire4 trains on the embedded corpus."
    )


def test_a_hub_data_set_that_is_not_there_is_named(monkeypatch, refused):
    def missing(*_):
        raise datasets.exceptions.DatasetNotFoundError(
            "Dataset 'nobody/nothing' doesn't exist on the Hub."
        )

    monkeypatch.setattr(datasets, "load_dataset", missing)
    assert refused("data=hub", "data.name=nobody/nothing") == (
        "error: data.name=nobody/nothing: there is no such data set on the hub and no such folder "
        "here, or none with data, or it is private. Check the spelling (owner/name); `hf auth "
        "login` opens private ones."
    )
