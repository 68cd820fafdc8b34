"""Journal files that were torn or damaged."""

import pytest

from helpers.studies import add, opened, states, worker
from textlstm.checks import InputError


def two_done(folder):
    study = opened(folder, "journal.log")
    add(study, [["x=1"], ["x=2"]])
    worker(study, folder, lambda job: 0.5, ["y=1"]).work()
    return folder / "journal.log"


def test_a_journal_is_read_up_to_its_tear_and_goes_on_there(tmp_path):
    journal = two_done(tmp_path)
    journal.write_bytes(journal.read_bytes()[:-10])  # inside the last line: a trial's result
    for more in (["x=3"], ["x=4"]):
        study = opened(tmp_path, "journal.log")
        add(study, [more])
    assert states(opened(tmp_path, "journal.log")) == {"COMPLETE": 1, "RUNNING": 1, "WAITING": 2}


@pytest.mark.parametrize("damage", [b'{"op_code": 4, "wor', b"[]", b"\xff\xfe", b"{}"])
def test_a_damaged_line_of_a_journal_is_one_error(tmp_path, damage):
    journal = two_done(tmp_path)
    lines = journal.read_bytes().splitlines()
    journal.write_bytes(b"\n".join([lines[0], damage, *lines[1:], b""]))
    with pytest.raises(InputError, match=r"^sweep\.storage=.*journal\.log: .*\. Give another file"):
        opened(tmp_path, "journal.log")


@pytest.mark.trust("torn journal")
def test_a_journal_that_is_cut_at_any_byte_is_read_up_to_there(tmp_path, record_property):
    whole = two_done(tmp_path).read_bytes()
    cuts = range(0, len(whole), 7)
    record_property("tried", len(cuts))
    for cut in cuts:
        (tmp_path / "journal.log").write_bytes(whole[:cut])
        study = opened(tmp_path, "journal.log")
        add(study, [["x=3"]])
        assert "WAITING" in states(opened(tmp_path, "journal.log"))
