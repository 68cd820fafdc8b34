"""Runs compared: what differs, the paired test, classes and texts, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from helpers.commands import call
from helpers.records import places, with_value
from helpers.scored_runs import GOLD, TEXTS, scored_run
from textlstm.checks import InputError
from textlstm.leaderboard import comparison_page
from textlstm.leaderboard.compared_run import read_runs
from textlstm.leaderboard.comparison_page import write_comparison
from textlstm.runs.figures import save

POOR = ["sports"] * 4 + ["money"] * 2 + ["sports"] * 6  # four of twelve rows are wrong
GOOD = ["money"] * 6 + ["sports"] * 5 + ["money"]  # one is wrong, which the other has right
VALUES: tuple[Any, ...] = (None, "x", 1e999, {})


@pytest.fixture(autouse=True)
def not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draws the picture, but saves it only in the test of the command, since that takes long."""
    monkeypatch.setattr(comparison_page, "save", lambda figure, file: None)


def compared(*runs: Path, into: Path) -> str:
    """Compares runs, and gives the page without Markdown's backslashes."""
    write_comparison(read_runs([*runs]), into)
    return (into / "comparison.md").read_text(encoding="utf-8").replace("\\", "")


def test_scores_are_tested_in_pairs_on_the_same_rows(tmp_path, capsys):
    """By hand: one alone is right on 4 rows, the other on 1; p = 2 * 6 / 2^5."""
    runs = scored_run(tmp_path / "poor", POOR), scored_run(tmp_path / "good", GOOD)
    page = compared(*runs, into=tmp_path / "out")
    sentence = "B alone is right on 4 rows, A alone on 1 row: p = 0.38 that both are right equally"
    assert sentence in page
    out = capsys.readouterr().out
    assert sentence in out
    assert out.endswith(f"\nfolder: {tmp_path}/out (comparison.md, comparison.png)\n")
    assert "B less A on 12 shared rows (matched by file and row): accuracy +0.2500 (95 % " in page
    assert "| A | test | 0.6667 | 0.567 to 0.767 |" in page


def test_classes_and_texts_that_changed_are_listed(tmp_path, capsys):
    worse = [*GOOD[:6], *["money"] * 6]  # money gains, sports loses
    runs = scored_run(tmp_path / "good", GOOD), scored_run(tmp_path / "worse", worse)
    page = compared(*runs, into=tmp_path / "out")
    assert "| sports | 6 | 0.9091 | 0.0000 | -0.9091 |" in page
    assert "5 texts of 12 are predicted otherwise in B than in A: 0 right now, 5 wrong now" in page
    assert "### Right in A, wrong in B (5)" in page
    assert "| text 6 | sports | sports 0.750 | money 0.750 |" in page
    assert "text 11" not in page
    assert "F1 worse in B than in A: sports -0.9091, money -0.2564." in capsys.readouterr().out


def test_what_differs_in_configuration_data_and_versions_is_listed_and_nothing_else(tmp_path):
    environment = {"python": "3.11.9", "versions": {"torch": "2.9.0"}, "machine": "m"}
    one = scored_run(
        tmp_path / "one",
        GOOD,
        config={"model": {"hidden": 64, "head": []}, "seed": 1},
        environment={**environment, "git_commit": "abc"},
    )
    newer = {**environment, "versions": {"torch": "2.10.0"}, "git_commit": "abc"}
    other = scored_run(
        tmp_path / "other",
        GOOD,
        config={"model": {"hidden": 128, "head": []}, "seed": 1, "wide": True},
        environment=newer,
        sha256="f" * 64,
    )
    page = compared(one, other, into=tmp_path / "out")
    listed = [line for line in page.splitlines() if line.startswith("|") and "---" not in line]
    assert listed[4:9] == [
        "| model.hidden | 64 | 128 |",
        "| wide | – | true |",
        "|  | A | B |",
        "| train file | train.csv, SHA-256 01234567… | train.csv, SHA-256 ffffffff… |",
        "|  | A | B |",
    ]
    assert listed[9:10] == ["| torch | 2.9.0 | 2.10.0 |"]
    assert "Nothing that the records hold differs" in compared(
        one,
        scored_run(tmp_path / "copy", GOOD, **json.loads((one / "metrics.json").read_text())),
        into=tmp_path / "out",
    )


def test_values_that_differ_at_their_end_are_shown_whole_on_the_screen(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "80")
    files = [f"/home/anna/projects/tickets/2025/{name}.csv" for name in ("spring", "autumn")]
    runs = [
        scored_run(tmp_path / Path(file).stem, GOOD, config={"data": {"train": file}})
        for file in files
    ]
    compared(*runs, into=tmp_path / "out")
    out = capsys.readouterr().out
    assert "…" not in out
    assert "spring.csv" in out
    assert "autumn.csv" in out


def test_a_key_that_an_older_record_lacks_is_no_difference_from_its_default(tmp_path):
    new = {"data": {"train_share": 1.0, "header": None, "batch_size": 8}, "wide": None}
    runs = [
        scored_run(tmp_path / "old", GOOD, config={"data": {"batch_size": 8}}),
        scored_run(tmp_path / "new", GOOD, config=new),
    ]
    assert "Nothing that the records hold differs" in compared(*runs, into=tmp_path / "out")


def test_rows_of_the_same_file_in_another_folder_are_matched(tmp_path):
    """Texts that differ alone, as in a table for a spreadsheet, do not keep rows apart."""
    one = scored_run(tmp_path / "one", POOR, file="/data/train.csv")
    other = scored_run(
        tmp_path / "other", GOOD, file="/home/b/t.csv", texts=[f"'{text}" for text in TEXTS]
    )
    page = compared(one, other, into=tmp_path / "out")
    assert "12 shared rows (matched by file and row)" in page
    assert "p = 0.38" in page


def test_a_table_for_a_spreadsheet_is_read_with_its_escaped_classes(tmp_path):
    """They hold an apostrophe before what a spreadsheet would take for a formula."""
    names = {"money": "=money", "sports": "sports"}
    runs = []
    for folder, predicted in (("one", POOR), ("two", GOOD)):
        run = scored_run(
            tmp_path / folder,
            [names[label] for label in predicted],
            gold=[names[label] for label in GOLD],
        )
        file = run / "predictions.csv"
        header, *rows = file.read_text(encoding="utf-8").splitlines()
        rows = [row.replace("=money", "'=money") for row in rows]
        file.write_text("\n".join([header, *rows]), encoding="utf-8-sig")
        runs.append(run)
    assert "p = 0.38" in compared(*runs, into=tmp_path / "out")


@pytest.mark.parametrize("file", ["/data/other.csv", None])
def test_rows_of_other_files_are_matched_by_text(tmp_path, file):
    texts = ["twice", "twice", *TEXTS[2:]]
    one = scored_run(tmp_path / "one", POOR, texts=texts)
    other = scored_run(
        tmp_path / "other",
        GOOD[::-1],
        texts=texts[::-1],
        gold=GOLD[::-1],
        file=file,
        sha256="f" * 64,
    )
    page = compared(one, other, into=tmp_path / "out")
    assert "12 shared rows (matched by their texts)" in page
    assert "p = 0.38" in page


def test_runs_on_other_rows_are_compared_on_those_they_share_and_not_tested(tmp_path):
    one = scored_run(tmp_path / "one", POOR)
    other = scored_run(tmp_path / "other", GOOD, rows=[*range(3, 13), 98, 99])
    page = compared(one, other, into=tmp_path / "out")
    assert "No paired test: A and B were scored on different rows (8 shared, 2 rows of A" in page
    assert "2 texts with another label" in page
    assert "p = " not in page

    apart = scored_run(tmp_path / "apart", GOOD, rows=range(101, 113))
    page = compared(one, apart, into=tmp_path / "out")
    assert "(0 shared, 12 rows of A alone, 12 rows of B alone)" in page
    assert "## Classes" not in page


def test_a_run_without_a_test_is_not_tested_against_one_with(tmp_path):
    one = scored_run(tmp_path / "one", POOR)
    other = scored_run(tmp_path / "other", GOOD, split="validation")
    page = compared(one, other, into=tmp_path / "out")
    assert "No paired test: A was scored on test, B on validation" in page
    two = scored_run(tmp_path / "two", POOR, split="validation")
    assert "whose rows chose their epochs" in compared(two, other, into=tmp_path / "out")


def test_several_runs_are_each_compared_with_the_first(tmp_path):
    runs = [
        scored_run(tmp_path / name, predicted)
        for name, predicted in (("one", POOR), ("two", GOOD), ("three", GOLD))
    ]
    page = compared(*runs, into=tmp_path / "out")
    assert "## Classes, A to B" in page
    assert "## Classes, A to C" in page
    assert "of several pairs some are small by chance" in page


def test_what_others_wrote_is_shown_as_text(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SECRET", "a secret")
    attack = "<script>alert(1)</script> [x](javascript:alert(1)) \x1b[2J `${oc.env:SECRET}`"
    labels = {"money": "=cmd|' /C calc'!A0", "sports": "![](http://x/y.png)"}
    gold = [labels[name] for name in GOLD]
    runs = [
        scored_run(
            tmp_path / name,
            [labels[label] for label in predicted],
            gold=gold,
            texts=[f"{attack} {number}" for number in range(12)],
            config={"data": {"name": f"{attack} {name}"}},
        )
        for name, predicted in (("one", POOR), ("two", GOOD))
    ]
    compared(*runs, into=tmp_path / "out")
    page = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    shown = MarkdownIt("commonmark").enable("table").render(page)
    assert "<script" not in shown
    assert 'href="javascript' not in shown
    assert shown.count("<img") == 1  # our own
    out = capsys.readouterr().out
    assert "\x1b" not in out + page
    assert "${oc.env:SECRET}" in shown
    assert "a secret" not in out + page


def test_a_missing_or_wrong_table_of_predictions_is_named(tmp_path):
    one, other = scored_run(tmp_path / "one", POOR), scored_run(tmp_path / "other", GOOD)
    file = other / "predictions.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    for content, message in [
        ("\n".join(lines[:-3]), r"does not hold what was predicted for test: 1\.0000 of its 9"),
        ("\n".join(line.replace("predicted", "said") for line in lines), "is damaged"),
        (lines[0].replace("probability_money", "x") + "\n" + "\n".join(lines[1:]), "is damaged"),
        ('"', "is damaged"),
        ("", "is damaged"),
        ("\xff\x00", "is damaged"),
    ]:
        file.write_bytes(content.encode("latin-1"))
        with pytest.raises(InputError, match=message):
            write_comparison(read_runs([one, other]), tmp_path / "out")
    file.unlink()
    with pytest.raises(InputError, match=r"predictions\.csv cannot be read: No such file"):
        write_comparison(read_runs([one, other]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_record_that_lacks_something_is_named(tmp_path):
    one, other = scored_run(tmp_path / "one", POOR), scored_run(tmp_path / "other", GOOD)
    record = json.loads((other / "metrics.json").read_text(encoding="utf-8"))
    for name, value in [("classes", {"money": 1}), ("intervals", {}), ("accuracy", "0.5")]:
        damaged = {**record, "test": {**record["test"], name: value}}
        (other / "metrics.json").write_text(json.dumps(damaged), encoding="utf-8")
        with pytest.raises(InputError, match=r"other/metrics\.json is damaged: it does not say"):
            read_runs([one, other])


@pytest.mark.trust("damaged record of a compared run")
def test_whatever_stands_in_a_record_is_compared_or_is_one_error(tmp_path, record_property):
    one, other = scored_run(tmp_path / "one", POOR), scored_run(tmp_path / "other", GOOD)
    whole = json.loads((other / "metrics.json").read_text(encoding="utf-8"))
    tried, lost = 0, []
    for place in places(whole):
        for value in VALUES:
            content = json.dumps(with_value(whole, place, value))
            (other / "metrics.json").write_text(content, encoding="utf-8")
            tried += 1
            try:
                write_comparison(read_runs([one, other]), tmp_path / "out")
            except InputError:
                pass
            except Exception as error:
                lost.append((place, value, repr(error)))
    record_property("tried", tried)
    assert tried > 500
    assert lost == []


def test_the_command_takes_folders_and_words_for_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison_page, "save", save)
    monkeypatch.setattr("textlstm.commands.compare.OUTPUTS", tmp_path / "outputs")
    monkeypatch.setattr("textlstm.runs.folder.OUTPUTS", tmp_path / "outputs")
    one = scored_run(tmp_path / "one", POOR)
    scored_run(tmp_path / "outputs" / "runs" / "two", GOOD)
    out, errors = call("compare", one, "latest")
    assert "p = 0.38" in out
    assert f"run=latest: {tmp_path}/outputs/runs/two" in errors
    written = tmp_path / "outputs" / "comparisons" / "one_two"
    assert {file.name for file in written.iterdir()} == {"comparison.md", "comparison.png"}

    for arguments, message in [
        ([one], "compare takes two to 26 different runs, got "),
        ([one, one], "compare takes two to 26 different runs, got "),
        ([one, tmp_path / "none"], "there is no folder"),
        ([one, tmp_path / "outputs"], "holds no finished run (metrics.json is missing)"),
        ([], "RUN"),
    ]:
        _, errors = call("compare", *arguments, code=2)
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1
        assert message in errors
