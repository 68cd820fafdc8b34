"""From a person's files to predictions, by the real commands one after the other."""

import gzip
import json

import pytest
from datasets import Dataset

from helpers.commands import QUICK, call, record, run, table
from textlstm import TextClassifier

pytestmark = pytest.mark.cores


def test_a_folder_of_classes_in_chinese_trains_and_the_run_reads_other_formats_too(tmp_path):
    for number in range(40):
        for label, word in (("体育", "足球比赛进球"), ("财经", "股市下跌银行")):
            file = tmp_path / "train" / label / f"{number}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{word}第{number}天{number % 7}次", encoding="utf-8")
    settings = [
        "data.tokenizer=bpe",
        "data.vocab_size=500",
        "model.hidden=8",
        "trainer.max_epochs=2",
    ]
    out, errors = call(
        "train", "data.train=train", *settings, f"hydra.run.dir={tmp_path}/run", cwd=tmp_path
    )
    assert "chosen on validation among 12 settings: 1- to 2-grams of characters" in out
    assert "Warning" not in errors

    recorded = record(tmp_path / "run")
    assert recorded["labels"] == ["体育", "财经"]
    assert recorded["data"]["splits"]["test"]["unknown_share"] == 0.0
    assert recorded["baselines"]["TF-IDF + logistic regression"]["accuracy"] == 1.0

    rows = [
        {"id": n, "text": text, "label": label}
        for n, (text, label) in enumerate([("足球", "体育"), ("股市", "财经")])
    ]
    Dataset.from_list(rows[:1]).to_parquet(tmp_path / "new-1.parquet")
    Dataset.from_list(rows[1:]).to_parquet(tmp_path / "new-2.parquet")
    call("predict", "run=run", "input=new-*.parquet", "output=out.jsonl", cwd=tmp_path)
    predicted = [
        json.loads(line)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(row["id"], row["text"]) for row in predicted] == [(0, "足球"), (1, "股市")]

    out, _ = call("evaluate", "run=run", "file=new-*.parquet", cwd=tmp_path)
    assert "Scores on file" in out


def test_a_text_in_two_columns_with_numbers_as_labels_from_inspection_to_prediction(tmp_path):
    with gzip.open(tmp_path / "rows.jsonl.gz", "wt", encoding="utf-8") as lines:
        for number in range(60):
            text = {
                "title": f"Goal {number}" if number % 3 else f"Shares {number}",
                "description": "in the match",
            }
            lines.write(json.dumps({**text, "class": int(number % 3 > 0)}) + "\n")
        lines.write(json.dumps({"title": "", "description": " ", "class": 0}) + "\n")
    data = [
        "data.train=rows.jsonl.gz",
        "data.text_column=[title,description]",
        "data.label_names=[money,sports]",
        "data.drop_empty=true",
        "data.oversample=true",
    ]

    out, errors = run("inspect_data", *data, "output=look", cwd=tmp_path)
    assert (
        "data.train: texts are read from the column 'title + description', classes from 'class'."
        in errors
    )
    report = (tmp_path / "look" / "report.md").read_text(encoding="utf-8")
    assert "data.train: 1 row without text or label was dropped." in report
    assert "| sports | 32 | 4 | 4 |" in report
    assert (tmp_path / "look" / "data.png").stat().st_size > 10_000
    assert "Rows of each class" in out

    call("train", *data, *QUICK, f"hydra.run.dir={tmp_path}/run", cwd=tmp_path)
    recorded = record(tmp_path / "run")
    assert recorded["labels"] == ["money", "sports"]
    assert recorded["data"]["columns"] == {"text": ["title", "description"], "label": "class"}
    assert recorded["data"]["splits"]["train"]["classes"] == {"money": 16, "sports": 32}
    # 64 rows with the smaller class repeated, in batches of 8, three times
    assert recorded["steps"] == 3 * 64 // 8

    call("predict", "run=run", "input=rows.jsonl.gz", "output=out.csv", cwd=tmp_path)
    predicted = table(tmp_path / "out.csv")
    assert [row["title"] for row in predicted[:2]] == ["Shares 0", "Goal 1"]
    [alone] = TextClassifier.load(tmp_path / "run").predict(["Shares 0 in the match"])
    assert predicted[0]["predicted"] == alone.label
    assert float(predicted[0]["probability_money"]) == pytest.approx(
        alone.probabilities["money"], abs=1e-6
    )


def test_a_model_reads_the_beginnings_and_ends_of_words_that_it_does_not_know(tmp_path):
    rows = [{"text": f"strikers scored {n} goals", "label": "sports"} for n in range(30)]
    rows += [{"text": f"lenders charged {n} fees", "label": "money"} for n in range(30)]
    Dataset.from_list(rows).to_csv(tmp_path / "rows.csv")
    given = ["data.train=rows.csv", "data.prefix_length=5", "data.suffix_length=3"]
    more = ["model.word_dropout=0.5", "trainer.max_epochs=30", "data.batch_size=8"]
    run_folder = tmp_path / "run"
    call("train", *given, *QUICK, *more, f"hydra.run.dir={run_folder}", cwd=tmp_path)

    classifier = TextClassifier.load(run_folder)
    assert {"strik…", "lende…", "…ers", "…red"} <= classifier.tokenizer.get_vocab().keys()
    texts = ["striking", "lending lendedly", "recharged", "unheard-of xyzzy"]
    strike, lend, charged, unknown = classifier.predict(texts)
    assert (strike.label, lend.label, charged.label) == ("sports", "money", "money")
    by_chance = classifier.predict(["zyx-qo plugh"])[0]
    assert unknown.probabilities == pytest.approx(by_chance.probabilities, abs=1e-6)

    (tmp_path / "new.txt").write_text("\n".join(texts), encoding="utf-8")
    call("predict", "run=run", "input=new.txt", "output=out.csv", cwd=tmp_path)
    assert [row["predicted"] for row in table(tmp_path / "out.csv")][:3] == [
        "sports",
        "money",
        "money",
    ]
