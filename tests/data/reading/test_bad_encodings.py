"""Bytes that are not text: the error names their place and how to name the encoding."""

from helpers.mistakes import CSV, ONE, TRAIN, each_case, json_lines

FEW = " If it should not say that, data.encoding_errors=replace reads such bytes as �."
EMOJI = "text,label\n" + "".join(f"a 🎁 for “you” {n},spam\nsee you {n},ham\n" for n in range(4))


def latin_1(reads: str) -> str:
    """What is said of a file that looks like latin-1, which reads one place so."""
    return (
        f". It looks like latin-1 ({reads!r}): name it with data.encoding=latin-1, or save the "
        f"file as UTF-8 (iconv -f LATIN1 -t UTF-8)."
    )


CASES = [
    (
        "a byte that is no text in CSV",
        {"rows.csv": CSV.encode() + "drei Zähler,sports\n".encode("latin-1")},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv, row 5, byte 86 is no UTF-8 text"
        + latin_1("drei Zähler,sports")
        + FEW,
    ),
    (
        "a byte that is no text in a header",
        {"rows.csv": "téxt,label\none goal,sports\n".encode("latin-1")},
        [TRAIN + "rows.csv"],
        "data.train: {folder}/rows.csv, header, byte 1 is no UTF-8 text"
        + latin_1("téxt,label")
        + FEW,
    ),
    (
        "a byte that is no text in JSON Lines",
        {"rows.jsonl": json_lines(ONE).encode() + '{"text": "Zähler"}\n'.encode("latin-1")},
        [TRAIN + "rows.jsonl"],
        "data.train: {folder}/rows.jsonl, line 2, byte 51 is no UTF-8 text"
        + latin_1('{"text": "Zähler"}')
        + FEW,
    ),
    (
        "a byte that is no text in a folder",
        {"money/1.txt": "shares fall", "sports/2.txt": "drei Zähler".encode("latin-1")},
        [TRAIN],
        "data.train: {folder}/sports/2.txt, byte 6 is no UTF-8 text" + latin_1("drei Zähler") + FEW,
    ),
    (
        "bytes of quotation marks that latin-1 has not",
        {"rows.csv": (CSV + "a “good” goal – it’s in,sports\n").encode("cp1252")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5, byte 82 is no UTF-8 text. It looks like cp1252 "
            "('a “good” goal – i'): name it with data.encoding=cp1252, or save the file as UTF-8 "
            "(iconv -f CP1252 -t UTF-8)."
        ),
    ),
    (
        "UTF-8 with one damaged emoji",
        {"rows.csv": EMOJI.encode().replace(b"\xf0\x9f\x8e\x81", b"\xf0\x9f\x81", 1)},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 1, byte 13 is no UTF-8 text: the file is UTF-8 but "
            "for this place. Repair it, or read such bytes as � with data.encoding_errors=replace, "
            "which counts and lists the rows."
        ),
    ),
    (
        "UTF-8 with several damaged places",
        {"rows.csv": EMOJI.encode().replace(b"\xe2\x80\x9c", b"\xe2\x80", 3)},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 1, byte 22 is no UTF-8 text: the file is UTF-8 but "
            "for 3 places. Repair it, or read such bytes as � with data.encoding_errors=replace, "
            "which counts and lists the rows."
        ),
    ),
    (
        "UTF-16 without a byte order mark",
        {"rows.csv": CSV.encode("utf-16-be")},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv looks like UTF-16 without a byte order mark. Name it "
            "with data.encoding=utf-16-be, or save the file as UTF-8 (iconv -f UTF-16BE -t UTF-8)."
        ),
    ),
    (
        "bytes of no encoding",
        {"rows.csv": CSV.encode() + b"\x81\x8d\x8f\x90\x9d\xff\xfe\x00\x98,sports\n"},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, row 5, byte 80 is no UTF-8 text, and its encoding "
            "cannot be told. Save the file as UTF-8, name its encoding with data.encoding=…, or "
            "read such bytes as � with data.encoding_errors=replace."
        ),
    ),
    (
        "a byte that is no text in a given encoding",
        {"rows.csv": CSV + "drei Zähler,sports\n"},
        [TRAIN + "rows.csv", "data.encoding=ascii"],
        (
            "data.train: {folder}/rows.csv, row 5, byte 86 is no ASCII text, which "
            "data.encoding=ascii says it is. Name another, leave it out for UTF-8, or read such "
            "bytes as � with data.encoding_errors=replace."
        ),
    ),
    (
        "UTF-16 cut short",
        {"rows.csv": CSV.encode("utf-16")[:-1]},
        [TRAIN + "rows.csv"],
        (
            "data.train: {folder}/rows.csv, byte 160 is no UTF-16 text, which its byte order mark "
            "says it is: it is damaged or cut short. Fetch or write it again, or read such bytes "
            "as � with data.encoding_errors=replace."
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
    (
        "a way to treat bad bytes that is none",
        {"rows.csv": CSV},
        [TRAIN + "rows.csv", "data.encoding_errors=replce"],
        (
            "data.encoding_errors must be one of strict, replace, got 'replce'. Did you mean "
            "'replace'?"
        ),
    ),
]


@each_case(CASES)
def test_a_byte_that_is_not_text_is_named_with_what_to_do(
    assert_refused, files, overrides, message
):
    assert_refused(files, overrides, message)
