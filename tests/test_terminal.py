"""What happens while a command waits."""

import gc

from textlstm.terminal import loading


def test_what_is_imported_is_not_searched_for_garbage_and_what_jobs_leave_is():
    gc.unfreeze()
    try:
        with loading():
            assert not gc.isenabled()
        assert gc.isenabled()
        kept = gc.get_freeze_count()
        assert kept > 0
        with loading():  # as in a sweep's second job, which must not keep what the first one left
            assert gc.isenabled()
        assert gc.get_freeze_count() <= kept
    finally:
        gc.unfreeze()
