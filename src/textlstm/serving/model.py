"""A model that answers the requests of a server, in one thread."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import torch

from textlstm.model.bundle import Explanation, Prediction, TextClassifier
from textlstm.serving.messages import (
    ClassProbability,
    ExplainAnswer,
    PredictAnswer,
    TextExplanation,
    TextPrediction,
    Word,
)
from textlstm.serving.reading import ReadText, read_texts

Answer = TypeVar("Answer")

TOGETHER = 64  # texts from which no further request is taken into a batch
WAITING = 200  # requests at once; one more is told to come back later


class Busy(Exception):
    """Too many requests are waiting."""


class _Asked(NamedTuple):
    """Texts of one request, and what will be predicted for them."""

    texts: list[str]
    predicted: "Future[list[TextPrediction]]"


class ServedModel:
    """Computes in one thread of its own, so that requests share one pool of torch's threads.

    OpenMP makes a pool for each thread that computes: with a thread for each request there would be
    as many pools as requests. Requests to predict that wait together are computed as one batch.

    Args:
        min_probability: predictions whose largest probability is below it are not sure; None calls
            all of them sure.
        threads: CPU threads of torch.

    Raises:
        InputError: weights that are too large to compute with.
    """

    def __init__(
        self, classifier: TextClassifier, *, min_probability: float | None, threads: int
    ) -> None:
        self.classifier, self.min_probability = classifier, min_probability
        self._pool = ThreadPoolExecutor(
            1, "model", initializer=torch.set_num_threads, initargs=(threads,)
        )
        self._waiting = 0
        self._asked: deque[_Asked] = deque()
        self._pool.submit(self._predict, ["a"]).result()  # the first request shall not wait for it

    async def compute(self, work: Callable[[], Answer]) -> Answer:
        """Runs a piece of work behind those that came before.

        Raises:
            Busy: too many are waiting.
        """
        self._refuse_too_many()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    async def predict(self, texts: list[str]) -> PredictAnswer:
        """Answers `POST /predict`."""
        self._refuse_too_many()
        asked = _Asked(texts, Future())
        self._asked.append(asked)
        # Each turn takes the oldest request at least: after this one, ours has been answered.
        await self.compute(self._answer_asked)
        return PredictAnswer(predictions=asked.predicted.result())

    async def explain(
        self, texts: list[str], *, target: str | None, against: str | None
    ) -> ExplainAnswer:
        """Answers `POST /explain`.

        Raises:
            InputError: a class that the model does not have.
        """
        return await self.compute(lambda: self._explain(texts, target, against))

    def _refuse_too_many(self) -> None:
        if self._waiting >= WAITING:
            raise Busy

    def _answer_asked(self) -> None:
        """Predicts for requests that wait as one batch, the oldest first."""
        taken: list[_Asked] = []
        while self._asked and sum(len(asked.texts) for asked in taken) < TOGETHER:
            taken.append(self._asked.popleft())
        if not taken:  # an earlier turn has answered all
            return
        try:
            predicted = iter(self._predict(list(chain(*(asked.texts for asked in taken)))))
        except Exception as error:
            for asked in taken:
                asked.predicted.set_exception(error)
            return
        for asked in taken:
            asked.predicted.set_result([next(predicted) for _ in asked.texts])

    def _predict(self, texts: list[str]) -> list[TextPrediction]:
        predictions = self.classifier.predict(texts, min_probability=self.min_probability)
        read = read_texts(self.classifier, texts)
        return [_predicted(*found) for found in zip(texts, predictions, read, strict=True)]

    def _explain(self, texts: list[str], target: str | None, against: str | None) -> ExplainAnswer:
        explanations = self.classifier.explain(texts, target=target, against=against)
        read = read_texts(self.classifier, texts)
        found = [_explained(*pair) for pair in zip(explanations, read, strict=True)]
        return ExplainAnswer(explanations=found)


def _predicted(text: str, prediction: Prediction, read: ReadText) -> TextPrediction:
    words = zip(read.spans.starts, read.spans.ends, read.known_W, strict=True)
    return TextPrediction(
        label=prediction.label,
        sure=prediction.sure,
        classes=[
            ClassProbability(label=label, probability=_rounded(probability))
            for label, probability in prediction.probabilities.items()
        ],
        unknown_words=list(
            dict.fromkeys(text[start:end] for start, end, known in words if not known)
        ),
        tokens=read.tokens,
        tokens_read=read.tokens_read,
    )


def _explained(explanation: Explanation, read: ReadText) -> TextExplanation:
    words = zip(explanation.words, read.known_W, read.read_W, strict=True)
    return TextExplanation(
        label=explanation.label,
        against=explanation.against,
        score=_rounded(explanation.score),
        unknown_score=_rounded(explanation.unknown_score),
        rest=_rounded(explanation.rest),
        words=[
            Word(**_word_values(word), known=known, read=is_read) for word, known, is_read in words
        ],
    )


def _word_values(word: Any) -> dict[str, Any]:
    return {**asdict(word), "share": _rounded(word.share)}


def _rounded(value: float) -> float:
    """Keeps eight digits, as the files of `predict` do."""
    return float(f"{value:.8g}")
