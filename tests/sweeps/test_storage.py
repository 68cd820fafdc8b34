"""Where trials are kept: databases that do not answer."""

import pytest

from textlstm.checks import InputError
from textlstm.sweeps import storage as storage_module
from textlstm.sweeps.storage import open_storage


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+nodriver://localhost/x", "nodriver"),
        ("mysql+mysqldb://localhost/x", "Python's driver of that database is not installed"),
    ],
)
def test_a_database_that_cannot_be_reached_is_an_error_of_the_user(
    tmp_path, monkeypatch, url, message
):
    monkeypatch.setattr(storage_module, "TRIES", 1)
    with pytest.raises(InputError, match=message):
        open_storage(url, tmp_path)
