"""The log of a run: its own file, and no end of the run where it cannot be written."""

import errno
import logging
import os

from textlstm.runs.log_file import RunLog


def test_a_link_in_place_of_the_log_is_replaced(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("theirs")
    (tmp_path / "train.log").symlink_to(outside)
    handler = RunLog(tmp_path / "train.log")
    handler.emit(logging.makeLogRecord({"msg": "ours"}))
    handler.close()
    assert outside.read_text() == "theirs"
    assert (tmp_path / "train.log").read_text() == "ours\n"


def test_a_full_disk_is_told_once(tmp_path, capsys):
    class Full:
        def write(self, text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def flush(self):
            pass

        def close(self):
            pass

    handler = RunLog(tmp_path / "train.log")
    handler.stream.close()
    handler.stream = Full()
    for _ in range(3):
        handler.handle(logging.makeLogRecord({"msg": "a message"}))
    handler.close()
    assert capsys.readouterr().err == (f"warning: {tmp_path}/train.log: No space left on device.\n")
