"""Small labelled files, and what a source has read of them."""

import json

from datasets import Dataset

ROWS = [("Shares fell, again", "business"), ('She said "goal"', "sports"), ("Zwölf Tore", "sports")]


CSV = 'text,label\n"Shares fell, again",business\n"She said ""goal""",sports\nZwölf Tore,sports\n'


def names_of(source):
    return source.rows.features["label"].names


def rows_of(source):
    return list(
        zip(source.texts(), [names_of(source)[label] for label in source.labels_N], strict=True)
    )


def json_lines(rows):
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def write_parquet(file, rows, **options):
    columns = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    Dataset.from_dict(columns, **options).to_parquet(file)
