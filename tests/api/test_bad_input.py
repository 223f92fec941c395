"""Whatever is sent: a clear problem or a decision, nothing half-written, and no text where it does not belong."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.fixtures_api import Api, OpenApi, event

SECRET = "open-sesame"


class Watched:
    """What a service holds and says, before and after."""

    def __init__(self, api: Api, lines: list[Any]) -> None:
        self.api = api
        self.lines = lines
        self.before = self.held()

    def held(self) -> list[int]:
        return [self.api.count(table) for table in ("incident", "occurrence", "decision", "timeline", "pattern")]

    def refuses(self, response: Any, status: int, code: str) -> dict[str, Any]:
        """It was a problem document without any text of the request, and nothing was stored."""
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        problem: dict[str, Any] = response.json()
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem["detail"]
        assert SECRET not in response.text + str(self.lines)
        assert self.held() == self.before
        return problem


@pytest.fixture
def watched(shared_api: Api, caplog: pytest.LogCaptureFixture) -> Iterator[Watched]:
    with capture_logs() as lines:
        yield Watched(shared_api, lines)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/incidents"])
@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"title": None}, "title"),
        ({"title": ""}, "title"),
        ({"title": "   \t\n"}, "title"),
        ({"title": SECRET * 10_000}, "title"),
        ({"title": 7}, "title"),
        ({"title": [SECRET]}, "title"),
        ({"description": SECRET * 3_000}, "description"),
        ({"surprise": SECRET}, "surprise"),
        ({"labels": {f"name{n}": SECRET for n in range(10_000)}}, "labels"),
        ({"labels": {"a": 7}}, "labels.a"),
        ({"labels": [SECRET]}, "labels"),
        ({"labels": {"a": {"b": SECRET}}}, "labels.a"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "occurred_at"),
        ({"occurred_at": "9999-12-31T23:59:59-12:00"}, "occurred_at"),
        ({"occurred_at": "2026-13-40T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": SECRET}, "occurred_at"),
        ({"occurred_at": 1_773_049_320}, "occurred_at"),
        ({"occurred_at": 1e300}, "occurred_at"),
        ({"started_at": "0001-01-01T00:00:00Z"}, "started_at"),
        ({"due_at": True}, "due_at"),
        ({"event": SECRET}, "event"),
        ({"event": "resolved"}, "dedup_key"),
        ({"source": ""}, "source"),
        ({"source": None, "severity": SECRET * 100}, "severity"),
        ({"data_exposure": "maybe"}, "data_exposure"),
        ({"links": [{"href": f"javascript:{SECRET}"}]}, "links.0.href"),
        ({"links": [{"href": "https://x.example"}] * 65}, "links"),
        ({"evidence": [{"kind": "log"}]}, "evidence"),
        ({"evidence": [{"kind": "log", "text": SECRET, "more": 1}]}, "evidence.0.more"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_field_that_cannot_be_is_422_and_named(
    watched: Watched, path: str, fields: dict[str, object], at: str
) -> None:
    body = {"title": SECRET, "source": "monitor"} | fields
    body = {name: value for name, value in body.items() if value is not None}
    problem = watched.refuses(watched.api.post(path, body), 422, "invalid")
    assert at in {error["at"] for error in problem["errors"]}


@pytest.mark.parametrize("body", [b"null", b"7", b'"open-sesame"', b"[]", b"true", b"1e400", b'[{"title": "a"}]'])
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/incidents", "/v1/predict/batch", "/v1/incidents/batch"])
def test_a_body_that_is_no_object_is_a_problem(watched: Watched, path: str, body: bytes) -> None:
    response = watched.api.post_raw(path, body)
    watched.refuses(response, response.status_code, "bad_request" if response.status_code == 400 else "invalid")
    assert response.status_code in {400, 422}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"title": "open-sesame"',
        b'{"title": open-sesame}',
        b"{'title': 'open-sesame'}",
        b'{"title": "open-sesame",}',
        b'{"title": "open-sesame"}{"title": "open-sesame"}',
        b'{"title": "open-sesame\xff"}',
        b'{"title": "open-sesame\n"}',
        b"\xff\xfe{\x00}\x00",
        b"[" * 100_000,
        b'{"labels":' * 20_000,
        b'{"title": "open-sesame", "labels": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b"title=open-sesame",
        b"\x00" * 1_000,
    ],
    ids=lambda body: repr(body[:30]),
)
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/incidents", "/v1/predict/batch", "/v1/incidents/batch"])
def test_what_is_not_json_is_400(watched: Watched, path: str, body: bytes) -> None:
    watched.refuses(watched.api.post_raw(path, body), 400, "bad_request")


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/incidents", "/v1/incidents/batch", "/v1/incidents/resolve"])
def test_another_content_type_is_415(watched: Watched, path: str, kind: str) -> None:
    response = watched.api.post_raw(path, orjson.dumps(event(title=SECRET)), content_type=kind)
    watched.refuses(response, 415, "unsupported_media")


def test_a_compressed_body_is_415(watched: Watched) -> None:
    response = watched.api.post_raw("/v1/incidents", b"\x1f\x8b", content_encoding="gzip")
    watched.refuses(response, 415, "unsupported_media")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/cloudevents+json"]
)
def test_json_may_be_called_by_any_of_its_names(shared_api: Api, kind: str) -> None:
    body = orjson.dumps(event())
    assert shared_api.post_raw("/v1/predict", body, content_type=kind).status_code == 200


@pytest.mark.parametrize("path", ["/v1/predict", "/v1/incidents", "/v1/incidents/resolve"])
def test_a_body_of_two_megabytes_is_413(watched: Watched, path: str) -> None:
    body = orjson.dumps(event(title=SECRET, description="x" * 2_000_000))
    watched.refuses(watched.api.post_raw(path, body), 413, "too_large")


@pytest.mark.parametrize("path", ["/v1/predict/batch", "/v1/incidents/batch", "/v1/sources/alertmanager"])
def test_a_batch_of_33_megabytes_is_413(watched: Watched, path: str) -> None:
    body = b'{"incidents": [{"title": "' + b"x" * (33 * 1024 * 1024) + b'"}]}'
    watched.refuses(watched.api.post_raw(path, body), 413, "too_large")


def test_a_declared_length_is_refused_before_anything_is_read(watched: Watched) -> None:
    for length in ("99999999", "9" * 5_000):
        response = watched.api.post_raw("/v1/incidents", b"{}", content_length=length)
        watched.refuses(response, 413, "too_large")


def test_a_length_that_is_none_is_not_believed(shared_api: Api) -> None:
    for length in ("²", "-1", "x"):
        body = orjson.dumps(event())
        headers = {"content-length": length.encode("latin-1"), "content-type": "application/json"}
        response = shared_api.send("POST", "/v1/predict", content=body, headers=headers).result()
        assert response.status_code == 200


def test_the_length_is_also_counted_where_none_is_declared(open_api: OpenApi) -> None:
    api = open_api(max_body=2_048)

    async def chunks() -> Any:
        for _ in range(100):
            yield b" " * 100

    response = api.send(
        "POST", "/v1/incidents", content=chunks(), headers={"content-type": "application/json"}
    ).result()
    assert response.status_code == 413


@pytest.mark.parametrize("path", ["/v1/predict/batch", "/v1/incidents/batch"])
@pytest.mark.parametrize(
    "body",
    [
        {"incidents": []},
        {"incidents": [{"title": SECRET}] * 1_001},
        {"incidents": {"title": SECRET}},
        {"incidents": SECRET},
        {},
        {"incident": [{"title": SECRET}]},
        {"incidents": [{"title": SECRET}], "more": SECRET},
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_batch_that_is_none_is_422(watched: Watched, path: str, body: object) -> None:
    watched.refuses(watched.api.post(path, body), 422, "invalid")


def test_a_batch_of_bad_items_stores_nothing(watched: Watched) -> None:
    response = watched.api.post("/v1/incidents/batch", {"incidents": [{"titel": SECRET}, 7, None, [], SECRET]})
    assert [item["status"] for item in response.json()["results"]] == [422] * 5
    assert SECRET not in response.text + str(watched.lines)
    assert watched.held() == watched.before


ODD = {
    "right-to-left": "قاعدة البيانات لا تستجيب \u202eabc",
    "emoji": "🔥🔥 Kassan står still 👩‍👩‍👧‍👦🏳️‍🌈",
    "combining": "Z̸̢̛a̷l̵g̶o̷ " + "e\u0301" * 100,
    "controls": "a\x01b\x1b[31mred\x7f",
    "zero width": "a\u200bb\ufeffc",
    "astral": "𝕬𝖑𝖊𝖗𝖙 \U0010ffff",
    "percent and braces": "100 % of {0} %s ${HOME} {{x}}",
    "markup": "<script>alert(1)</script> '; DROP TABLE incident; --",
    "a title as long as may be": "x" * 1_024,
}


@pytest.mark.parametrize("title", ODD.values(), ids=ODD.keys())
def test_odd_but_possible_text_is_kept_as_it_came(api: Api, title: str) -> None:
    received = api.fire(title=title, description=title, labels={title[:200]: title}, service=title[:100])
    one = api.get(f"/v1/incidents/{received['incident']['id']}").json()["incident"]
    assert one["title"] == title
    assert one["event"]["description"] == title
    assert one["event"]["labels"] == {title[:200]: title}
    assert [found["title"] for found in api.get("/v1/incidents").json()["incidents"]] == [title]


@pytest.mark.parametrize(
    "spelt",
    [b"\\u0000", b"\\ud800", b"\\udfff", b"\\uDBFF\\u0041", b"\xed\xa0\x80", b"\\ud83d\\ud83d\\ude00"],
    ids=repr,
)
@pytest.mark.parametrize("path", ["/v1/incidents", "/v1/incidents/batch", "/v1/predict", "/v1/predict/batch"])
def test_characters_no_text_can_hold_are_replaced(shared_api: Api, path: str, spelt: bytes) -> None:
    item = (
        b'{"title": "Disk ' + spelt + b' full", "dedup_key": "' + spelt + b'", "labels": {"' + spelt + b'": "a"}}'
    )
    body = b'{"incidents": [' + item + b"]}" if path.endswith("batch") else item
    response = shared_api.post_raw(path, body)
    assert response.status_code in {200, 201}, response.text
    assert "problem" not in response.text


def test_a_replaced_character_is_the_replacement_character(api: Api) -> None:
    response = api.post_raw("/v1/incidents", b'{"title": "a\\u0000b\\ud800c\\ud83d\\ude00"}')
    assert response.json()["incident"]["title"] == "a\ufffdb\ufffdc😀"


def test_a_raw_nul_is_not_json(watched: Watched) -> None:
    watched.refuses(watched.api.post_raw("/v1/incidents", b'{"title": "open-sesame\x00"}'), 400, "bad_request")


@pytest.mark.parametrize("said", ["2026-03-09T09:42:00", "2026-03-09 09:42:00", "2026-03-09T09:42:00Z"])
def test_a_date_without_a_zone_is_utc(api: Api, said: str) -> None:
    assert api.fire(occurred_at=said)["incident"]["last_occurred_at"].startswith("2026-03-09T09:42:00")


def test_a_time_to_come_is_taken_for_now(api: Api) -> None:
    incident = api.fire(occurred_at="2199-12-31T00:00:00Z")["incident"]
    assert incident["last_occurred_at"] == incident["opened_at"]


def test_of_a_key_written_twice_the_last_counts(shared_api: Api) -> None:
    response = shared_api.post_raw("/v1/predict", b'{"title": "a", "severity": "info", "severity": "critical"}')
    assert response.json()["priority"]["value"] == "P1"


@pytest.mark.parametrize(
    "number", [b"NaN", b"-Infinity", b"1" + b"0" * 400, b"1e400", b"-0", b"0.1e-999999", b"9" * 100_000]
)
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/predict/batch", "/v1/incidents/batch"])
def test_a_huge_number_is_a_fault_like_any_other(watched: Watched, path: str, number: bytes) -> None:
    item = b'{"title": "open-sesame", "impact": ' + number + b"}"
    response = watched.api.post_raw(path, b'{"incidents": [' + item + b"]}" if path.endswith("batch") else item)
    assert response.status_code in {200, 400, 422}
    assert "impact" in response.text or response.status_code == 400
    assert SECRET not in response.text + str(watched.lines)
    assert watched.held() == watched.before


def test_names_of_unknown_keys_are_cut_and_their_values_never_shown(watched: Watched) -> None:
    body = {"title": "a", "k" * 100_000: SECRET} | {f"key{n}": SECRET for n in range(1_000)}
    problem = watched.refuses(watched.api.post("/v1/incidents", body), 422, "invalid")
    assert len(problem["errors"]) <= 32
    assert len(str(problem)) < 10_000


@pytest.mark.parametrize("header", [b"\xff\xfe", b"a" * 100_000, "snö".encode()], ids=["bytes", "long", "snow"])
def test_an_odd_header_is_no_failure(shared_api: Api, header: bytes) -> None:
    for name in ("idempotency-key", "origin", "user-agent", "accept", "x-request-id", "content-type"):
        headers = {"content-type": "application/json", name: header}
        response = shared_api.send("POST", "/v1/predict", json=event(), headers=headers).result()
        assert response.status_code in {200, 400, 403, 415}, name


def test_a_body_with_no_end_in_sight_is_408(open_api: OpenApi) -> None:
    api = open_api(body_timeout=0.2)

    async def dribble() -> Any:
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    response = api.send(
        "POST", "/v1/incidents", content=dribble(), headers={"content-type": "application/json"}
    ).result()
    assert response.status_code == 408
    assert response.json()["code"] == "too_slow"
    assert api.count("incident") == 0
