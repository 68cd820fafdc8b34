"""What is promised of a GPU. Run by `make test-gpu`; what can be known of it without one is tested
elsewhere.
"""

import pytest

from helpers.commands import TOLERANCE, record, run

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("accelerator", ["gpu", "cpu"])
def test_evaluate_reproduces_a_gpu_s_test_with_another_batch_size(tmp_path, accelerator):
    folder = tmp_path / "run"
    _, errors = run(
        "train",
        "experiment=smoke",
        "data.max_rows=2000",
        "baselines=false",
        "wide=false",
        f"hydra.run.dir={folder}",
    )
    errors += run("evaluate", f"run={folder}", "batch_size=7", f"accelerator={accelerator}")[1]
    assert "Warning" not in errors
    first, again = record(folder), record(folder / "evaluation" / "test")
    assert first["device"] == "cuda:0"
    assert again["test"]["log_loss"] == pytest.approx(
        first["test"]["log_loss"], abs=TOLERANCE["cuda"]
    )
