"""Evaluating a finished run: on its test rows, on another file, and after its data changed."""

import shutil

import pytest

from helpers.commands import QUICK, TOLERANCE, call, record, run, table

pytestmark = pytest.mark.cores


def test_evaluate_reproduces_the_test_from_elsewhere_with_another_batch_size(trained, tmp_path):
    out, errors = run("evaluate", f"run={trained}", "batch_size=7", cwd=tmp_path)
    assert "Scores on test" in out
    assert "Warning" not in errors

    again = trained / "evaluation" / "test"
    first, second = table(trained / "predictions.csv"), table(again / "predictions.csv")
    for name in ("text", "gold", "predicted", "file", "row"):
        assert [row[name] for row in first] == [row[name] for row in second]
    for name in ("accuracy", "macro_f1", "log_loss", "calibration_error", "auroc"):
        tolerance = TOLERANCE[record(trained)["device"]]
        expected = pytest.approx(record(trained)["test"][name], abs=tolerance)
        assert record(again)["test"][name] == expected
    assert not list(tmp_path.iterdir())

    titles = [
        (folder / "report.md").read_text(encoding="utf-8").split("\n\n")[1:4]
        for folder in (trained, again)
    ]
    assert titles[0][0] == titles[1][0] == "## Scores on test"


@pytest.mark.parametrize("split", ["validation", "test"])
def test_without_checkpoints_the_saved_model_has_the_same_scores(trained, split, tmp_path):
    for name in ("whole", "bundle"):
        shutil.copytree(trained, tmp_path / name)
    shutil.rmtree(tmp_path / "bundle" / "checkpoints")
    scores, predicted = [], []
    for name in ("whole", "bundle"):
        call("evaluate", f"run={tmp_path / name}", f"split={split}")
        scores.append(record(tmp_path / name / "evaluation" / split)[split])
        predicted.append(table(tmp_path / name / "evaluation" / split / "predictions.csv"))
    assert scores[0] == scores[1]
    assert predicted[0] == predicted[1]


def test_a_finished_run_without_checkpoints_is_not_trained_anew_by_resume(trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    shutil.rmtree(run / "checkpoints")
    before = (run / "metrics.json").read_bytes()
    constant = run / ".hydra" / "config.yaml"
    recorded = constant.read_text(encoding="utf-8")
    assert "schedule: one_cycle" in recorded
    constant.write_text(recorded.replace("one_cycle", "constant"), encoding="utf-8")
    _, errors = call("train", f"resume={run}", "trainer.max_epochs=9", code=2)
    assert f"error: resume: {run} is finished and has no checkpoint: of a finished trial" in errors
    assert (run / "metrics.json").read_bytes() == before


def test_evaluate_scores_another_file(trained, my_csv, tmp_path):
    other = tmp_path / "new.csv"
    lines = my_csv.read_text(encoding="utf-8").splitlines()
    other.write_text(
        "\n".join([lines[0], *[line for line in lines[1:] if not line.endswith(",world")]]),
        encoding="utf-8",
    )
    out, _ = call("evaluate", f"run={trained}", f"file={other}")
    scores = record(trained / "evaluation" / "new.csv")["file"]
    assert scores["absent"] == ["world"]
    assert "No row of file has the class world" in out
    predicted, source = table(trained / "evaluation" / "new.csv" / "predictions.csv"), table(other)
    for row in predicted:
        assert source[int(row["row"]) - 1]["headline"] == row["text"]
    assert {row["file"] for row in predicted} == {str(other)}


def test_evaluate_refuses_changed_data_unless_told_otherwise(trained, my_csv):
    before = my_csv.read_bytes()
    try:
        my_csv.write_bytes(before + b"999,One more headline,world\r\n")
        _, errors = call("evaluate", f"run={trained}", code=2)
        assert "has changed since the run" in errors
        assert "changed_data=true" in errors
        out, _ = call("evaluate", f"run={trained}", "changed_data=true", "split=validation")
        assert "Scores on validation" in out
    finally:
        my_csv.write_bytes(before)


def test_a_file_without_a_header_is_scored_by_names_or_positions(trained, my_csv, tmp_path):
    rows = my_csv.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
    file = tmp_path / "new.csv"
    file.write_text("".join(rows), encoding="utf-8")
    scores = []
    for typed in (
        ["columns=[id,headline,desk]"],
        ["columns=[id,headline,'desk, or so']", "label_column=desk, or so"],
        ["text_column=2", "label_column=3"],
    ):
        call("evaluate", f"run={trained}", f"file={file}", "header=false", *typed)
        scores.append(record(trained / "evaluation" / "new.csv")["file"])
    assert scores[0] == scores[1] == scores[2]

    _, errors = call("evaluate", f"run={trained}", f"file={file}", code=2)
    assert "new.csv seems to have no header" in errors
    assert "header=false with positions from 1, such as text_column=2 label_column=3" in errors


def test_a_run_on_lines_without_a_header_needs_nothing_typed_again(tmp_path):
    lines = [
        f"{label}\t{text.format(n)}\n"
        for n in range(30)
        for label, text in [
            ("ham", '"see you at {} oclock'),
            ("spam", "win prize {} now"),
            ("ham", 'ok then {}"'),
        ]
    ]
    for name, rows in {"train.tsv": lines, "new.tsv": lines[:6]}.items():
        (tmp_path / name).write_text("".join(rows), encoding="utf-8")
    folder = tmp_path / "run"
    typed = ["data.header=false", "data.columns=[label,'text, or so']"]
    names = ["data.text_column=text, or so", f"data.train={tmp_path}/train.tsv"]
    _, errors = call("train", *QUICK, *typed, *names, f"hydra.run.dir={folder}")
    assert "data.train: a quote is a character of the text, as the first rows show;" in errors
    recorded = record(folder)
    assert sum(split["rows"] for split in recorded["data"]["splits"].values()) == len(lines)
    assert recorded["data"]["columns"] == {"text": ["text, or so"], "label": "label"}

    out, _ = call("evaluate", f"run={folder}", f"file={tmp_path}/new.tsv")
    assert "Scores on file" in out
    out, _ = call("predict", f"run={folder}", f"input={tmp_path}/new.tsv")
    assert out.splitlines()[0].startswith('label,"text, or so",predicted,')
    assert len(out.splitlines()) == 1 + 6
