"""Which encoding a file is told to be in, and bytes that are no text read as �."""

import io

import pytest

from helpers.reading import WRITTEN_AS, assert_refused, read
from textlstm.checks import InputError
from textlstm.data.reading.encodings import guess_encoding, unmarked_utf16, utf8_evidence
from textlstm.data.reading.files import open_table
from textlstm.data.reading.settings import FileSettings

GERMAN = "Zwölf Tore für die Mannschaft; schöne Grüße aus München"
RUSSIAN = "Акции снова упали, сказал он. Сборная забила два гола"
TEXTS = [
    ("latin-1", GERMAN),
    ("latin-1", "Probar los siguientes términos: ñandú, ándale, ésta, índice, cargó, último"),
    ("latin-1", "café"),
    ("latin-1", "£100 prize"),
    ("cp1252", "L’été à Paris était très agréable, où les élèves ont fêté Noël"),
    ("cp1252", "win prize number 1 “now” – it’s free… £100"),
    ("cp1252", "costs 5 € only"),
    ("cp850", GERMAN),
    ("cp1250", "Zażółć gęślą jaźń. Piłkarze wygrali mecz, mówią śledczy"),
    ("iso8859_2", "Zażółć gęślą jaźń. Piłkarze wygrali mecz, giełda spadła, mówią śledczy"),
    ("cp1251", RUSSIAN),
    ("koi8_r", RUSSIAN),
    ("cp866", RUSSIAN),
    ("cp1253", "Οι μετοχές έπεσαν ξανά, είπε ο υπουργός. Δύο γκολ στο πρώτο ημίχρονο"),
    ("cp1254", "Hisseler yine düştü, dedi bakan. İlk yarıda iki gol atıldı, şampiyonluk yakın"),
    ("cp1255", "המניות שוב ירדו, אמר השר. שני שערים במחצית הראשונה"),
    ("cp1256", "انخفضت الأسهم مرة أخرى، قال الوزير. هدفان في الشوط الأول"),
    ("cp932", "株価がまた下落したと大臣は述べた。前半に二つのゴールが決まった。"),
    ("euc_jp", "株価がまた下落したと大臣は述べた。前半に二つのゴールが決まった。"),
    ("gb18030", "股价再次下跌，部长说。上半场打进两球，球队赢得比赛。"),
    ("big5", "股價再次下跌，部長說。上半場打進兩球，球隊贏得比賽。"),
    ("cp949", "주가가 다시 하락했다고 장관이 말했다. 전반전에 두 골이 터졌다."),
]


@pytest.mark.parametrize(("encoding", "text"), TEXTS)
def test_the_encoding_that_is_named_reads_the_file(write_file, encoding, text):
    content = f"text,label\none,a\n{text},b\n{text},c\n".replace("，", ",").encode(encoding)
    with pytest.raises(InputError) as refused:
        read(write_file("rows.csv", content))
    assert f". It looks like {encoding} (" in str(refused.value)
    assert f"name it with data.encoding={encoding}, or" in str(refused.value)


@pytest.mark.parametrize(("encoding", "text"), TEXTS)
def test_no_other_encoding_is_taken_for_damaged_utf_8(encoding, text):
    assert not utf8_evidence(io.BytesIO(text.encode(encoding))).is_damaged()


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ("a é, a 🎁".encode() + b"\xf0\x9f\x8e x", 1),
        (b"a gift \xf0\x9f\x8e in ASCII", 1),
        (b"it\xe2\x80s in ASCII", 1),
        ("é".encode() * 50 + b"\xff \xff", 2),
        ("漢字".encode()[:-1] + b" " + "漢字".encode() * 3, 1),
    ],
)
def test_damaged_utf_8_is_known_by_the_rest(content, places):
    evidence = utf8_evidence(io.BytesIO(content))
    assert evidence.is_damaged()
    assert evidence.places == places


def test_evidence_is_counted_across_blocks_as_within_them():
    content = ("x" * 1_048_575 + "é" * 600_000).encode() + b"\xff" + "é".encode() * 9
    evidence = utf8_evidence(io.BytesIO(content))
    assert (evidence.whole, evidence.other, evidence.places) == (600_009, 1, 1)


def test_what_fits_no_common_encoding_is_not_guessed():
    content = b"\x81\x8d\x8f\x90\x9d\xff\xfe\x98 words of ASCII"
    assert guess_encoding(lambda: io.BytesIO(content)) is None


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json"])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_named(write_file, suffix, codec):
    rows = {"text": ["Zwölf Tore", "株価が下落"], "label": ["a", "b"]}
    content = WRITTEN_AS[suffix](rows).decode().encode(codec)
    file = write_file(f"rows{suffix}", content)
    assert_refused(
        file, rf"rows\{suffix} looks like UTF-16 .* with data\.encoding={codec}, or save"
    )
    assert read(file, encoding=codec) == list(zip(*rows.values(), strict=True))
    assert unmarked_utf16(b"one\0two") is None


END_OF_UTF_16 = b"\x00\xd8" + ",b".encode("utf-16-le")  # half of a surrogate pair


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("rows.csv", b"text,label\na \xf0\x9f\x8e gift,b\xff\n", [("a � gift", "b�")]),
        ("rows.csv", b"text,label\xff\none,a\n", [("one", "a")]),
        ("rows.jsonl", b'{"text": "a \xff", "label": ["\xff"]}\n', [("a �", ["�"])]),
        ("rows.ft", b"__label__a one \xff\n", [("one �", ["a"])]),
        (
            "rows.csv",
            "\ufefftext,label\none,a\ntwo ".encode("utf-16-le") + END_OF_UTF_16,
            [("one", "a"), ("two �", "b")],
        ),
    ],
)
def test_bad_bytes_are_read_as_a_replacement_where_that_is_asked_for(
    write_file, name, content, rows
):
    file = write_file(name, content)
    with pytest.raises(InputError, match=r"data\.encoding_errors=replace"):
        read(file)
    assert read(file, encoding_errors="replace") == rows


def test_chunks_say_which_rows_were_damaged(write_file):
    content = "text,label\n" + "".join(f"é {n},a\n" for n in range(1500))
    content = content.encode().replace("é 3,".encode(), b"\xc3 3,")
    content = content.replace("é 1200,".encode(), b"\xc3 1200,")
    settings = FileSettings(encoding_errors="replace")
    table = open_table(write_file("rows.csv", content), "data.train", settings)
    assert [list(chunk.damaged) for chunk in table.chunks(None)] == [[3], [200]]
    assert [list(chunk.damaged) for chunk in table.chunks(["label"])] == [[], []]


def test_a_replacement_that_stands_in_the_file_is_no_damage(write_file):
    settings = FileSettings(encoding_errors="replace")
    table = open_table(write_file("rows.csv", "text,label\n� one,a\n"), "data.train", settings)
    [chunk] = table.chunks(None)
    assert (chunk.columns["text"], list(chunk.damaged)) == (["� one"], [])


def test_damaged_texts_in_a_folder_are_replaced(write_file, tmp_path):
    write_file("a/1.txt", b"one \xff")
    write_file("b/2.txt", "zwölf")
    assert read(tmp_path, encoding_errors="replace") == [("one �", "a"), ("zwölf", "b")]
