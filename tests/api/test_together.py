"""Requests in flight together are one batch, and fail or go away only by themselves."""

from collections.abc import Callable
from concurrent.futures import Future

import httpx
import pytest

from tests.fixtures_api import PATIENCE, Api, event

Sent = list["Future[httpx.Response]"]


def meanwhile(api: Api, table: str, send: Callable[[], Sent]) -> Sent:
    """Requests that are all there while the table is locked, so that they wait behind the first."""
    with api.service.parts.database.transaction() as db:
        db.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        sent = send()
        for _ in sent:
            api.get("/livez")
        api.get("/livez")
    return sent


def firing(api: Api, titles: list[str]) -> Callable[[], Sent]:
    return lambda: [api.send("POST", "/v1/incidents", json=event(title=title, service=None)) for title in titles]


def statuses(sent: Sent) -> list[int]:
    return [one.result(PATIENCE).status_code for one in sent]


TITLES = [f"Problem {a}{b}" for a in "abcdef" for b in "ghijkl"]


@pytest.mark.parametrize(
    ("kind", "path", "table"), [("receive", "/v1/incidents", "incident"), ("predict", "/v1/predict", "pattern")]
)
def test_concurrent_requests_become_few_batches(api: Api, kind: str, path: str, table: str) -> None:
    sent = meanwhile(api, table, lambda: [api.send("POST", path, json=event(title=title)) for title in TITLES])
    assert set(statuses(sent)) <= {200, 201}
    assert api.metric("triage_batch_events_sum", kind=kind) == len(TITLES)
    assert api.metric("triage_batch_events_count", kind=kind) <= 6


def test_one_request_alone_is_a_batch_of_its_own(api: Api) -> None:
    api.fire()
    assert api.metric("triage_batch_events_count", kind="receive") == 1


def test_an_event_the_database_refuses_costs_its_batch_nothing(api: Api) -> None:
    with api.service.parts.database.connection() as db:
        db.execute(
            "CREATE FUNCTION refuse_one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.title = 'Problem dj' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;"
            " CREATE TRIGGER refuse_one BEFORE INSERT ON incident FOR EACH ROW EXECUTE FUNCTION refuse_one()"
        )
    found = dict(zip(TITLES, statuses(meanwhile(api, "incident", firing(api, TITLES))), strict=True))
    assert found.pop("Problem dj") == 500
    assert set(found.values()) == {201}
    assert api.count("incident") == len(TITLES) - 1


def test_a_client_that_goes_away_harms_nobody(api: Api) -> None:
    def send() -> Sent:
        sent = firing(api, TITLES)()
        api.get("/livez")
        for one in sent[::3]:
            one.cancel()
        return sent

    sent = meanwhile(api, "incident", send)
    assert set(statuses([one for one in sent if not one.cancelled()])) == {201}
    assert api.fire(title="Problem after")["incident"]["title"] == "Problem after"
    assert api.metric("triage_failures_total", code="unexpected") == 0


def test_a_client_that_goes_away_amid_its_body_is_no_failure(api: Api) -> None:
    async def give_up() -> None:
        messages = iter(
            [{"type": "http.request", "body": b'{"ti', "more_body": True}, {"type": "http.disconnect"}]
        )

        async def receive() -> dict[str, object]:
            return next(messages)

        async def send(_: object) -> None:
            raise AssertionError("nobody is there to be answered")

        headers = [(b"content-type", b"application/json"), (b"host", b"127.0.0.1:8080")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/incidents",
            "headers": headers,
            "query_string": b"",
        }
        await api.app({**scope, "client": api.client_address, "http_version": "1.1"}, receive, send)

    api.run(give_up())
    assert api.metric("triage_http_requests_total", route="/v1/incidents", status="499") == 1
    assert api.metric("triage_failures_total", code="unexpected") == 0


def test_the_same_alert_from_many_clients_is_one_incident(api: Api) -> None:
    alert = event(dedup_key="lag", started_at="2026-03-09T09:42:00Z")
    sent = [api.send("POST", "/v1/incidents", json=alert) for _ in range(40)]
    assert sorted(statuses(sent)) == [200] * 39 + [201]
    assert (api.count("incident"), api.count("occurrence"), api.count("decision")) == (1, 1, 1)


def test_the_same_delivery_from_many_clients_is_carried_out_once(api: Api) -> None:
    key = {"Idempotency-Key": "1"}
    sent = [api.send("POST", "/v1/incidents", json=event(), headers=key) for _ in range(20)]
    assert statuses(sent) == [201] * 20
    assert api.count("occurrence") == 1


def test_events_beyond_what_may_wait_are_kept_on_disk_and_carried_out(api: Api) -> None:
    """Much waits that costs little: the ends of what nobody knows."""
    unknown = [{"event": "resolved", "dedup_key": f"never seen {n}", "source": "monitor"} for n in range(900)]
    lag = {"dedup_key": "lag", "service": None}
    with api.service.parts.database.transaction() as db:
        db.execute("LOCK TABLE incident IN ACCESS EXCLUSIVE MODE")
        sent = firing(api, ["One", "Two"])()
        api.get("/livez")
        sent += [api.send("POST", "/v1/incidents/batch", json={"incidents": unknown}) for _ in range(6)]
        api.wait_until(lambda: api.service.spooling)
        fired = api.post("/v1/incidents", event(**lag))
        over = api.post("/v1/incidents", {"event": "resolved", "dedup_key": "lag", "source": "monitor"})
    assert (fired.status_code, over.status_code) == (202, 202)
    assert "kept on disk" in fired.json()["detail"]
    api.wait_until(lambda: api.service.spool_pending == 0)
    assert statuses(sent[:2]) == [201, 201]
    assert set(statuses(sent[2:])) == {200, 202}
    found = api.get("/v1/incidents", params={"q": event()["title"]}).json()["incidents"]
    assert [one["state"] for one in found] == ["resolved"]
