"""Bytes that are not text: the error names their place and how to name the encoding."""

from helpers.mistakes import CSV, ONE, TRAIN, each_case, json_lines


def no_utf8(place: str) -> str:
    """The error for a byte that UTF-8 does not have, at its place."""
    return (
        f"data.train: {{folder}}/{place} is no UTF-8 text. Save the file as UTF-8 (iconv -f LATIN1 "
        f"-t UTF-8), or name its encoding, such as data.encoding=latin-1."
    )


CASES = [
    (
        "a byte that is no text in CSV",
        {"rows.csv": CSV.encode() + "drei Zähler,sports\n".encode("latin-1")},
        [TRAIN + "rows.csv"],
        no_utf8("rows.csv, row 5, byte 86"),
    ),
    (
        "a byte that is no text in a header",
        {"rows.csv": "téxt,label\none goal,sports\n".encode("latin-1")},
        [TRAIN + "rows.csv"],
        no_utf8("rows.csv, header, byte 1"),
    ),
    (
        "a byte that is no text in JSON Lines",
        {"rows.jsonl": json_lines(ONE).encode() + '{"text": "Zähler"}\n'.encode("latin-1")},
        [TRAIN + "rows.jsonl"],
        no_utf8("rows.jsonl, line 2, byte 51"),
    ),
    (
        "a byte that is no text in a folder",
        {"money/1.txt": "shares fall", "sports/2.txt": "drei Zähler".encode("latin-1")},
        [TRAIN],
        no_utf8("sports/2.txt, byte 6"),
    ),
    (
        "a byte that is no text in a given encoding",
        {"rows.csv": CSV + "drei Zähler,sports\n"},
        [TRAIN + "rows.csv", "data.encoding=ascii"],
        (
            "data.train: {folder}/rows.csv, row 5, byte 86 is no ASCII text, which "
            "data.encoding=ascii says it is. Name another, or leave it out for UTF-8."
        ),
    ),
    (
        "UTF-16 cut short",
        {"rows.csv": CSV.encode("utf-16")[:-1]},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, byte 160 is no UTF-16 text, which its byte order mark "
            "says it is: it is damaged or cut short."
        ),
    ),
    (
        "a NUL byte",
        {"rows.csv": CSV + "three\0goals,sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5 holds a NUL byte in the column 'text', which no "
            "text has. Remove it, or name the encoding of the file, such as "
            "data.encoding=utf-16-le."
        ),
    ),
    (
        "half of a surrogate pair",
        {"rows.jsonl": json_lines(ONE, ONE | {"text": "goal \ud83d"})},
        [TRAIN + "rows.jsonl"],
        (
            "data.train: {folder}/rows.jsonl, row 2 holds half of a surrogate pair (\\ud800 to "
            "\\udfff) in the column 'text': write the whole character, or remove it."
        ),
    ),
    (
        "an encoding that is none",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.encoding=uft-8"],
        (
            "data.encoding=uft-8 is no text encoding; one such as utf-8, latin-1 or cp1252 was "
            "expected."
        ),
    ),
]


@each_case(CASES)
def test_a_byte_that_is_not_text_is_named_with_what_to_do(
    assert_refused, files, overrides, message
):
    assert_refused(files, overrides, message)
