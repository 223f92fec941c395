"""Properties: whatever JSON, whatever bytes, the answer is one of those described and never a failure of ours."""

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures_api import Api
from triage.sources.native import IncidentBody

BODIES = [
    "/v1/predict",
    "/v1/predict/batch",
    "/v1/incidents",
    "/v1/incidents/batch",
    "/v1/incidents/resolve",
    "/v1/sources/alertmanager",
    "/v1/patterns/preview",
    "/v1/patterns/threshold",
    "/v1/patterns/{pattern_id}/merge",
    "/v1/patterns/{pattern_id}/split",
    "/v1/patterns/{pattern_id}/not-the-same",
    "/v1/patterns/{pattern_id}/known-fix",
    "/v1/patterns/{pattern_id}/name",
    "/v1/patterns/{pattern_id}/silence",
]
FIELDS = [*IncidentBody.model_fields, "incidents", "alerts", "status", "annotations", "startsAt"]
FIELDS += ["pattern", "incident", "anyway", "fix", "name", "until", "for", "reason", "priority"]
FIELDS += ["threshold", "target", "days"]
MARK = "open-sesame"

texts = st.text(max_size=40) | st.sampled_from(["firing", "resolved", "2026-03-09T09:42:00Z", "P1", "", MARK])
scalars = st.none() | st.booleans() | st.integers() | st.floats(width=32) | texts
# A problem names the keys it does not know, so the mark is never one.
keys = st.sampled_from(FIELDS) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)
# Nearer to the mark: objects of known fields, and batches of them.
events = st.dictionaries(st.sampled_from(FIELDS), values, max_size=8).map(lambda fields: {"title": MARK, **fields})
batches = st.sampled_from(["incidents", "alerts"]).flatmap(
    lambda name: st.fixed_dictionaries({name: st.lists(events | values, max_size=5)})
)
bodies = values | events | batches

CALM = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def described(shared_api: Api) -> dict[str, set[int]]:
    """The statuses that the document names, for each path that takes a body."""
    paths = shared_api.get("/openapi.json").json()["paths"]
    found = {
        path.replace("{source}", "alertmanager"): operations["post"]
        for path, operations in paths.items()
        if "post" in operations
    }
    return {path: {int(status) for status in found[path]["responses"]} for path in BODIES}


@pytest.fixture(scope="module")
def pattern(shared_api: Api) -> str:
    found: str = shared_api.fire()["incident"]["pattern_id"]
    return found


def holds(path: str, response: Any, described: dict[str, set[int]]) -> None:
    assert response.status_code in described[path], response.text
    assert response.status_code < 500
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= response.json().keys()
        assert MARK not in response.text
    else:
        assert isinstance(response.json(), dict)


def sent(api: Api, path: str, content: bytes) -> httpx.Response:
    """The answer to these bytes, asked for again while the database is too busy on a machine that stands still."""
    response = api.post_raw(path, content)
    for _ in range(5):
        if response.status_code != 503 or response.json()["code"] != "store_unavailable":
            break
        time.sleep(float(response.headers["retry-after"]))
        response = api.post_raw(path, content)
    return response


@pytest.mark.parametrize("path", BODIES)
@CALM
@given(body=bodies)
def test_any_json_is_answered_as_described(
    shared_api: Api, described: dict[str, set[int]], pattern: str, path: str, body: object
) -> None:
    # As Python writes it, with lone surrogates and NaN, which many senders cannot help either.
    holds(path, sent(shared_api, path.format(pattern_id=pattern), json.dumps(body).encode()), described)


@pytest.mark.parametrize("path", BODIES)
@CALM
@given(body=st.binary(max_size=200) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_answered_as_described(
    shared_api: Api, described: dict[str, set[int]], pattern: str, path: str, body: bytes
) -> None:
    holds(path, sent(shared_api, path.format(pattern_id=pattern), body), described)


@CALM
@given(title=st.text(max_size=1_000), name=st.text(min_size=1, max_size=256), value=st.text(max_size=2_048))
def test_any_text_is_kept_as_it_came(shared_api: Api, title: str, name: str, value: str) -> None:
    sent = {"title": f"x{title}x", "labels": {name: value}, "service": str(uuid4())}
    response = shared_api.post_raw("/v1/incidents", json.dumps(sent).encode())
    assert response.status_code == 201, response.text
    incident = shared_api.get(f"/v1/incidents/{response.json()['incident']['id']}").json()["incident"]
    assert incident["title"] == storable(f"x{title}x")
    assert incident["event"]["labels"] == {storable(name): storable(value)}


def storable(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@CALM
@given(
    query=st.dictionaries(
        st.sampled_from(["state", "status", "team", "priority", "pattern", "q", "since", "cursor", "limit"]),
        texts | st.integers().map(str) | st.datetimes().map(str),
        max_size=4,
    )
)
def test_any_filter_is_a_page_or_a_problem(shared_api: Api, query: dict[str, str]) -> None:
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
    response = shared_api.get("/v1/incidents", params=clean)
    assert response.status_code in {200, 422}, response.text


@CALM
@given(
    path=st.text(st.characters(codec="utf-8"), max_size=40), rest=st.sampled_from(["", "/timeline", "/override"])
)
def test_any_address_is_answered(shared_api: Api, path: str, rest: str) -> None:
    async def ask() -> int:
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/v1/incidents/{path}{rest}",
            "headers": [(b"host", b"localhost")],
        }
        await shared_api.app({**scope, "query_string": b"", "client": shared_api.client_address}, receive, send)  # type: ignore[arg-type]
        await asyncio.sleep(0)
        return statuses[0]

    assert shared_api.run(ask()) in {200, 401, 404, 405}
