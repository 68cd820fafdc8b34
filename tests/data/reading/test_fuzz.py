"""Whatever a file holds, reading it ends with rows or with one InputError."""

import csv
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from helpers.reading import COMPRESS, in_arrow, in_excel, in_fasttext, in_feather, zipped
from helpers.small import data_module, data_settings
from textlstm.checks import InputError
from textlstm.data.reading.files import open_table
from textlstm.data.reading.formats import FORMATS
from textlstm.data.reading.settings import AS_NAMED, FileSettings
from textlstm.data.sources import load_source

READ = {"text_column": None, "label_column": None}


def fuzz(examples: int) -> settings:
    """Settings that give the same examples each time, and as many as take some seconds."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.filter_too_much,
        ],
    )


@contextmanager
def a_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fuzz"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def answered(cache: Path) -> Iterator[None]:
    """Allows only an InputError whose message names a place, and leaves nothing half-written."""
    message = "read"
    try:
        yield
    except InputError as error:
        message = str(error)
    assert message
    assert not re.search(r"Traceback|\b(row|line) None\b", message)
    assert [file.name for file in cache.glob(".*")] == []


def read_whole(path: Path, folder: Path, **options: Any) -> None:
    """Reads a path in chunks with all columns, as predict does, and then as training does."""
    settings = data_settings(**{**READ, "train": str(path), **options})
    with answered(folder / "cache"):
        for chunk in open_table(str(path), "input", settings).chunks(None):
            assert not chunk.columns or chunk.rows() > 0
    with answered(folder / "cache"):
        rows = load_source(settings, cache=folder / "cache")["train"]
        assert len(list(rows.texts())) == len(rows.labels_N) == len(rows.duplicate_of) > 0


ODD = st.text(st.sampled_from("a,\";\t|\n\r'{}[]:1.e-\\u\0é\ufeff \x85\u2028"), max_size=60)
BYTES = st.one_of(
    st.binary(max_size=200),
    ODD.map(str.encode),
    ODD.map(lambda text: b"text,label\n" + text.encode()),
    ODD.map(lambda text: b'{"text": "' + text.encode() + b'"}'),
    ODD.map(lambda text: text.encode("utf-16")),
)


DELIMITED = st.fixed_dictionaries(
    {"quoting": st.sampled_from([None, "double", "none"])},
    optional={"header": st.sampled_from([None, True, False])},
)


@fuzz(300)
@given(
    st.sampled_from([*FORMATS, "a folder"]),
    st.sampled_from(list(COMPRESS)),
    st.booleans(),
    BYTES,
    DELIMITED,
)
def test_any_bytes_are_read_or_refused(kind, pack, packed, content, delimited):
    with a_folder() as folder:
        file = folder / f"rows{kind}{pack}"
        if kind == "a folder":
            (folder / "rows" / "b").mkdir(parents=True)
            (folder / "rows" / "a").mkdir()
            (folder / "rows" / "b" / "1.txt").write_text("one goal", encoding="utf-8")
            file = folder / "rows" / "a" / f"1.txt{pack}"
        file.write_bytes(COMPRESS[pack](content) if packed else content)
        read_whole(folder / "rows" if kind == "a folder" else file, folder, **delimited)


TABLE = [
    {"text": f'word {n}, "é"\n漢 {n}', "label": "ab"[n % 2], "n": n, "list": [n]} for n in range(30)
]


def whole_csv() -> bytes:
    stream = io.StringIO()
    csv.writer(stream).writerows(
        [["text", "label"], *([row["text"], row["label"]] for row in TABLE)]
    )
    return stream.getvalue().encode()


def whole_parquet(**options: Any) -> bytes:
    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(TABLE), stream, **options)
    return stream.getvalue()


TABLE_COLUMNS = {name: [row[name] for row in TABLE] for name in TABLE[0]}
COLUMNS = {name: TABLE_COLUMNS[name] for name in ("text", "label")}
LINES = {**COLUMNS, "text": [text.replace("\n", " ") for text in COLUMNS["text"]]}
WHOLE = [
    (".csv", whole_csv()),
    (".jsonl", "\n".join(map(json.dumps, TABLE)).encode()),
    (".json", json.dumps(TABLE).encode()),
    (".parquet", whole_parquet()),
    (".parquet", whole_parquet(compression="none", use_dictionary=False)),
    (".arrow", in_arrow(TABLE_COLUMNS)),
    (".feather", in_feather(TABLE_COLUMNS)),
    (".xlsx", in_excel(COLUMNS)),
    (".ft", in_fasttext(LINES)),
    (".txt", in_fasttext(LINES)),
    (".zip", zipped({"rows.csv": whole_csv()})),
    (".json", json.dumps({"data": TABLE}, indent=1).encode()),
    (".json", json.dumps({name: dict(enumerate(of)) for name, of in COLUMNS.items()}).encode()),
    (".csv", "\ufeff".encode("utf-16-le") + whole_csv().decode().encode("utf-16-le")),
    (".csv", whole_csv().decode().encode("gb18030")),
]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A file with bytes lost, flipped or inserted in up to three places, or cut at one of them.

    This is done before or after the file is compressed.
    """
    kind, content = draw(st.sampled_from(WHOLE))
    pack = draw(st.sampled_from(["", "", *COMPRESS]))
    inside = draw(st.booleans())
    content = bytearray(content if inside else COMPRESS[pack](content))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(content)))
        lost = draw(st.sampled_from([0, 1, 4, 20, len(content)]))
        content[place : place + lost] = draw(st.binary(max_size=4)) if lost < len(content) else b""
    return kind + pack, COMPRESS[pack](bytes(content)) if inside else bytes(content)


@fuzz(400)
@given(damaged(), st.sampled_from(["strict", "replace"]))
def test_damaged_files_are_read_or_refused(file, errors):
    name, content = file
    with a_folder() as folder:
        (folder / f"rows{name}").write_bytes(content)
        read_whole(folder / f"rows{name}", folder, encoding_errors=errors)


DOCUMENT = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b", "{", "0"]),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "label", "data", "columns", "0", "1", "a.b", "cats"]),
            inside,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@fuzz(300)
@given(
    st.lists(DOCUMENT, min_size=1, max_size=2),
    st.sampled_from([None, 1]),
    st.sampled_from([None, "data.text", "text.0"]),
    st.sampled_from([None, "data.label", "cats", ["0", "1"]]),
)
def test_any_documents_are_read_or_refused(values, indent, text, label):
    with a_folder() as folder:
        content = "\n".join(json.dumps(value, indent=indent) for value in values)
        (folder / "rows.json").write_text(content, encoding="utf-8")
        read_whole(folder / "rows.json", folder, text_column=text, label_column=label)


@fuzz(150)
@given(
    st.sampled_from(["csv", "tsv", "json", "fasttext", "lines", "xlsx", "parquet", "arrow"]), BYTES
)
def test_any_bytes_are_read_or_refused_in_a_given_format(kind, content):
    with a_folder() as folder:
        (folder / "rows.txt").write_bytes(content)
        read_whole(folder / "rows.txt", folder, format=kind)


TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.text(
    st.sampled_from(
        " \u2028\x85\u200b\u0301\ufeffaA\ufdfaİß\u00a0\u2581[PAD]<0x>\x01\x1c\\\"',;\t|\r\n"
    ),
    max_size=12,
)
SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.integers(), st.floats(), st.text(max_size=12)
)
NESTED = st.recursive(
    SCALAR,
    lambda x: st.lists(x, max_size=2) | st.dictionaries(st.text(max_size=3), x, max_size=2),
    max_leaves=3,
)
LABELS = [
    *(
        st.sampled_from("abc"),
        st.integers(0, 2),
        st.booleans(),
        st.sampled_from(["0", "1", "2.0", "+1", "1e400", "٣"]),
    ),
    *(
        st.sampled_from(["a", 1, 2.5, True, None, "", " a ", "nan", 10**400, "\ud800", "\0"]),
        SCALAR,
        NESTED,
    ),
]
NAME = st.sampled_from(["text", "label", "Text ", "title"]) | st.text(max_size=4)


@st.composite
def json_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Objects of any content, more often than not with a text and a label."""
    if draw(st.integers(0, 2)) == 0:
        return draw(st.lists(st.dictionaries(NAME, NESTED, max_size=4), max_size=5))
    label = draw(st.sampled_from(LABELS))
    text = draw(st.sampled_from([TEXT, st.text(), SCALAR]))
    return draw(st.lists(st.fixed_dictionaries({"text": text, "label": label}), max_size=10))


@fuzz(300)
@given(
    json_rows(),
    st.sampled_from([".jsonl", ".json"]),
    st.booleans(),
    st.sampled_from([None, ["no", "yes"], ["a", "b", "c"], [], {0: "no", 1: "yes"}, {"a": "b"}]),
    st.booleans(),
)
@example(
    [{"text": "a", "label": float("nan")}, {"text": "b", "label": float("inf")}],
    ".json",
    True,
    None,
    False,
)
def test_any_objects_are_read_or_refused(rows, kind, drop_empty, label_names, merge_labels):
    content = json.dumps(rows) if kind == ".json" else "\n".join(map(json.dumps, rows))
    with a_folder() as folder:
        (folder / f"rows{kind}").write_text(content, encoding="utf-8")
        options = {"label_names": label_names, "merge_labels": merge_labels}
        read_whole(folder / f"rows{kind}", folder, drop_empty=drop_empty, **options)


def write_csv(file: Path, header: list[str], rows: list[tuple[Any, ...]]) -> None:
    with open(file, "w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])


@fuzz(200)
@given(
    st.lists(
        NAME.filter(lambda name: not re.search("[\ud800-\udfff]", name)), min_size=1, max_size=4
    ).flatmap(
        lambda names: st.tuples(
            st.just(names), st.lists(st.tuples(*[TEXT] * len(names)), max_size=6)
        )
    ),
    st.booleans(),
)
def test_any_table_of_texts_is_read_or_refused(table, drop_empty):
    with a_folder() as folder:
        write_csv(folder / "rows.csv", *table)
        read_whole(folder / "rows.csv", folder, drop_empty=drop_empty)


def is_text(text: str) -> bool:
    return "\0" not in text and bool(text) and not text.isspace()


LABELLED = st.lists(st.tuples(TEXT.filter(is_text), st.sampled_from("ab")), min_size=1, max_size=30)


@fuzz(150)
@given(LABELLED)
def test_what_the_csv_module_writes_comes_back(rows):
    rows = [*rows, ("one", "a"), ("two", "b")]
    with a_folder() as folder:
        write_csv(folder / "rows.csv", ["text", "label"], rows)
        settings = data_settings(**READ, train=str(folder / "rows.csv"))
        read = load_source(settings, cache=folder / "cache")["train"]
        names = read.rows.features["label"].names
        assert (
            list(zip(read.texts(), [names[label] for label in read.labels_N], strict=True)) == rows
        )


QUOTED_LINES = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.text(st.sampled_from('""\',; xy'), min_size=1, max_size=8).filter(is_text),
    ),
    min_size=1,
    max_size=12,
)


def read_lines(file: Path, settings: FileSettings = AS_NAMED) -> list[tuple[str, ...]] | None:
    """The rows of a file; None if it is refused with a key to type."""
    try:
        chunks = list(open_table(str(file), "input", settings).chunks(None))
    except InputError as error:
        if "quoting=" not in str(error):
            raise
        return None
    return [row for chunk in chunks for row in zip(*chunk.columns.values(), strict=True)]


@fuzz(400)
@given(QUOTED_LINES, st.booleans())
@example([("a", '"x'), ("b", "y"), ("a", 'z"')], False)
@example([("a", '"x'), ("b", "y"), ("a", 'z"')], True)
def test_no_line_of_a_tab_separated_file_vanishes(rows, text_first):
    header = ("text", "label") if text_first else ("label", "text")
    rows = [row[::-1] if text_first else row for row in rows]
    with a_folder() as folder:
        content = "".join("\t".join(row) + "\n" for row in [header, *rows])
        (folder / "rows.tsv").write_text(content, encoding="utf-8")
        read = read_lines(folder / "rows.tsv")
        assert read is None or len(read) == len(rows)
        assert read_lines(folder / "rows.tsv", FileSettings(quoting="none")) == rows


@fuzz(200)
@given(LABELLED, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_the_csv_module_writes_with_tabs_comes_back(rows, quoting):
    rows = [*rows, ('she said "yes"', "a")]  # shows that fields stand in quotes
    with a_folder() as folder:
        with open(folder / "rows.tsv", "w", encoding="utf-8", newline="") as lines:
            writer = csv.writer(lines, delimiter="\t", quoting=quoting)
            writer.writerows([("text", "label"), *rows])
        read = read_lines(folder / "rows.tsv")
        assert read is None or read == rows


@pytest.mark.parametrize("tokenizer", ["word", "bpe", "unigram"])
@fuzz(60)
@given(
    LABELLED,
    st.none() | LABELLED,
    st.sampled_from([1, 2, 5, None]),
    st.sampled_from(["head", "tail", "head_tail"]),
    st.booleans(),
    st.sampled_from([1, 9, 65536]),
)
def test_any_texts_become_batches_that_hold_each_row_once_or_are_refused(
    tokenizer, train, test, max_length, truncate, oversample, max_tokens
):
    options = {
        "tokenizer": tokenizer,
        "max_length": max_length,
        "truncate": truncate,
        "oversample": oversample,
    }
    with a_folder() as folder, answered(folder / "cache"):
        write_csv(
            folder / "train.csv",
            ["text", "label"],
            [*train, *((f"text {n}", "ab"[n % 2]) for n in range(6))],
        )
        if test is not None:
            write_csv(folder / "test.csv", ["text", "label"], test)
            options["test"] = str(folder / "test.csv")
        options |= {"train": str(folder / "train.csv"), "max_tokens_per_batch": max_tokens}
        data = data_module(folder / "cache", **options)
        data.setup()
        for split, loader in (
            ("validation", data.val_dataloader()),
            ("test", data.test_dataloader()),
        ):
            batches = list(loader)
            assert len(batches) == len(loader)
            assert sorted(int(row) for batch in batches for row in batch.rows_B) == list(
                range(len(data.splits[split]))
            )
            assert all(
                0 <= length <= (max_length or 1000)
                for batch in batches
                for length in batch.lengths_B
            )
        rows = {int(row) for batch in data.train_dataloader() for row in batch.rows_B}
        assert rows == set(range(len(data.splits["train"])))
