"""The language model: what each direction sees, its losses, and its weights in a classifier."""

import math

import pytest
import torch
from torch import Tensor, nn

from helpers.small import SETTINGS, small_network
from textlstm.model.language_model import LanguageModel, drawing_chances
from textlstm.model.settings import NetworkSettings

VOCABULARY = 30
TEXTS = [[3, 4, 5, 6, 7, 8], [9, 10, 11], [12]]


def language_model(
    *, dropout=0.0, weight_drop=0.0, word_dropout=0.0, affixes_KV=None, absent_V=None, **changes
) -> LanguageModel:
    """A language model whose weights are so large that each token shows in its guesses."""
    torch.manual_seed(0)
    sizes = {key: SETTINGS[key] for key in SETTINGS if key not in ("vocab_size", "classes")}
    model = LanguageModel(
        NetworkSettings(**{**sizes, **changes}),
        vocab_size=VOCABULARY,
        dropout=dropout,
        weight_drop=weight_drop,
        word_dropout=word_dropout,
        affixes_KV=affixes_KV,
        absent_V=absent_V,
    )
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.5)
    with torch.no_grad():
        model.embedding.weight[0] = 0
    return model.eval()


def padded(texts: list[list[int]], extra: int = 0) -> tuple[Tensor, Tensor]:
    width = max(map(len, texts)) + extra
    tokens_BT = torch.tensor([text + [0] * (width - len(text)) for text in texts])
    return tokens_BT, torch.tensor([len(text) for text in texts])


def chances_of_half() -> Tensor:
    chances_V = torch.full((VOCABULARY,), 0.5)
    chances_V[:2] = 0
    return chances_V


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("hidden", [5, 7])  # as large as the embedding, and not
def test_no_direction_sees_what_it_is_to_guess(layers, hidden):
    model = language_model(bidirectional=True, layers=layers, hidden=hidden)
    text = TEXTS[0]
    with torch.no_grad():
        before = [guesses_BTE[0] for guesses_BTE, _ in model(*padded([text]))]
        for changed in range(len(text)):
            other = [*text[:changed], 20, *text[changed + 1 :]]
            after = [guesses_BTE[0] for guesses_BTE, _ in model(*padded([other]))]
            for direction, place in enumerate((changed, len(text) - 1 - changed)):
                # The guess at a place is of the token after it, so that it may see its own.
                assert torch.equal(after[direction][:place], before[direction][:place])
                seen = (after[direction][place:] - before[direction][place:]).abs().amax(dim=1)
                assert (seen > 1e-6).all()


def test_each_direction_is_asked_for_its_next_token_and_never_for_padding_or_unknown_ones():
    model = language_model(bidirectional=True)
    asked: list[list[int]] = []
    whole_loss = model._whole_loss
    model._whole_loss = lambda guesses, targets: (
        asked.append(targets.tolist()) or whole_loss(guesses, targets)
    )
    losses = model.losses(*padded([[3, 4, 1, 5], [6, 7], [8]], extra=2))
    assert asked == [[4, 5, 7], [4, 3, 6]]
    assert [len(loss_N) for loss_N in losses] == [3, 3]


def test_padding_changes_no_loss():
    model = language_model(bidirectional=True, layers=2)
    alone = [model.losses(*padded([text])) for text in TEXTS]
    together = model.losses(*padded(TEXTS, extra=3))
    for direction, loss_N in enumerate(together):
        apart = torch.cat([losses[direction] for losses in alone])
        torch.testing.assert_close(loss_N, apart, rtol=0, atol=1e-5)


def test_the_whole_loss_is_cross_entropy_over_all_known_tokens():
    model = language_model()
    tokens_BT, lengths_B = padded([[3, 4]])
    [(guesses_BTE, _)] = model(tokens_BT, lengths_B)
    scores_V = guesses_BTE[0, 0] @ model.embedding.weight.T + model.bias
    expected = -scores_V[2:].log_softmax(dim=0)[4 - 2]
    [loss_N] = model.losses(tokens_BT, lengths_B)
    assert loss_N.tolist() == pytest.approx([expected.item()], abs=1e-5)


def test_tokens_that_no_text_has_are_never_guessed():
    absent_V = torch.zeros(VOCABULARY, dtype=torch.bool)
    absent_V[[0, 5, 7]] = True
    model = language_model(absent_V=absent_V)
    tokens_BT, lengths_B = padded([[3, 4]])
    [(guesses_BTE, _)] = model(tokens_BT, lengths_B)
    scores_V = guesses_BTE[0, 0] @ model.embedding.weight.T + model.bias
    left = [number for number in range(2, VOCABULARY) if number not in (5, 7)]
    expected = -scores_V[left].log_softmax(dim=0)[left.index(4)]
    [loss_N] = model.losses(tokens_BT, lengths_B)
    assert loss_N.tolist() == pytest.approx([expected.item()], abs=1e-5)
    assert not {"absent_V", "word_dropout.affixes_KV"} & model.state_dict().keys()


def test_word_dropout_reads_the_beginnings_of_words_and_asks_for_the_words():
    affixes_KV = torch.tensor([[0, 1, *range(3, VOCABULARY), 2]])
    model = language_model(word_dropout=0.9999999, affixes_KV=affixes_KV).train()
    seen: list[list[int]] = []
    model.embedding.register_forward_pre_hook(lambda _, given: seen.extend(given[0].tolist()))
    [(_, read_BT)] = model(*padded([[3, 4, 5]] * 2000))
    assert read_BT.tolist() == [[3, 4, 5]] * 2000
    first = [text[0] for text in seen]
    assert set(first) == {1, 4}
    assert 0.45 < first.count(4) / len(first) < 0.55


def test_with_every_token_drawn_the_sampled_loss_is_the_whole_one():
    model = language_model(bidirectional=True)
    every_V = drawing_chances(torch.ones(VOCABULARY), VOCABULARY)
    assert every_V.tolist() == [0, 0] + [1] * (VOCABULARY - 2)
    for sampled_N, whole_N in zip(
        model.losses(*padded(TEXTS), every_V), model.losses(*padded(TEXTS)), strict=True
    ):
        torch.testing.assert_close(sampled_N, whole_N, rtol=0, atol=1e-5)


def test_the_candidates_stand_in_for_the_whole_vocabulary():
    """exp(loss) is the sum over the vocabulary by the target's part: right in the mean."""
    model = language_model()
    [whole_N] = model.losses(*padded(TEXTS[:1]))
    with torch.no_grad():
        draws = torch.stack(
            [model.losses(*padded(TEXTS[:1]), chances_of_half())[0] for _ in range(3000)]
        )
    assert draws.std(dim=0).min() > 0.05  # or nothing would be shown
    for target in range(len(whole_N)):
        errors = draws[:, target].exp() - whole_N[target].exp()
        assert abs(errors.mean()) < 4 * errors.std() / math.sqrt(len(draws))


def test_frequent_tokens_are_drawn_more_often_and_absent_ones_never():
    counts_V = torch.tensor([50, 50, 0, *range(1, VOCABULARY - 2)])
    chances_V = drawing_chances(counts_V, 10)
    assert chances_V[:3].tolist() == [0, 0, 0]
    assert chances_V.sum().item() == pytest.approx(10, abs=1e-3)
    assert (chances_V[3:].diff() >= 0).all()
    assert chances_V[-1] > 3 * chances_V[3]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("hidden", "layers"), [(5, 1), (7, 2)])
def test_its_weights_are_the_classifiers(bidirectional, hidden, layers):
    sizes = {"bidirectional": bidirectional, "hidden": hidden, "layers": layers}
    model = language_model(**sizes)
    network = small_network(**sizes, directions="separate")
    weights = model.classifier_weights()
    left = network.load_state_dict(weights, strict=False)
    assert left.unexpected_keys == []
    assert {key.partition(".")[0] for key in left.missing_keys} == {"output"}
    tokens_BT, lengths_B = padded(TEXTS)
    states_BTH = network.embedding(tokens_BT)
    with torch.no_grad():
        for layer in network.lstm:
            states_BTH = layer(states_BTH, lengths_B)
        guesses_BTE = model(tokens_BT, lengths_B)[0][0]
        same_BTE = model.stacks[0].projection(states_BTH[..., :hidden])
    torch.testing.assert_close(guesses_BTE, same_BTE, rtol=0, atol=1e-6)
    if bidirectional:
        text = tokens_BT[:1].flip(1)
        with torch.no_grad():
            backward_BTE = model(text, lengths_B[:1])[1][0]
            same_BTE = model.stacks[1].projection(states_of(network, text, lengths_B[:1]))
        torch.testing.assert_close(backward_BTE.flip(1), same_BTE, rtol=0, atol=1e-6)


def states_of(network, tokens_BT, lengths_B):
    """The backward half of the classifier's states."""
    states_BTH = network.embedding(tokens_BT)
    for layer in network.lstm:
        states_BTH = layer(states_BTH, lengths_B)
    return states_BTH[..., network.settings.hidden :]


def test_weight_drop_is_of_recurrent_weights_and_of_training_alone():
    model = language_model(weight_drop=0.9)
    tokens_BT, lengths_B = padded([[3, 4, 5]])
    evaluated = model(tokens_BT, lengths_B)[0][0]
    trained = model.train()(tokens_BT, lengths_B)[0][0]
    # The first state comes of no state before it.
    torch.testing.assert_close(trained[:, 0], evaluated[:, 0], rtol=0, atol=1e-6)
    assert (trained[:, 1:] - evaluated[:, 1:]).abs().max() > 1e-3
    assert torch.equal(model.eval()(tokens_BT, lengths_B)[0][0], evaluated)


@pytest.mark.parametrize("hidden", [5, 7])
def test_every_weight_but_padding_and_the_second_bias_learns(hidden):
    torch.manual_seed(1)
    model = language_model(
        bidirectional=True, layers=2, hidden=hidden, dropout=0.1, weight_drop=0.1
    ).train()
    texts = [list(range(2, 16)), list(range(16, 30))]
    torch.cat(model.losses(*padded(texts), chances_of_half())).sum().backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name
    assert model.embedding.weight.grad[0].abs().sum() == 0
