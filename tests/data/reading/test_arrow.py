"""Arrow files, and the folders that `datasets` saves: class names, and what is refused."""

import contextlib
import json
from random import Random

import pyarrow
import pyarrow.feather
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from pyarrow import ipc

from helpers.reading import COLUMNS, ROWS, assert_refused, in_arrow, in_feather, read
from textlstm.checks import InputError
from textlstm.data.reading.files import find_files, open_table
from textlstm.data.reading.tables import ROWS as MOST

FEATURES = Features({"text": Value("string"), "label": ClassLabel(names=["zebra", "ant"])})


def saved(folder, rows=3, shards=1):
    """A data set of so many rows, of which only every second is kept."""
    texts = [f"text {n}" for n in range(2 * rows)]
    whole = Dataset.from_dict({"text": texts, "label": [1, 0] * rows}, features=FEATURES)
    whole.select(range(0, 2 * rows, 2)).save_to_disk(folder, num_shards=shards)
    return folder


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_feather_is_read_packed_or_not(tmp_path, compression):
    file = tmp_path / "rows.feather"
    pyarrow.feather.write_feather(pyarrow.table(COLUMNS), file, compression=compression)
    assert read(file) == ROWS


def test_a_saved_data_set_is_read_as_a_folder(tmp_path):
    folder = saved(tmp_path / "news", rows=5, shards=2)
    assert open_table(str(folder), "data.train").class_names == {"label": ["zebra", "ant"]}
    assert read(folder) == [(f"text {n}", 1) for n in range(0, 10, 2)]


def test_what_was_computed_beside_a_saved_data_set_is_not_read(tmp_path):
    folder = saved(tmp_path / "news")
    Dataset.load_from_disk(folder).map(lambda row: {"text": row["text"].upper()})
    assert len(list(folder.glob("*.arrow"))) == 2  # datasets keeps the result there
    assert [file.name for file in find_files(str(folder), "data.train")] == [
        "data-00000-of-00001.arrow"
    ]


def test_the_folder_of_a_saved_dictionary_names_the_splits(tmp_path):
    one = Dataset.load_from_disk(saved(tmp_path / "one"))
    DatasetDict(train=one, test=one).save_to_disk(tmp_path / "news")
    with pytest.raises(
        InputError,
        match=rf"holds splits \(train, test\), not classes: give data\.train={tmp_path}/news/train "
        rf"data\.test={tmp_path}/news/test\.$",
    ):
        read(tmp_path / "news")


@pytest.mark.parametrize(
    "state",
    [
        "{",
        "[]",
        "{}",
        '{"_data_files": []}',
        '{"_data_files": ["a.arrow"]}',
        '{"_data_files": [{"filename": 1}]}',
        '{"_data_files": [{"filename": "../other.arrow"}]}',
        '{"_data_files": [{"filename": "state.json"}]}',
    ],
)
def test_a_list_of_other_files_is_refused(tmp_path, state):
    saved(tmp_path / "other")
    folder = saved(tmp_path / "news")
    (tmp_path / "other" / "data-00000-of-00001.arrow").rename(tmp_path / "other.arrow")
    (folder / "state.json").write_text(state, encoding="utf-8")
    assert_refused(folder, r"news/state\.json does not list the Arrow files of a saved data set\.")


def test_a_listed_file_that_is_missing_is_named(tmp_path):
    folder = saved(tmp_path / "news", rows=4, shards=2)
    (folder / "data-00001-of-00002.arrow").unlink()
    assert_refused(
        folder, r"news/data-00001-of-00002\.arrow is missing, which state\.json lists\. Fetch it"
    )


def in_stream(batches):
    sink = pyarrow.BufferOutputStream()
    with ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def test_a_large_batch_is_cut_to_chunks(tmp_path):
    rows = 2 * MOST + 1
    batch = pyarrow.record_batch({"text": list(map(str, range(rows))), "label": ["a"] * rows})
    (tmp_path / "rows.arrow").write_bytes(in_stream([batch.slice(0, 0), batch]))
    table = open_table(str(tmp_path / "rows.arrow"), "data.train")
    assert [chunk.rows() for chunk in table.chunks(["text"])] == [MOST, MOST, 1]
    assert [chunk.first for chunk in table.chunks(["text"])] == [1, MOST + 1, 2 * MOST + 1]


def ends(*places):
    """The places in the file's characters where the texts end, as they stand in the file."""
    return b"".join(place.to_bytes(4, "little", signed=True) for place in places)


@pytest.mark.parametrize(
    ("whole", "other"),
    [
        (ends(0, 3, 5), ends(0, 3, 2**31 - 1)),
        (ends(0, 3, 5), ends(0, -(2**30), 5)),
        (ends(0, 3, 5), ends(0, 5, 3)),
        (b"goals", b"goal\xff"),
        (b"label", b"labe\xff"),
    ],
    ids=["beyond the end", "before the start", "backwards", "no UTF-8", "a name of no UTF-8"],
)
def test_texts_that_the_file_does_not_hold_are_refused(tmp_path, whole, other):
    content = in_arrow({"text": ["goa", "ls"], "label": ["a", "a"]})
    assert content.count(whole) == 1
    (tmp_path / "rows.arrow").write_bytes(content.replace(whole, other))
    assert_refused(tmp_path / "rows.arrow", r"rows\.arrow is no whole \.arrow file: it is damaged")


@pytest.mark.trust("hostile file")
def test_any_damage_is_one_error_and_no_crash(tmp_path, record_property):
    """The format trusts whoever wrote the file: unchecked, a few such files end the process."""
    numbers = range(40)
    columns = {
        "text": [f'word {n}, "é"' for n in numbers],
        "label": pyarrow.array([f"class {n % 2}" for n in numbers]).dictionary_encode(),
        "list": [[str(n)] for n in numbers],
        "object": [{"a": str(n)} for n in numbers],
        "large": pyarrow.array(map(str, numbers), pyarrow.large_string()),
        "view": pyarrow.array([f"more than twelve bytes {n}" for n in numbers]).cast("string_view"),
        "map": pyarrow.array([[("k", n)] for n in numbers], pyarrow.map_("string", "int64")),
        "time": pyarrow.array(numbers, pyarrow.timestamp("ms", tz="UTC")),
    }
    drawn, wholes = Random(0), [in_arrow(columns), in_feather(columns)]
    file, tried = tmp_path / "rows.arrow", 3000
    record_property("tried", tried)
    for _ in range(tried):
        content = bytearray(drawn.choice(wholes))
        for _ in range(drawn.randint(1, 4)):
            place = 4 * drawn.randrange(len(content) // 4)
            number = drawn.choice([0, 1, 127, 2**16, 2**31 - 1, 2**32 - 1, drawn.getrandbits(32)])
            content[place : place + drawn.choice([4, 8])] = number.to_bytes(4, "little")
        file.write_bytes(bytes(content))
        with contextlib.suppress(InputError, MemoryError):
            for _ in open_table(str(file), "data.train").chunks(None):
                pass


def test_columns_without_rows_are_refused(tmp_path):
    batch = pyarrow.record_batch({"text": pyarrow.array([], pyarrow.string())})
    (tmp_path / "rows.arrow").write_bytes(in_stream([batch]))
    assert_refused(
        tmp_path / "rows.arrow", r"rows\.arrow has columns but no rows; at least one row"
    )


def test_an_arrow_file_of_state_alone_is_no_saved_data_set(tmp_path):
    """A folder of classes may hold a file of that name."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_text("one", encoding="utf-8")
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": []}), encoding="utf-8")
    assert read(tmp_path) == [("one", "a")]
