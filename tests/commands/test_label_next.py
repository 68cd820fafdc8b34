"""The texts that are most useful to label: the smallest margins, one of each group."""

import csv
import io
import json

import pytest

from helpers.commands import call, table


@pytest.fixture
def unlabelled(my_csv, tmp_path):
    """The texts of the run's own file without their labels, each a second time in capitals."""
    file = tmp_path / "unlabelled.csv"
    with open(file, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["id", "headline"])
        for row in table(my_csv):
            writer.writerow([row["id"], row["headline"]])
            writer.writerow([f"again {row['id']}", row["headline"].upper() + " !"])
    return file


def test_the_smallest_margins_come_first_and_no_text_twice(trained, unlabelled, tmp_path):
    options = [f"run={trained}", f"input={unlabelled}"]
    out, errors = call("label_next", *options, f"output={tmp_path}/next.csv", "number=40")
    assert out == ""
    assert f"40 of 1,200 texts written to {tmp_path}/next.csv, the most useful first." in errors
    found = table(tmp_path / "next.csv")
    assert list(found[0]) == ["id", "headline", "predicted", "second", "margin"]
    margins = [float(row["margin"]) for row in found]
    assert margins == sorted(margins)
    assert len({row["headline"].lower().rstrip(" !") for row in found}) == len(found) == 40

    call("predict", *options, f"output={tmp_path}/predicted.csv")
    predicted = table(tmp_path / "predicted.csv")
    shares = {
        row["id"]: sorted(
            (float(share), key.removeprefix("probability_"))
            for key, share in row.items()
            if key.startswith("probability_")
        )
        for row in predicted
    }
    smallest = min(best[0] - second[0] for *_, second, best in shares.values())
    assert margins[0] == pytest.approx(smallest, abs=1e-5)
    for row in found:
        second, best = shares[row["id"]][-2:]
        assert (row["predicted"], row["second"]) == (best[1], second[1])
        assert float(row["margin"]) == pytest.approx(best[0] - second[0], abs=1e-5)


def test_the_other_forms_of_output_are_those_of_predict(trained, unlabelled, tmp_path):
    options = [f"run={trained}", f"input={unlabelled}", "number=3"]
    out, _ = call("label_next", *options)
    shown = list(csv.DictReader(out.splitlines()))
    call("label_next", *options, f"output={tmp_path}/next.jsonl")
    lines = (tmp_path / "next.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["headline"] for line in lines] == [row["headline"] for row in shown]
    _, errors = call("label_next", *options, f"output={unlabelled}", code=2)
    assert errors.startswith(f"error: input and output are the same file, {unlabelled}")
    _, errors = call("label_next", f"run={trained}", f"input={unlabelled}", "number=0", code=2)
    assert errors == "error: number must be at least 1, got 0.\n"


def test_no_texts_on_standard_input_are_one_error(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    output = tmp_path / "next.csv"
    output.write_text("kept", encoding="utf-8")
    _, errors = call("label_next", f"run={trained}", f"output={output}", code=2)
    assert errors.startswith("error: There are no texts to choose from: standard input was empty.")
    assert output.read_text(encoding="utf-8") == "kept"
