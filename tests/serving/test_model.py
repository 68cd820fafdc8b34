"""Requests that wait together: one thread, one batch, and each its own answer."""

import asyncio
import threading

import pytest
import torch

pytest.importorskip("fastapi")

from textlstm.checks import InputError
from textlstm.serving.model import ServedModel
from textlstm.serving.reading import read_places, read_texts


def ask_at_once(served: ServedModel, asked: list[list[str]]) -> list:
    """The answers to requests that come at the same time, or the errors."""

    async def ask() -> list:
        requests = (served.predict(texts) for texts in asked)
        return await asyncio.gather(*requests, return_exceptions=True)

    return asyncio.run(ask())


def test_each_request_of_many_gets_its_own_answer(served, monkeypatch):
    asked = [["goal " * (n % 7)] * (n % 3) for n in range(50)]
    alone = [ask_at_once(served, [texts])[0] for texts in asked]
    batches = []
    predict = served.classifier.predict
    monkeypatch.setattr(
        served.classifier,
        "predict",
        lambda texts, **options: batches.append(len(texts)) or predict(texts, **options),
    )
    before = threading.active_count()
    together = ask_at_once(served, asked)
    assert threading.active_count() <= before
    assert sum(batches) == sum(map(len, asked))
    assert len(batches) < len(asked) / 2
    for one, expected in zip(together, alone, strict=True):
        for found, same in zip(one.predictions, expected.predictions, strict=True):
            assert found.label == same.label
            shares = [[row.probability for row in answer.classes] for answer in (found, same)]
            assert shares[0] == pytest.approx(shares[1], abs=1e-6)


def test_an_error_reaches_each_request_of_its_batch(served, monkeypatch):
    def fail(*_, **__):
        raise InputError("no numbers")

    monkeypatch.setattr(served.classifier, "predict", fail)
    found = ask_at_once(served, [["a"], ["b"], ["c"]])
    assert [str(error) for error in found] == ["no numbers"] * 3
    monkeypatch.undo()
    assert ask_at_once(served, [["a"]])[0].predictions


def test_it_computes_with_the_threads_that_were_asked_for(classifier):
    served = ServedModel(classifier, min_probability=None, threads=2)
    assert asyncio.run(served.compute(torch.get_num_threads)) == 2


@pytest.mark.parametrize("truncate", ["head", "tail", "head_tail"])
@pytest.mark.parametrize("max_length", [None, 1, 4, 5])
def test_the_places_that_are_read_are_those_of_the_batches(classifier, truncate, max_length):
    text = "goal in the match shares fall"
    other = type(classifier)(
        classifier.network,
        classifier.tokenizer,
        classifier.labels,
        max_length=max_length,
        truncate=truncate,
    )
    encoded = other.encoded([text])
    places = encoded.places(torch.tensor([0]), int(encoded.lengths[0]))
    assert read_places(6, max_length, truncate) == set(places[0].tolist())
    (read,) = read_texts(other, [text])
    assert [n for n, is_read in enumerate(read.read_W) if is_read] == places[0].tolist()
    assert (read.tokens, read.tokens_read) == (6, len(places[0]))
