"""Files and overrides from which tests build the mistakes that people make."""

import io
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

SMALL = [
    "model.hidden=4",
    "model.embedding_dim=4",
    "trainer.max_epochs=1",
    "baselines=false",
    "wide=false",
]

CSV = "text,label\none goal,sports\nshares fall,money\ntwo goals,sports\nshares rise,money\n"
PAIRS = [(f"goal {n}", "sports") for n in range(20)] + [(f"shares {n}", "money") for n in range(20)]
MANY = "text,label\n" + "".join(f"{text},{label}\n" for text, label in PAIRS)
ONE = {"text": "one goal", "label": "sports"}

# {folder} is the folder of the files of a case.
TRAIN = "data.train={folder}/"
TEST = "data.test={folder}/test.csv"

# A case is its name, its files, the overrides of a training command, and the message of its error.
Case = tuple[str, dict[str, str | bytes], list[str], str]


def each_case(cases: list[Case]) -> pytest.MarkDecorator:
    """Runs a test once for each case, under the case's name."""
    return pytest.mark.parametrize(
        ("files", "overrides", "message"),
        [pytest.param(*case, id=name.replace(" ", "-")) for name, *case in cases],
    )


def json_lines(*rows: object) -> str:
    """Text with a row of JSON per line."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def parquet_file(rows: int, *, names: list[str] | None = None) -> bytes:
    """A Parquet file with the first rows of PAIRS, whose labels may be numbers with names."""
    stream = io.BytesIO()
    texts, labels = zip(*PAIRS, strict=True)
    table = pyarrow.table({"text": texts[:rows], "label": labels[:rows]})
    if names is not None:
        features = {"label": {"_type": "ClassLabel", "names": names}}
        table = table.set_column(1, "label", [[names.index(label) for label in labels[:rows]]])
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    pyarrow.parquet.write_table(table, stream)
    return stream.getvalue()


def half_written(cache: Path) -> list[str]:
    """Names of the files in the cache that are still being written, or were left that way."""
    return [file.name for file in cache.rglob("*") if file.name.startswith(".")]
