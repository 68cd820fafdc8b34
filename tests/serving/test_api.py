"""The API: the same answers as in Python, bounds, and one shape for every error."""

import json
import re
from importlib.resources import files

import pytest

pytest.importorskip("fastapi")

from textlstm.model.network import LSTMClassifier
from textlstm.serving import model as serving_model
from textlstm.serving.application import PAGE
from textlstm.serving.messages import BODY, CHARACTERS, EXPLAINED, TEXTS

ASKED = ["Goal in the match", "", "zebra 🦓 shares", "goal goal goal goal goal goal goal, qwert"]


def test_predictions_are_those_of_python(client, classifier, served):
    answer = client.post("/predict", json={"texts": ASKED})
    assert answer.status_code == 200
    found = answer.json()["predictions"]
    for one, expected in zip(found, classifier.predict(ASKED), strict=True):
        assert one["label"] == expected.label
        assert one["sure"] == (max(expected.probabilities.values()) >= served.min_probability)
        shares = [(row["label"], row["probability"]) for row in one["classes"]]
        assert [label for label, _ in shares] == list(expected.probabilities)
        assert [share for _, share in shares] == pytest.approx(
            list(expected.probabilities.values()), abs=1e-6
        )
    assert [one["unknown_words"] for one in found] == [[], [], ["zebra", "🦓"], ["qwert"]]
    assert [(one["tokens"], one["tokens_read"]) for one in found] == [
        *((4, 4), (0, 0), (3, 3), (9, 6))
    ]


@pytest.mark.parametrize("question", [{}, {"target": "10"}, {"against": "__proto__"}])
def test_explanations_are_those_of_python(client, classifier, question):
    answer = client.post("/explain", json={"texts": ASKED, **question})
    assert answer.status_code == 200
    expected = classifier.explain(ASKED, **question)
    for text, one, explanation in zip(ASKED, answer.json()["explanations"], expected, strict=True):
        assert (one["label"], one["against"]) == (explanation.label, explanation.against)
        for name in ("score", "unknown_score", "rest"):
            assert one[name] == pytest.approx(getattr(explanation, name), abs=1e-6)
        assert [word["share"] for word in one["words"]] == pytest.approx(
            [word.share for word in explanation.words], abs=1e-6
        )
        assert [text[word["start"] : word["end"]] for word in one["words"]] == [
            word["text"] for word in one["words"]
        ]


def test_health_and_the_description_of_the_api(client):
    assert client.get("/health").json() == {"status": "ok"}
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {"/health", "/model", "/predict", "/explain", "/predict/file"}
    for path in ("/predict", "/explain", "/predict/file"):
        refused = described["paths"][path]["post"]["responses"]["422"]
        shape = refused["content"]["application/json"]["schema"]["$ref"]
        assert shape == "#/components/schemas/ErrorAnswer"
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_a_saved_model_without_its_run_says_what_it_is(client):
    found = client.get("/model").json()
    assert found["name"] == "small"
    assert re.fullmatch(
        r"An LSTM with \d+ weights\. It reads the first and last 6 words of a text\.",
        found["description"],
    )
    assert (found["threshold"], found["scores"], found["examples"]) == (None, [], [])


BAD = [
    ("/predict", "", 'must be a JSON object such as {"texts": ["a text"]}'),
    ("/predict", "[1]", "must be a JSON object"),
    ("/predict", "null", "must be a JSON object"),
    ("/predict", '{"texts": ["a"', "is no JSON (Expecting ',' delimiter at character 14)"),
    ("/predict", "[" * 100_000, "cannot be read"),
    ("/predict", '{"texts": "a"}', "texts: Input should be a valid list."),
    ("/predict", '{"texts": ["a", 3]}', "texts[1]: Input should be a valid string."),
    ("/predict", '{"texts": ["a", null, 3]}', "string. (And 1 more mistake.)"),
    ("/predict", '{"text": ["a"]}', "There is no key 'text'. Did you mean 'texts'?"),
    ("/predict", '{"texts": ["\\ud800"]}', "texts[0]: Input should be a valid string"),
    ("/explain", '{"texts": ["a"], "target": "1"}', "target: the model has no class '1'"),
    ("/explain", '{"texts": ["a"], "target": "10", "against": "10"}', "are both '10'"),
]


@pytest.mark.parametrize(("path", "body", "message"), BAD)
def test_a_mistake_is_one_error_of_one_shape(client, path, body, message):
    answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    found = answer.json()
    assert list(found) == ["error", "where", "request_id"]
    assert message in found["error"]
    assert found["request_id"] == answer.headers["X-Request-ID"]
    assert "Traceback" not in answer.text
    assert len(answer.text) < 1000


def test_errors_outside_of_the_api_have_the_same_shape(client):
    for answer, status in (
        (client.get("/nothing"), 404),
        (client.get("/predict"), 405),
        (client.post("/predict", content=b"{}"), 422),  # without a content type
        (client.post("/predict", content=iter([b" " * BODY, b" "])), 413),  # of no told length
        (client.post("/predict", content=b" " * (BODY + 1)), 413),
        (client.get("/health", headers={"Host": "elsewhere.example"}), 421),
        (client.get("/health", headers={"Host": ""}), 421),
    ):
        assert answer.status_code == status
        assert list(answer.json()) == ["error", "where", "request_id"]
        assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    ("path", "texts", "message"),
    [
        ("/predict", ["a"] * (TEXTS + 1), f"at most {TEXTS} items"),
        ("/predict", ["a" * (CHARACTERS + 1)], f"at most {CHARACTERS} characters"),
        ("/explain", ["a"] * (EXPLAINED + 1), f"at most {EXPLAINED} items"),
        ("/explain", ["a" * 15_000] * 2, "30,000 characters together, and 20,000 can be explained"),
    ],
)
def test_requests_have_bounds(client, path, texts, message):
    answer = client.post(path, json={"texts": texts})
    assert answer.status_code == 422
    assert message in answer.json()["error"]
    assert len(answer.text) < 300  # nothing of the texts is sent back


def test_too_many_requests_at_once_are_told_to_come_back(client, monkeypatch):
    monkeypatch.setattr(serving_model, "WAITING", 0)
    answer = client.post("/predict", json={"texts": ["a"]})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"


def test_a_fault_of_the_server_tells_nothing_to_the_client(client, monkeypatch):
    def fail(*_):
        raise RuntimeError("a secret")

    monkeypatch.setattr(LSTMClassifier, "forward", fail)
    answer = client.post("/predict", json={"texts": ["a"]})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"]


def test_every_answer_has_an_id_and_headers_that_keep_the_page_to_its_own_host(client):
    given = client.get("/", headers={"X-Request-ID": "my-id.1"})
    assert given.headers["X-Request-ID"] == "my-id.1"
    odd = client.get("/nothing", headers={"X-Request-ID": "a b"})
    assert re.fullmatch("[0-9a-f]{32}", odd.headers["X-Request-ID"])
    for answer in (given, odd):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "set-cookie" not in answer.headers


def test_the_log_has_a_line_for_each_request_and_no_text(client, caplog):
    caplog.set_level("INFO", logger="textlstm")
    client.post("/predict", json={"texts": ["my secret"]}, headers={"X-Request-ID": "7"})
    (line,) = [record.getMessage() for record in caplog.records if record.name.endswith("guard")]
    assert re.fullmatch(r"POST /predict 200 \d+\.\d ms 7", line)


def test_the_page_is_served_whole_and_asks_nobody_else(client):
    page = {}
    for name, package in PAGE.items():
        answer = client.get("/" if name == "index.html" else f"/{name}")
        assert answer.content == (files(package) / "static" / name).read_bytes()
        page[name] = answer.text
    everything = "".join(page.values()).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "://" not in everything
    assert "innerHTML" not in everything
    assert not re.search(r"<script(?! type=\"module\" src=)|<style| style=| on\w+=", everything)
    named = set(re.findall(r'"(?:\./)?([\w.-]+\.(?:js|css|svg))"', everything))
    assert named | {"index.html"} == set(PAGE)
    asked = set(re.findall(r'(?:get|ask|send)\("([\w/]+)"', everything))
    described = client.get("/openapi.json").json()["paths"]
    assert asked == {path.lstrip("/") for path in described} - {"health"}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("new.csv", "new.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\a b[1]*.csv.gz", "a-b-1-.csv.gz"),
        ("..", "texts"),
        ("\0", "texts"),
        ("x" * 900 + ".tsv", "x" * 96 + ".tsv"),
    ],
)
def test_the_name_of_a_file_cannot_lead_anywhere(client, given, name):
    answer = client.post("/predict/file", params={"name": given}, content=b"a")
    assert answer.status_code == 200
    assert answer.text == f"{name}\r\n"
    counts = [answer.headers[f"X-{kind}Texts"] for kind in ("", "Unknown-", "Cut-")]
    assert counts == ["1", "1", "2"]  # those of the parts together


@pytest.mark.trust("bad request")
def test_a_hundred_bad_requests_leave_the_server_as_it_was(client, record_property, caplog):
    kinds = {"Content-Type": "application/json"}
    values = ["", "null", "NaN", "1e999", "[]", '"a"', "{}", '{"a": 1}', '["a", 1]', "9" * 5000]
    bodies = [
        *(f'{{"texts": {value}, "against": {value}}}' for value in values),
        *(f'{{"texts": {value}}}' for value in values if value != "[]"),
        *(f'{{"texts": ["a"], "target": {value}}}' for value in values if value != "null"),
        *(f'{{"texts": [{value}]}}' for value in values if value not in ("", '"a"')),
        *values,
        *(
            '{"texts": ["a"]',
            '{"texts": ["a"]}}',
            "\ufeff{}",
            "{'texts': ['a']}",
            "texts=a",
            "[" * 99,
        ),
    ]
    raw = [body.encode() for body in bodies] + [b"\xff\xfe", b"\x80", b"\0" * 100, b"[" * 10**6]
    tried = [(path, body) for path in ("/predict", "/explain") for body in raw]
    tried += [("/predict/file", b"a"), ("/nothing", b""), ("/predict/../predict", b"{}")]
    record_property("tried", len(tried))
    assert len(tried) >= 100
    for path, body in tried:
        answer = client.post(path, content=body, headers=kinds)
        assert 400 <= answer.status_code < 500, (path, body[:50], answer.text)
        assert list(json.loads(answer.text)) == ["error", "where", "request_id"]
    assert not [record for record in caplog.records if record.exc_info]
    assert client.post("/predict", json={"texts": ["a"]}).status_code == 200
