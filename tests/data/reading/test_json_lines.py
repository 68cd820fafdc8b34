"""JSON Lines and arrays of objects: which columns they have, and what is refused."""

import pytest

from helpers.reading import assert_refused, read


def test_what_a_json_object_lacks_is_none(write_file):
    file = write_file("rows.jsonl", '{"text": "one"}\n\n{"label": "b", "text": "two"}\n')
    assert read(file, ["text", "label"]) == [("one", None), ("two", "b")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "rows.jsonl",
            '{"text": "one"}\n{"text"\n',
            r"line 2 is no JSON \(Expecting ':' delimiter, .*a JSON object a line",
        ),
        ("rows.jsonl", '{"text": "one"}\n\n"two"\n', r"line 3 is no JSON object; one such as \{"),
        ("rows.json", "[]", r"rows\.json holds no object with keys; objects such as \{"),
        ("rows.jsonl", "{}\n", r"rows\.jsonl holds no object with keys; objects such as \{"),
        (
            "rows.json",
            '[{"text": "one"},\n]',
            r"line 2 is no JSON \(.*, or one array of them, was expected\.",
        ),
        ("rows.json", '[{"text": "one"},\n\n2]', r"item 2 is no JSON object; one such as \{"),
        (
            "rows.json",
            "[" * 100_000,
            r"rows\.json is no JSON \(.*recursion.*\); a JSON object a line, such as",
        ),
        (
            "rows.jsonl",
            '{"text": "a"}\n{"text": "é"}\n'.encode("latin-1"),
            r"line 2, byte 24 is no UTF-8 text",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(write_file, name, content, message):
    assert_refused(write_file(name, content), message)
