"""The saved model: overfit, save, load, same probabilities; damaged files refused; no pickle."""

import itertools
import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from helpers.bundles import change_config, read_config, sign
from helpers.small import SETTINGS, cut
from textlstm import Prediction, TextClassifier
from textlstm.checks import InputError
from textlstm.data.batching import EncodedTexts
from textlstm.data.tokenizer import encode, train_tokenizer
from textlstm.model.bundle import save_bundle
from textlstm.model.ensemble import network_from_plain_values
from textlstm.model.wide import WideChannel

TEXTS = [
    "The striker scored twice in Porto",
    "A late goal wins the cup",
    "Keeper saves a penalty",
    "Coach leaves after the final",
    "Shares fell as the bank warned",
    "Oil prices rise again",
    "The bank lends more, and at a lower rate",
    "Profits double at the maker of chips",
]
GOLD = [0, 0, 0, 0, 1, 1, 1, 1]
LABELS = ["sports", "finança"]

# Loads and predicts where nothing can be imported but the standard library and a few packages.
ALONE = """
import sys

allowed = {"textlstm", "torch", "numpy", "tokenizers", "safetensors"}
allowed |= {"torchgen", "functorch", "typing_extensions"}  # torch's own


class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed | sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{name} is refused", name=name)


sys.meta_path.insert(0, Refusal())
from textlstm import TextClassifier

print(TextClassifier.load(sys.argv[1]).predict(["a goal in the match"])[0].label)
try:
    import rich
except ModuleNotFoundError as error:
    print(error.name, "refused")
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Saves a network that has overfitted eight texts; gives its folder and its probabilities."""
    tokenizer = train_tokenizer(TEXTS, kind="bpe", vocab_size=300)
    settings = {
        **SETTINGS,
        "vocab_size": 300,
        "classes": 2,
        "hidden": 8,
        "bidirectional": True,
        "pooling": "concat",
    }
    torch.manual_seed(0)
    network = network_from_plain_values(**settings)
    batch = EncodedTexts(
        encode(tokenizer, TEXTS), torch.tensor(GOLD), cut=cut(max_length=12)
    ).__getitems__(list(range(8)))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.03)
    for _ in range(40):
        loss = functional.cross_entropy(network(batch.tokens_BT, batch.lengths_B), batch.labels_B)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    folder = tmp_path_factory.mktemp("run") / "model"
    save_bundle(
        folder,
        network=network,
        max_length=12,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=LABELS,
    )
    with torch.no_grad():
        return folder, network.eval()(batch.tokens_BT, batch.lengths_B).softmax(dim=1)


@pytest.fixture
def classifier(trained):
    return TextClassifier.load(trained[0])


@pytest.fixture
def bundle(trained, tmp_path):
    """A copy to damage."""
    for file in trained[0].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_the_loaded_model_gives_the_trained_models_probabilities(trained, classifier):
    probabilities_NC = classifier.probabilities(TEXTS)
    torch.testing.assert_close(probabilities_NC, trained[1], rtol=0, atol=1e-6)
    assert probabilities_NC.argmax(dim=1).tolist() == GOLD
    assert probabilities_NC.amax(dim=1).min() > 0.9


def test_a_run_folder_and_a_path_as_text_load_too(trained):
    for folder in (trained[0].parent, str(trained[0].parent)):
        torch.testing.assert_close(
            TextClassifier.load(folder).probabilities(TEXTS), trained[1], rtol=0, atol=1e-6
        )


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_batches_of_any_size_give_the_same_in_the_order_of_the_texts(
    trained, classifier, batch_size
):
    texts = [*TEXTS, ""]
    probabilities_NC = classifier.probabilities(texts, batch_size=batch_size)
    alone_NC = torch.cat([classifier.probabilities([text]) for text in texts])
    torch.testing.assert_close(probabilities_NC, alone_NC, rtol=0, atol=1e-6)


def test_predict_names_the_most_probable_class_and_ranks_the_rest(classifier):
    predictions = classifier.predict([TEXTS[0], TEXTS[4]])
    assert [prediction.label for prediction in predictions] == ["sports", "finança"]
    assert list(predictions[0].probabilities) == ["sports", "finança"]
    assert list(predictions[1].probabilities) == ["finança", "sports"]
    alone = classifier.probabilities([TEXTS[4]])[0, 0].item()
    assert predictions[1].probabilities["sports"] == pytest.approx(alone, rel=0, abs=1e-6)


@pytest.mark.parametrize(
    ("top_k", "ranked"), [(1, ["sports"]), (2, LABELS), (5, LABELS), (None, LABELS)]
)
def test_top_k(classifier, top_k, ranked):
    (prediction,) = classifier.predict(TEXTS[:1], top_k=top_k)
    assert isinstance(prediction, Prediction)
    assert list(prediction.probabilities) == ranked


@pytest.mark.parametrize(
    "text", ["", "   ", "日本語 😀", "zyzzyva qwertz", "[PAD] [UNK] <0x41>", "goal " * 500, "\x00"]
)
def test_any_text_gets_probabilities_that_sum_to_1(classifier, text):
    (prediction,) = classifier.predict([text])
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-6)


def test_long_texts_are_cut_as_in_training(classifier):
    text = "goal " * 50
    torch.testing.assert_close(
        classifier.probabilities([text + "bank " * 50]), classifier.probabilities([text])
    )


@pytest.mark.parametrize(
    ("truncate", "kept"), [("head", "a the the"), ("tail", "the a a"), ("head_tail", "a the a")]
)
def test_long_texts_lose_what_they_lost_in_training(bundle, truncate, kept):
    change_config(bundle, max_length=3, truncate=truncate)
    classifier = TextClassifier.load(bundle)
    whole_NC = classifier.probabilities(["a the the the a a"])
    kept_NC = classifier.probabilities([kept])
    torch.testing.assert_close(whole_NC, kept_NC, rtol=0, atol=0)


def test_a_bundle_of_format_2_is_read_as_one_of_temperature_1(bundle, trained):
    config = read_config(bundle)
    del config["temperature"]
    (bundle / "config.json").write_text(json.dumps({**config, "format": 2}), encoding="utf-8")
    (bundle / "SHA256SUMS").unlink()
    classifier = TextClassifier.load(bundle)
    assert classifier.temperature == 1.0
    torch.testing.assert_close(classifier.probabilities(TEXTS), trained[1], rtol=0, atol=1e-6)


def test_a_temperature_divides_class_scores_and_keeps_the_classes(bundle, trained):
    change_config(bundle, temperature=2.0)
    probabilities_NC = TextClassifier.load(bundle).probabilities(TEXTS)
    expected = (trained[1].log() / 2).softmax(dim=1)
    torch.testing.assert_close(probabilities_NC, expected, rtol=0, atol=1e-6)
    assert probabilities_NC.argmax(dim=1).tolist() == GOLD


def test_predictions_below_the_threshold_are_not_sure(classifier):
    texts = [TEXTS[0], "and", "a"]
    largest = classifier.probabilities(texts).amax(dim=1).tolist()
    middle = sorted(largest)[1]
    found = classifier.predict(texts, min_probability=middle)
    assert [prediction.sure for prediction in found] == [share >= middle for share in largest]
    assert {prediction.sure for prediction in found} == {True, False}
    assert all(prediction.sure for prediction in classifier.predict(texts))
    assert [p.label for p in found] == [p.label for p in classifier.predict(texts)]


def test_no_texts_give_no_predictions(classifier):
    assert classifier.predict([]) == []


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (
            "one string",
            {},
            r"predict takes a list of texts, got one string; write predict\(\[text\]\)",
        ),
        (TEXTS, {"top_k": 0}, "top_k must be at least 1, got 0"),
        (TEXTS, {"batch_size": 0}, "batch_size must be at least 1, got 0"),
        (TEXTS, {"min_probability": 95}, "min_probability must be at least 0 and below 1, got 95"),
    ],
)
def test_wrong_arguments_are_refused(classifier, texts, options, message):
    with pytest.raises(InputError, match=message):
        classifier.predict(texts, **options)


def test_a_bundle_is_five_files_without_pickle(trained):
    folder = trained[0]
    assert sorted(file.name for file in folder.iterdir()) == [
        "SHA256SUMS",
        "config.json",
        "labels.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert len({file.stat().st_mode for file in folder.iterdir()}) == 1  # who may read one, may all
    weights = (folder / "model.safetensors").read_bytes()
    header_size = int.from_bytes(weights[:8], "little")
    header = json.loads(weights[8 : 8 + header_size])
    assert header["embedding.weight"]["shape"] == [300, 5]
    json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert list(config) == ["format", "network", "max_length", "truncate", "temperature"]
    assert (config["format"], config["max_length"], config["truncate"]) == (4, 12, "head")
    assert json.loads((folder / "labels.json").read_text(encoding="utf-8")) == LABELS


@pytest.mark.parametrize(
    "name", ["config.json", "labels.json", "model.safetensors", "tokenizer.json"]
)
def test_a_missing_file_is_named(bundle, name):
    (bundle / name).unlink()
    with pytest.raises(
        InputError, match=f"holds no trained model \\({name} missing in .*folder of a finished run"
    ):
        TextClassifier.load(bundle)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="gone holds no trained model"):
        TextClassifier.load(tmp_path / "gone")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *itertools.product(
            ["config.json", "labels.json", "model.safetensors", "tokenizer.json"],
            [b"", b"\xff\xfe garbage", b"{}", b"[]", b"null"],
        ),
        ("labels.json", b'["only one"]'),
        ("tokenizer.json", b'{"model": {"type": "BPE"}}'),
    ],
)
def test_a_damaged_file_is_refused(bundle, name, damage):
    (bundle / name).write_bytes(damage)
    sign(bundle)
    with pytest.raises(InputError):
        TextClassifier.load(bundle)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(bundle, number):
    weights = load_file(bundle / "model.safetensors")
    weights["output.bias"][1] = number
    save_file(weights, bundle / "model.safetensors")
    sign(bundle)
    with pytest.raises(InputError, match=r"has weights that are no numbers: its training failed"):
        TextClassifier.load(bundle)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_half_a_file_is_refused(bundle, name):
    whole = (bundle / name).read_bytes()
    (bundle / name).write_bytes(whole[: len(whole) // 2])
    sign(bundle)
    with pytest.raises(InputError, match="is damaged"):
        TextClassifier.load(bundle)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "has format 99; this version of textlstm reads formats 2 to 4"),
        ({"network": {"hidden": 4}}, "is damaged"),
        ({"truncate": "middle"}, "is damaged: .*truncate must be one of .*'middle'"),
        ({"temperature": 0.0}, "is damaged: .*temperature must be above 0"),
        ({"temperature": "warm"}, "is damaged: .*temperature must be a number, got 'warm'"),
        ({"network": {**SETTINGS, "vocab_size": 300, "classes": 2}}, "is damaged"),
    ],
)
def test_settings_that_do_not_fit_are_refused(bundle, change, message):
    change_config(bundle, **change)
    with pytest.raises(InputError, match=message):
        TextClassifier.load(bundle)


@pytest.mark.parametrize("key", ["format", "network", "max_length", "truncate", "temperature"])
def test_missing_settings_are_refused(bundle, key):
    config = read_config(bundle)
    del config[key]
    (bundle / "config.json").write_text(json.dumps(config), encoding="utf-8")
    sign(bundle)
    with pytest.raises(InputError, match="is damaged"):
        TextClassifier.load(bundle)


@pytest.mark.parametrize("wide", [False, True])
def test_predicting_needs_four_libraries_alone(trained, tmp_path, wide):
    """Every other import is refused, as where only these are installed, and torch's own need."""
    classifier = TextClassifier.load(trained[0])
    channel = WideChannel(
        *(["goal"], torch.ones(1), torch.tensor([[2.0, -2.0]]), torch.zeros(2)),
        unit="word",
        longest=2,
        sublinear=True,
    )
    save_bundle(
        tmp_path / "model",
        network=classifier.network,
        max_length=12,
        truncate="head",
        tokenizer_json=classifier.tokenizer.to_str(),
        labels=LABELS,
        wide=channel if wide else None,
        weight=0.5,
    )
    run = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path], capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.returncode) == ("sports\nrich refused\n", 0), run.stderr
