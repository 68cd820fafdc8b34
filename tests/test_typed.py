"""Messages show a command as the person typed it."""

import sys
from pathlib import Path

import pytest

from textlstm import typed


@pytest.mark.parametrize(
    ("started", "installed", "expected"),
    [
        ("src/train.py", False, "python src/train.py"),
        ("/home/me/project/src/train.py", False, "python src/train.py"),
        ("/home/me/.venv/bin/textlstm", False, "textlstm train"),  # an editable install
        ("/home/me/.venv/bin/textlstm", True, "textlstm train"),
        ("/home/me/src/textlstm/__main__.py", False, "python -m textlstm train"),
        (
            "/venv/lib/python3.11/site-packages/textlstm/__main__.py",
            True,
            "python -m textlstm train",
        ),
        ("/venv/lib/python3.11/site-packages/submitit/core/_submit.py", True, "textlstm train"),
        (
            "/venv/lib/python3.11/site-packages/submitit/core/_submit.py",
            False,
            "python src/train.py",
        ),
    ],
)
def test_a_command_is_shown_as_it_was_typed(monkeypatch, started, installed, expected):
    monkeypatch.setattr(sys, "argv", [started, "model.hidden=3"])
    monkeypatch.setattr(typed, "INSTALLED", installed)
    assert typed.as_typed("train") == expected


@pytest.mark.parametrize(
    ("installed", "cache", "expected"),
    [
        (False, "/my folder/outputs/cache", "make clean"),
        (True, "/my folder/outputs/cache", "rm -r '/my folder/outputs/cache'"),
        (False, "/shared/cache", "rm -r /shared/cache"),  # which make does not know
    ],
)
def test_the_cache_is_emptied_where_it_lies(monkeypatch, installed, cache, expected):
    monkeypatch.setattr(typed, "INSTALLED", installed)
    monkeypatch.setattr(typed, "OUTPUTS", Path("/my folder/outputs"))
    monkeypatch.setattr(typed, "CACHE", Path(cache))
    assert typed.emptying_cache() == expected


@pytest.mark.parametrize(
    ("installed", "expected"),
    [(False, "pip install -e '.[slurm]'"), (True, "pip install 'textlstm[slurm]'")],
)
def test_an_extra_is_installed_as_the_package_was(monkeypatch, installed, expected):
    monkeypatch.setattr(typed, "INSTALLED", installed)
    assert typed.installing("slurm") == expected
