"""Explanations: they add up, agree with Captum, find what decides, and can be believed."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.small import SETTINGS, lively_network
from textlstm import TextClassifier
from textlstm.checks import InputError
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.ensemble import network_from_plain_values
from textlstm.model.explain import attribute
from textlstm.model.mixing import Rows, fit_channel

LABELS = ["money", "sports", "science"]
WORDS = [["bank", "share", "price"], ["goal", "match", "team"], ["star", "planet", "light"]]
ALL = [word for words in WORDS for word in words]
WIDE = {"unit": "both", "longest": 2, "sublinear": True, "C": 5.0}
KINDS = {
    "last": {"pooling": "last"},
    "two directions": {"pooling": "concat", "bidirectional": True, "layers": 2},
    "ensemble": {"pooling": "mean", "ensemble": 3},
    "wide": {"pooling": "attention", "wide": True},
    "best": {"pooling": "concat", "ensemble": 3, "wide": True},
}


def texts_of(count, seed=0):
    """Texts of four to nine words, and the class that their words speak for."""
    random = np.random.default_rng(seed)
    labels_N = random.integers(len(WORDS), size=count)
    return [
        " ".join([*random.choice(WORDS[label], 3), *random.choice(ALL, random.integers(1, 7))])
        for label in labels_N
    ], labels_N


def classifier_of(network, tokenizer, *, wide=False, **options):
    channel = None
    if wide:
        channel = fit_channel(Rows(*texts_of(90)), WIDE, len(LABELS), size=300).channel
    return TextClassifier(
        network,
        tokenizer,
        LABELS,
        **{"max_length": 100, "truncate": "head", "temperature": 0.8, **options},
        wide=channel,
        weight=0.4 if wide else 1.0,
    )


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(texts_of(90)[0], kind="bpe", vocab_size=320)


def lively(tokenizer, *, wide=False, ensemble=1, seed=1, **settings):
    """A classifier whose network has large random weights."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "classes": len(LABELS), "hidden": 6}
    network = network_from_plain_values(**{**SETTINGS, **sizes, **settings}, ensemble=ensemble)
    for parameter in network.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.5)
    with torch.no_grad():
        for member in network.members:
            member.embedding.weight[0] = 0
    return classifier_of(network, tokenizer, wide=wide)


@pytest.fixture(params=KINDS)
def classifier(request, tokenizer):
    return lively(tokenizer, **KINDS[request.param])


def shares(explanation):
    return [word.share for word in explanation.words]


def test_shares_add_up_to_the_probability_less_that_of_unknown_words(classifier):
    texts, _ = texts_of(40, seed=2)
    probabilities_NC = classifier.probabilities(texts)
    explained = classifier.explain(texts)

    for text, explanation, probabilities_C in zip(texts, explained, probabilities_NC, strict=True):
        assert explanation.label == LABELS[int(probabilities_C.argmax())]
        assert explanation.score == pytest.approx(float(probabilities_C.max()), abs=1e-5)
        assert [word.text for word in explanation.words] == text.split()
        assert all(text[word.start : word.end] == word.text for word in explanation.words)
    assert np.mean([abs(explanation.rest) for explanation in explained]) < 0.0005
    assert max(max(map(abs, shares(explanation))) for explanation in explained) > 0.01


def test_against_another_class_the_difference_of_both_is_explained(classifier):
    texts, _ = texts_of(10, seed=3)
    for target, against in [("money", "sports"), ("science", "money")]:
        one = classifier.explain(texts, target=target, steps=4)
        other = classifier.explain(texts, target=against, steps=4)
        both = classifier.explain(texts, target=target, against=against, steps=4)
        for first, second, difference in zip(one, other, both, strict=True):
            assert (difference.label, difference.against) == (target, against)
            assert difference.score == pytest.approx(first.score - second.score, abs=1e-5)
            expected = np.subtract(shares(first), shares(second))
            assert shares(difference) == pytest.approx(expected, abs=1e-5)


def test_a_batch_gives_what_each_text_gives_alone(classifier):
    texts = [*texts_of(12, seed=4)[0], "", "goal", "zzz"]
    together = classifier.explain(texts, steps=4)
    for text, explanation in zip(texts, together, strict=True):
        (alone,) = classifier.explain([text], steps=4)
        assert alone.label == explanation.label
        assert shares(alone) == pytest.approx(shares(explanation), abs=2e-5)


@pytest.mark.parametrize("text", ["", "   "])
def test_a_text_without_words_has_a_score_and_no_shares(classifier, text):
    (explanation,) = classifier.explain([text])
    assert explanation.words == []
    assert explanation.score == pytest.approx(explanation.unknown_score, abs=1e-6)
    assert explanation.score == pytest.approx(float(classifier.probabilities([text]).max()))


def test_one_token_has_all_of_the_difference(classifier):
    (explanation,) = classifier.explain(["goal"])
    difference = explanation.score - explanation.unknown_score
    assert shares(explanation) == pytest.approx([difference], abs=5e-4)


def test_unknown_words_have_no_share():
    tokenizer = train_tokenizer(texts_of(90)[0], kind="word", vocab_size=30)
    classifier = lively(tokenizer, bidirectional=True, pooling="concat")
    (explanation,) = classifier.explain(["zebra, xylophone"])
    assert [word.text for word in explanation.words] == ["zebra", ",", "xylophone"]
    assert shares(explanation) == [0, 0, 0]
    assert explanation.score == explanation.unknown_score


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_word_among_others_has_no_share(kind):
    """Networks that read backwards give their shares to the same words."""
    tokenizer = train_tokenizer(texts_of(90)[0], kind="word", vocab_size=30)
    classifier = lively(tokenizer, **{**KINDS[kind], "wide": False})
    (explanation,) = classifier.explain(["zebra goal match bank"], steps=4)
    unknown, *known = shares(explanation)
    assert unknown == 0
    assert all(known)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_has_no_share(tokenizer, kind):
    classifier = lively(tokenizer, **{**KINDS[kind], "wide": False})
    encoded = classifier.encoded(["goal match", *texts_of(3, seed=5)[0], ""])
    batch = encoded.__getitems__(list(range(5)))
    signs_BC = functional.one_hot(torch.tensor([0, 1, 2, 0, 1])).float()
    found = attribute(classifier, batch, None, signs_BC, steps=4)

    inside_BT = torch.arange(batch.tokens_BT.shape[1]) < batch.lengths_B[:, None]
    assert (found.tokens_BT[~inside_BT] == 0).all()
    assert (found.tokens_BT[inside_BT] != 0).all()


@pytest.mark.parametrize("truncate", ["head", "tail", "head_tail"])
def test_words_that_the_network_does_not_read_have_no_share(truncate):
    tokenizer = train_tokenizer(texts_of(90)[0], kind="word", vocab_size=30)
    network = lively_network(vocab_size=tokenizer.get_vocab_size())
    text = "bank goal share match price team"
    read = {"head": [0, 1, 2, 3], "tail": [2, 3, 4, 5], "head_tail": [0, 1, 4, 5]}[truncate]

    cut = classifier_of(network, tokenizer, max_length=4, truncate=truncate)
    (explanation,) = cut.explain([text])
    (whole,) = cut.explain([" ".join(text.split()[place] for place in read)])
    found = shares(explanation)
    assert [found[place] for place in read] == pytest.approx(shares(whole), abs=1e-6)
    assert all(found[place] == 0 for place in {*range(6)} - {*read})


def test_a_term_of_the_wide_channel_counts_for_the_words_that_hold_it(tokenizer):
    classifier = lively(tokenizer, wide=True)
    classifier.weight = 0.0  # the wide channel alone
    (explanation,) = classifier.explain(["zzzz goal bank zzzz"], target="sports")
    strange, goal, bank, _ = shares(explanation)
    assert goal > 0.05 > 0 > bank
    assert strange == 0
    assert abs(explanation.rest) < 1e-6


def test_captum_gives_the_same_shares(tokenizer):
    """The network alone, token by token; Captum interpolates the output of the embedding."""
    attr = pytest.importorskip("captum.attr", reason="captum is in the extra dev")
    classifier = lively(tokenizer, **KINDS["two directions"])
    texts, labels_N = texts_of(6, seed=7)
    batch = classifier.encoded(texts).__getitems__(list(range(6)))

    def probabilities(tokens_BT, lengths_B):
        scores_BC = classifier.network(tokens_BT, lengths_B)
        return (scores_BC / classifier.temperature).softmax(dim=1)

    oracle = attr.LayerIntegratedGradients(probabilities, classifier.network.embedding)
    unknown_BT = torch.where(batch.tokens_BT != 0, 1, 0)
    expected_BTE = oracle.attribute(
        batch.tokens_BT,
        baselines=unknown_BT,
        additional_forward_args=(batch.lengths_B,),
        target=torch.tensor(labels_N),
        n_steps=16,
        method="gausslegendre",
    )
    signs_BC = functional.one_hot(torch.tensor(labels_N), len(LABELS)).float()
    found = attribute(classifier, batch, None, signs_BC, steps=16)
    torch.testing.assert_close(
        found.tokens_BT.float(), expected_BTE.sum(dim=-1).float(), rtol=1e-4, atol=1e-6
    )


PLANTED = ["alpha", "beta", "gamma"]


def planted_rows(count, random):
    """Texts whose class is that of one word among words that say nothing."""
    labels_N = random.integers(len(PLANTED), size=count)
    drawn = [list(random.choice(ALL, random.integers(4, 10))) for _ in labels_N]
    for words, label in zip(drawn, labels_N, strict=True):
        words[random.integers(len(words))] = PLANTED[label]
    return Rows([" ".join(words) for words in drawn], labels_N)


def planted_first(classifier, rows):
    """The share of texts whose planted word has the largest share of all."""
    explained = classifier.explain(rows.texts, steps=16)
    first = [max(found.words, key=lambda word: word.share).text for found in explained]
    return np.mean(
        [word == PLANTED[label] for word, label in zip(first, rows.labels_N, strict=True)]
    )


def learn(network, classifier, rows):
    batch = classifier.encoded(rows.texts).__getitems__(list(range(len(rows.texts))))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    network.train()
    for _ in range(80):
        scores_BC = network(batch.tokens_BT, batch.lengths_B)
        optimizer.zero_grad()
        functional.cross_entropy(scores_BC, torch.tensor(rows.labels_N)).backward()
        optimizer.step()
    network.eval()


@pytest.mark.parametrize("kind", ["two directions", "best"])
def test_a_planted_word_that_decides_the_class_comes_first_but_not_with_fresh_weights(kind):
    random = np.random.default_rng(0)
    train, unseen = planted_rows(200, random), planted_rows(100, random)
    known = train_tokenizer(train.texts, kind="word", vocab_size=60)
    options = {**SETTINGS, **KINDS[kind], "word_dropout": 0.3, "layers": 1, "hidden": 8}
    wide = options.pop("wide", False)
    torch.manual_seed(0)
    network = network_from_plain_values(**{**options, "vocab_size": known.get_vocab_size()})
    classifier = classifier_of(network, known)

    assert planted_first(classifier, unseen) < 0.5
    learn(network, classifier, train)
    if wide:
        classifier.wide = fit_channel(train, WIDE, 3, size=300).channel
        classifier.weight = 0.4
    assert planted_first(classifier, unseen) >= 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "sport"}, "target: the model has no class 'sport'.* Did you mean 'sports'"),
        ({"against": "art"}, "against: the model has no class 'art'"),
        ({"target": ["money"]}, "target has 1 classes for 2 texts"),
        ({"target": "money", "against": "money"}, "target and against are both 'money'"),
        ({"steps": 0}, "steps must be at least 1"),
    ],
)
def test_questions_that_have_no_answer_are_refused(tokenizer, options, message):
    with pytest.raises(InputError, match=message):
        lively(tokenizer).explain(["goal", "bank"], **options)


def test_each_text_can_have_a_question_of_its_own(tokenizer):
    classifier = lively(tokenizer)
    texts = ["goal match", "bank"]
    found = classifier.explain(texts, target=["money", "science"], against=["sports", None])
    assert [(one.label, one.against) for one in found] == [("money", "sports"), ("science", None)]
    (predicted,) = classifier.explain(["goal"])
    (own,) = classifier.explain(["goal"], against=predicted.label)
    assert own == predicted


def test_explaining_leaves_the_classifier_as_it_was(tokenizer):
    classifier = lively(tokenizer, **KINDS["best"])
    before = classifier.probabilities(["goal match"])
    with torch.inference_mode():
        classifier.explain(["goal match"])
    assert torch.equal(classifier.probabilities(["goal match"]), before)
    assert all(parameter.grad is None for parameter in classifier.network.parameters())
    assert not any(module.training for module in classifier.network.modules())


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["two directions", "best"])
def test_a_gpu_gives_the_shares_of_the_cpu(tokenizer, kind):
    """cuDNN computes no gradient of an LSTM that is not in training mode."""
    classifier = lively(tokenizer, **KINDS[kind])
    batch = classifier.encoded(texts_of(5)[0]).__getitems__(list(range(5)))
    signs_BC = functional.one_hot(torch.tensor([0, 1, 2, 0, 1]), len(LABELS)).float()
    added_BC = None if classifier.wide is None else torch.zeros(5, len(LABELS))
    expected = attribute(classifier, batch, added_BC, signs_BC, steps=4)
    classifier.network.cuda()
    found = attribute(classifier, batch, added_BC, signs_BC, steps=4)
    torch.testing.assert_close(found.tokens_BT, expected.tokens_BT, rtol=1e-2, atol=1e-3)
    assert not any(module.training for module in classifier.network.modules())
