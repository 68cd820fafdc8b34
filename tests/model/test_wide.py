"""The wide channel: terms, weights, what is kept of them, and its share beside the LSTM."""

import json

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from helpers.priors import factor_loss
from textlstm.model import mixing
from textlstm.model.calibration import fit_temperature
from textlstm.model.metrics import Predictions, scores
from textlstm.model.mixing import (
    Rows,
    channel_settings,
    class_information,
    fit_channel,
    fit_mixture,
    score_mixture,
)
from textlstm.model.significance import scores_with_intervals
from textlstm.model.wide import WideChannel, mixed, n_grams

WORDS = [["bank", "share", "price"], ["goal", "match", "team"], ["star", "planet", "light"]]
ALL = [word for words in WORDS for word in words]
SETTINGS = {"unit": "word", "longest": 2, "sublinear": True, "C": 5.0}


def rows_of(count, seed, classes=3):
    random = np.random.default_rng(seed)
    labels_N = random.integers(classes, size=count)
    texts = [
        " ".join([*random.choice(WORDS[label], 3), *random.choice(ALL, 2), f"day{n}"])
        for n, label in enumerate(labels_N)
    ]
    return Rows(texts, labels_N)


@pytest.fixture(scope="module")
def channel():
    return fit_channel(rows_of(120, 0), SETTINGS, 3, validation=rows_of(60, 1)).channel


@pytest.mark.parametrize(
    ("unit", "longest", "expected"),
    [
        ("word", 1, ["the", "goal", "goal"]),
        ("word", 2, ["the", "goal", "goal", "the goal", "goal goal"]),
        ("character", 1, [*" the ", *" goal ", *" a ", *" goal "]),
    ],
)
def test_terms_are_words_or_characters_and_their_runs(unit, longest, expected):
    text = "The GOAL, a goal" if unit == "word" else "The GOAL a goal"
    assert list(n_grams(text, unit, longest)) == expected


def test_words_and_runs_of_characters_go_together():
    found = list(n_grams("A goal", "both", 2))
    assert found == [
        "goal",
        " a ",
        " go",
        "goa",
        "oal",
        "al ",
        " goa",
        "goal",
        "oal ",
        " goal",
        "goal ",
    ]


def test_the_terms_follow_from_the_script_and_the_size_of_the_texts(monkeypatch):
    own = {"longest": 2, "sublinear": True, "C": 10.0, "added": 2}
    assert channel_settings(["A goal"] * 10) == {"unit": "both", **own}
    assert channel_settings(["今天天气好"] * 10) == {"unit": "character", **own}
    monkeypatch.setattr(mixing, "MOST_CHARACTERS", 49)
    assert channel_settings(["A goal"] * 10) == {"unit": "word", **own}
    assert channel_settings(["今天天气好"] * 10) == {"unit": "character", **own}


def test_only_the_most_common_terms_are_fitted_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(mixing, "FITTED_WEIGHTS", 3 * 9)
    found = fit_channel(rows_of(100, 8), {**SETTINGS, "longest": 1}, 3).channel
    assert list(found.columns) == sorted(ALL)  # and no day


def test_runs_of_characters_keep_inside_a_word():
    found = list(n_grams("ab  c", "character", 3))
    assert found == [*" ab ", " a", "ab", "b ", " ab", "ab ", *" c ", " c", "c ", " c "]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("sublinear", [False, True])
@pytest.mark.parametrize(("added", "many"), [(None, False), (2, False), (20, False), (2, True)])
def test_it_is_logistic_regression_over_tfidf_weighted_by_information(
    classes, sublinear, added, many, monkeypatch
):
    """The very probabilities of scikit-learn's parts, whose words these are, too."""
    if many:
        monkeypatch.setattr(mixing, "MANY_CLASSES", classes - 1)
    train, new = rows_of(100, 2, classes), rows_of(40, 3, classes)
    settings = {**SETTINGS, "sublinear": sublinear}
    if added is not None:  # else as records from before there was a choice
        settings["added"] = added
    found = fit_channel(train, settings, classes).channel
    tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=sublinear)
    train_NV = tfidf.fit_transform(train.texts).toarray()
    information_V = information_of(train_NV > 0, train.labels_N, classes, added or 2)
    factors_V = np.ones_like(information_V) if many else information_V**0.25
    factors_V = factors_V / np.sqrt(((train_NV * factors_V) ** 2).sum() / 100)
    model = LogisticRegression(C=5.0, solver="newton-cg")
    model.fit(train_NV * factors_V, train.labels_N)
    new_NV = tfidf.transform(new.texts).toarray() * factors_V
    expected_NC = torch.from_numpy(model.predict_proba(new_NV)).float()
    probabilities_NC = found.log_probabilities(new.texts).exp()
    torch.testing.assert_close(probabilities_NC, expected_NC, rtol=0, atol=1e-3)


def information_of(found_NV, labels_N, classes, added):
    """Term by term, as the docstring of `class_information` says it."""
    information_V = []
    for found_N in found_NV.T:
        divergence = 0.0
        for label in range(classes):
            share = (labels_N == label).mean()
            own = (labels_N[found_N] == label).sum() + added * share
            own /= found_N.sum() + added
            divergence += own * np.log(own / share)
        information_V.append(divergence)
    return np.array(information_V)


def test_a_term_says_the_more_the_surer_its_class_is():
    labels_N = np.array([0, 0, 0, 2, 2, 2])  # class 1 has no rows
    counts_NV = [[3, 1, 0], [1, 1, 0], [2, 0, 1], [0, 1, 0], [0, 2, 0], [0, 0, 0]]
    found_V = class_information(sparse.csr_matrix(np.array(counts_NV, np.float32)), labels_N, 2)
    three, one = np.array([0.8, 0.2]), np.array([2 / 3, 1 / 3])  # 3 + 1 of 5, and 1 + 1 of 3
    expected = [(three * np.log(2 * three)).sum(), 0, (one * np.log(2 * one)).sum()]
    np.testing.assert_allclose(found_V, expected, atol=1e-12)


def test_validation_chooses_how_rare_terms_are_weighted_and_then_the_penalty(monkeypatch):
    monkeypatch.setattr(mixing, "FEW", 60)
    train, validation = rows_of(100, 2), rows_of(60, 3)

    def loss(settings):
        return mixing._log_loss(fit_channel(train, settings, 3).channel, validation)

    weightings = [{**SETTINGS, "added": added} for added in (2, 20)]
    weighted = min(weightings, key=loss)
    best = min([{**weighted, "C": c} for c in (5.0, *mixing.STRENGTHS)], key=loss)
    found = fit_channel(train, weightings[0], 3, validation=validation)
    assert found.settings == best != weightings[0]
    assert mixing._log_loss(found.channel, validation) == loss(best)
    monkeypatch.setattr(mixing, "MOST_WORK", 100)
    found = fit_channel(train, weightings[0], 3, validation=validation)
    assert found.settings == weightings[0]


def test_folds_of_the_training_rows_choose_where_validation_has_few():
    train, validation = rows_of(100, 2), rows_of(199, 3)

    def loss(settings):
        folds = [(fit_channel(part, settings, 3), rows) for part, rows in mixing._folds(train)]
        return sum(mixing._log_loss(fitted.channel, held_out) for fitted, held_out in folds)

    weighted = min([{**SETTINGS, "added": added} for added in (2, 20)], key=loss)
    best = min([{**weighted, "C": c} for c in (5.0, *mixing.STRENGTHS)], key=loss)
    found = fit_channel(train, SETTINGS, 3, validation=validation)
    assert found.settings == best
    others = fit_channel(train, SETTINGS, 3, validation=rows_of(30, 7))
    assert others.settings == best


def test_folds_hold_out_each_row_once_and_no_class_that_is_left_without_rows():
    labels_N = np.array([0] * 11 + [1] * 6 + [2])
    rows = Rows([str(n) for n in range(18)], labels_N)
    folds = mixing._folds(rows)
    held_out = [text for _, held in folds for text in held.texts]
    assert sorted(held_out, key=int) == rows.texts[:17]
    for part, held in folds:
        assert not set(part.texts) & set(held.texts)
        assert len(part.texts) + len(held.texts) >= 17
        assert {labels_N[int(text)] for text in part.texts} >= {0, 1}
        np.testing.assert_array_equal(held.labels_N, [labels_N[int(text)] for text in held.texts])
    assert not mixing._folds(Rows(["a", "b", "c"], np.array([0, 1, 2])))
    assert not mixing._folds(Rows(["a", "b", "c"], np.array([0, 0, 0])))


def test_a_row_of_each_class_is_enough():
    train = Rows(["the bank", "a goal", "the planet"], np.array([0, 1, 2]))
    settings = channel_settings(train.texts)
    found = fit_channel(train, settings, 3, validation=Rows(["a bank", "goals"], np.array([0, 1])))
    assert found.settings == settings
    assert found.channel.log_probabilities(["goal"]).argmax() == 1


@pytest.mark.parametrize("unit", ["word", "both"])
def test_validation_chooses_whether_runs_of_characters_are_terms(unit, monkeypatch):
    """In one file the order of two words tells the class, in the other a part of each word does."""
    random = np.random.default_rng(0)
    labels_N = random.integers(2, size=200)
    if unit == "word":
        orders = ["which follows", "follows which"]
        texts = [f"{orders[label]} {' '.join(random.choice(ALL, 4))}" for label in labels_N]
    else:  # no word of validation stands in training
        stems = ["hydro", "krypto"]
        texts = [f"{stems[label]}{n} {n}" for n, label in enumerate(labels_N)]
    train, validation = Rows(texts[:120], labels_N[:120]), Rows(texts[120:], labels_N[120:])
    monkeypatch.setattr(mixing, "FEW", 80)
    settings = channel_settings(train.texts)
    assert settings["unit"] == "both"
    found = fit_channel(train, settings, 2, validation=validation)
    assert (found.settings["unit"], found.channel.unit) == (unit, unit)
    assert fit_channel(train, settings, 2).settings == settings


def test_batches_give_what_each_text_alone_gives(channel, monkeypatch):
    texts = [*rows_of(30, 4).texts, "", "nothing known here"]
    together_NC = channel.log_probabilities(texts)
    alone_NC = torch.cat([channel.log_probabilities([text]) for text in texts])
    torch.testing.assert_close(together_NC, alone_NC, rtol=0, atol=1e-6)
    monkeypatch.setattr("textlstm.model.wide.TEXTS", 7)
    torch.testing.assert_close(channel.log_probabilities(texts), together_NC, rtol=0, atol=1e-6)
    assert channel.log_probabilities([]).shape == (0, 3)
    torch.testing.assert_close(together_NC[-1], channel.bias_C.log_softmax(dim=0))


def test_a_saved_channel_gives_the_fitted_ones_probabilities(channel, tmp_path):
    channel.save(tmp_path)
    texts = rows_of(30, 5).texts
    read = WideChannel.load(tmp_path)
    torch.testing.assert_close(
        read.log_probabilities(texts), channel.log_probabilities(texts), rtol=0, atol=0
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["wide.json", "wide.safetensors"]
    assert json.loads((tmp_path / "wide.json").read_text(encoding="utf-8"))["unit"] == "word"


def test_a_class_without_training_rows_is_never_predicted():
    found = fit_channel(rows_of(60, 6, classes=2), SETTINGS, 3).channel
    probabilities_NC = found.log_probabilities(rows_of(30, 7).texts).exp()
    assert probabilities_NC[:, 2].max() < 1e-9
    assert torch.isfinite(found.log_probabilities([""])).all()


def test_terms_that_carry_no_weight_are_left_out(monkeypatch):
    monkeypatch.setattr(mixing, "FIRST_SIZE", 16)
    train, validation = rows_of(200, 8), rows_of(100, 9)
    fewer, settings = fit_channel(train, SETTINGS, 3, validation=validation)
    whole = fit_channel(train, settings, 3).channel
    assert 16 <= len(fewer.columns) < len(whole.columns) / 4
    assert {"goal", "bank", "planet"} <= fewer.columns.keys()
    assert mixing._log_loss(fewer, validation) <= mixing._log_loss(whole, validation) + 0.001


def test_there_are_never_more_weights_than_a_bundle_may_have(monkeypatch):
    monkeypatch.setattr(mixing, "MOST_WEIGHTS", 30)
    found = fit_channel(rows_of(100, 8), SETTINGS, 3, validation=rows_of(50, 9)).channel
    assert len(found.columns) <= 10
    assert len(fit_channel(rows_of(100, 8), SETTINGS, 3, size=5).channel.columns) == 5


def drawn(seed, noise, gold_N):
    """Log-probabilities that say the gold class, with noise."""
    generator = torch.Generator().manual_seed(seed)
    scores_NC = 2 * torch.eye(3)[gold_N] + noise * torch.randn(len(gold_N), 3, generator=generator)
    return scores_NC.log_softmax(dim=1)


@pytest.fixture
def channels():
    gold_N = torch.randint(3, (500,), generator=torch.Generator().manual_seed(0))
    return Predictions(drawn(1, 1.5, gold_N), gold_N), drawn(2, 1.5, gold_N)


def repeated(predictions, wide_NC, times):
    log_NC = predictions.log_probabilities_NC.repeat(times, 1)
    return Predictions(log_NC, predictions.gold_N.repeat(times)), wide_NC.repeat(times, 1)


def mixture_loss(lstm, wide_NC, weight, temperature):
    mixture_NC = mixed(lstm.log_probabilities_NC, wide_NC, weight=weight, temperature=temperature)
    return scores(Predictions(mixture_NC, lstm.gold_N), list("abc"))["log_loss"]


def prior(weight, temperature, own, rows):
    return factor_loss(own * weight / temperature, (1 - weight) / temperature, rows)


@pytest.mark.parametrize("calibrate", [True, False])
@pytest.mark.parametrize("times", [1, 40])
def test_the_mixture_has_the_lowest_log_loss_of_all(channels, calibrate, times):
    """With its prior, and of 20,000 rows without."""
    lstm, wide_NC = repeated(*channels, times)
    own = fit_temperature(lstm) if calibrate else 1.0

    def loss(weight, temperature):
        plain = mixture_loss(lstm, wide_NC, weight, temperature)
        return plain + prior(weight, temperature, own, 500) * (times == 1)

    weight, temperature = fit_mixture(lstm, wide_NC, calibrate=calibrate)
    assert 0.3 < weight < 0.7
    assert (temperature == 1) == (not calibrate)
    best = loss(weight, temperature)
    assert best < min(loss(0, temperature), loss(1, temperature))
    assert all(best <= loss(weight + step, temperature) for step in (-0.02, 0.02))
    if calibrate:
        assert all(best <= loss(weight, temperature * factor) for factor in (0.95, 1.05))


def test_few_rows_without_a_mistake_do_not_make_the_mixture_certain():
    lstm = Predictions(torch.tensor(20 * [[0.9, 0.06, 0.04]]).log(), torch.zeros(20).long())
    mixture = fit_mixture(lstm, lstm.log_probabilities_NC, calibrate=True)
    own = fit_temperature(lstm)

    def loss(inverse, share):
        # Of equal channels the mixture has the same log loss, whatever the weight is.
        plain = mixture_loss(lstm, lstm.log_probabilities_NC, share, 1 / inverse)
        return plain + prior(share, 1 / inverse, own, 20)

    found = [
        (loss(inverse, share), inverse, share)
        for inverse in np.arange(0.5, 2, 0.02)
        for share in np.arange(0, 1, 0.02)
    ]
    _, inverse, share = min(found)
    assert 1 / mixture.temperature == pytest.approx(inverse, abs=0.02)
    assert mixture.weight == pytest.approx(share, abs=0.02)
    assert mixture.temperature > 0.5


@pytest.mark.parametrize("calibrate", [True, False])
def test_few_rows_do_not_choose_the_weight_alone(calibrate):
    """The LSTM is right in all rows, and the wide channel in three of four."""
    sure, wrong = [0.9, 0.06, 0.04], [0.06, 0.9, 0.04]
    lstm = Predictions(torch.tensor(16 * [sure]).log(), torch.zeros(16).long())
    wide_NC = torch.tensor([*12 * [sure], *4 * [wrong]]).log()
    assert fit_mixture(lstm, wide_NC, calibrate=calibrate).weight < 0.6
    many = repeated(lstm, wide_NC, 100)
    assert fit_mixture(*many, calibrate=calibrate).weight > 0.8


def test_a_channel_that_knows_nothing_gets_no_weight(channels):
    lstm, _ = channels
    random_NC = torch.randn(500, 3, generator=torch.Generator().manual_seed(3)).log_softmax(dim=1)
    assert fit_mixture(lstm, random_NC, calibrate=True).weight > 0.9
    turned = Predictions(random_NC, lstm.gold_N)
    assert fit_mixture(turned, lstm.log_probabilities_NC, calibrate=True).weight < 0.1


def test_a_mixture_is_scored_beside_each_channel_alone(channel):
    rows = rows_of(50, 10)
    gold_N = torch.from_numpy(rows.labels_N)
    lstm = Predictions(drawn(4, 2.0, gold_N), gold_N)
    wide = {"weight": 1.0, "lstm_temperature": 2.0, "wide_temperature": 1.0}
    mixture, found, alone = score_mixture(lstm, rows.texts, channel, wide, 2.0, list("abc"))
    torch.testing.assert_close(mixture.probabilities_NC.float(), lstm.probabilities_NC)
    assert found["log_loss"] == pytest.approx(alone["lstm"]["log_loss"], abs=1e-6)
    wide_NC = channel.log_probabilities(rows.texts)
    assert alone["wide"] == scores_with_intervals(Predictions(wide_NC, gold_N), list("abc"))
