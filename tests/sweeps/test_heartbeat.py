"""Signs of life: workers that give them, and one that no longer does."""

import time

from helpers.studies import add, every_storage, opened
from textlstm.sweeps import heartbeat


def test_a_running_trial_shows_that_it_is_alive(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT", 0.05)
    study = opened(tmp_path)
    add(study, [["x=1"]])
    trial = study.take(None)
    with study.alive(trial):
        time.sleep(0.5)
    frozen = study.trials()[0]
    assert frozen.user_attrs["beat"] - frozen.datetime_start.timestamp() > 0.3


@every_storage
def test_a_silent_worker_of_another_machine_counts_as_dead_after_a_while(
    tmp_path, storage, monkeypatch
):
    study = opened(tmp_path, storage)
    add(study, [["x=1"]])
    trial = study.take(None)
    trial.set_user_attr("host", "elsewhere")
    assert study.take(None) is None
    monkeypatch.setattr(heartbeat, "SILENCE", -1.0)
    again = study.take(None)
    assert again.user_attrs["overrides"] == ["x=1"]
    assert again.user_attrs["attempt"] == 2
