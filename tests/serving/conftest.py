"""A small model and its application, which the tests of the server share.

What needs the packages of the server is imported where it is used: without them, only the tests of
this folder are left out.
"""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from helpers.small import lively_network
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import TextClassifier
from textlstm.runs.shown_model import describe_model
from textlstm.runs.tally import Limits

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from playwright.sync_api import Browser

    from textlstm.serving.model import ServedModel

KNOWN = ["Goal in the match", "shares fall", "goal, goal; goal!"]


@pytest.fixture(scope="session")
def classifier() -> TextClassifier:
    """A model that reads six tokens, whose classes JavaScript would put into another order."""
    tokenizer = train_tokenizer(KNOWN, kind="word", vocab_size=30)
    return TextClassifier(
        lively_network(vocab_size=tokenizer.get_vocab_size()),
        tokenizer,
        ["10", "__proto__", "<b>a, b</b>"],
        max_length=6,
        truncate="head_tail",
    )


@pytest.fixture(scope="session")
def served(classifier: TextClassifier) -> "ServedModel":
    """That model as a server asks it."""
    from textlstm.serving.model import ServedModel

    return ServedModel(classifier, min_probability=0.6, threads=1)


@pytest.fixture
def client(served: "ServedModel") -> "TestClient":
    """Asks the application of that model, which says of each file that it has one text."""
    from fastapi.testclient import TestClient

    from textlstm.serving.application import make_application
    from textlstm.serving.files import FileAnswer
    from textlstm.serving.guard import LOOPBACK
    from textlstm.serving.messages import ModelAnswer

    shown = describe_model(served.classifier, None, name="small", predictions=None)
    card = ModelAnswer.model_validate(shown)
    app = make_application(
        served,
        card,
        classify_file=lambda file: FileAnswer(
            1, iter([Limits(1, 0), Limits(0, 2)]), iter([f"{file.path.name}\r\n"])
        ),
        hosts=LOOPBACK,
    )
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """Debian's Chromium, or the one that `playwright install chromium` has fetched."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        yield browser
        browser.close()
