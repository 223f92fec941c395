"""What waits in the spool while the database answers: one payload that fails never holds up the others."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.fixtures_api import Api, OpenApi, event
from triage.domain.access import Principal, Role
from triage.errors import StoreUnavailable
from triage.serving.draining import FAILURES_OF_ONE, Draining
from triage.store.spool import OneByOne, Spool, Spooled

PRINCIPAL = Principal(owner="source:monitor", role=Role.SOURCE)

FAILS = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'too slow' USING ERRCODE = 'query_canceled'; END $$;
CREATE TRIGGER fails BEFORE INSERT ON incident
    FOR EACH ROW WHEN (NEW.title LIKE 'Poison%') EXECUTE FUNCTION fail();
"""


def make_poison_fail(api: Api) -> None:
    with api.service.parts.database.connection() as db:
        db.execute(FAILS.encode())


def letters(api: Api) -> list[dict[str, Any]]:
    with api.service.parts.database.connection() as db:
        return db.execute("SELECT body, reason FROM dead_letter").fetchall()


def entry(title: str, number: int) -> Spooled:
    return Spooled(
        receipt=f"spool1-{number}",
        source="v1/incidents",
        received_at=datetime.now(UTC),
        headers={},
        body=orjson.dumps(event(title=title)),
        principal=f"{PRINCIPAL.role.value} {PRINCIPAL.owner}",
    )


def tries_until_buried(api: Api, draining: Draining, waiting: Spooled) -> int:
    for tries in range(1, 100):
        try:
            draining.carry_out([waiting])
        except StoreUnavailable:
            continue
        return tries
    raise AssertionError("never buried")


def test_a_payload_that_always_fails_becomes_a_dead_letter_and_all_others_are_carried_out(api: Api) -> None:
    make_poison_fail(api)
    titles = ["One", "Two", "Poison", "Three", "Four"]
    for title in titles:
        api.service.keep("v1/incidents", orjson.dumps(event(title=title)), {}, PRINCIPAL)
    api.wait_until(lambda: not api.service.spooling)
    found = [one["title"] for one in api.get("/v1/incidents").json()["incidents"]]
    assert found == ["Four", "Three", "Two", "One"]
    (letter,) = letters(api)
    assert orjson.loads(letter["body"])["title"] == "Poison"
    reason = f"failed {FAILURES_OF_ONE} times while the database answered; at last: the database is busy"
    assert letter["reason"] == reason
    assert api.service.spool.set_aside() == 0
    assert api.fire(title="Afterwards")["joined"] is False


def test_a_group_that_fails_is_wanted_one_by_one_and_so_is_a_group_with_one_that_failed(api: Api) -> None:
    make_poison_fail(api)
    draining = Draining(api.service)
    good, poison = entry("Good", 1), entry("Poison", 2)
    with pytest.raises(OneByOne):
        draining.carry_out([good, poison])
    draining.carry_out([good])
    with pytest.raises(StoreUnavailable):
        draining.carry_out([poison])
    with pytest.raises(OneByOne):
        draining.carry_out([poison, entry("Better", 3)])
    assert [one["title"] for one in api.get("/v1/incidents").json()["incidents"]] == ["Good"]
    assert letters(api) == []


def test_where_everything_fails_each_next_payload_is_tried_more_often_until_one_goes_through(api: Api) -> None:
    make_poison_fail(api)
    draining = Draining(api.service)
    tries = [tries_until_buried(api, draining, entry(f"Poison {n}", n)) for n in range(3)]
    assert tries == [FAILURES_OF_ONE, 2 * FAILURES_OF_ONE, 4 * FAILURES_OF_ONE]
    draining.carry_out([entry("Good", 9)])
    assert tries_until_buried(api, draining, entry("Poison again", 10)) == FAILURES_OF_ONE


def test_nothing_is_given_up_while_no_configuration_is_in_force(open_api: OpenApi) -> None:
    api = open_api()
    api.service.activation._active = None
    draining = Draining(api.service)
    for _ in range(2 * FAILURES_OF_ONE):
        with pytest.raises(Exception, match="no configuration is in force"):
            draining.carry_out([entry("Good", 1)])
    assert letters(api) == []


def test_health_is_answered_without_a_look_at_the_disk_and_knows_what_waits(
    open_api: OpenApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = open_api(refresh_every=3600)
    api.service.keep("v1/incidents", orjson.dumps(event()), {}, PRINCIPAL)
    api.service.keep("v1/incidents", orjson.dumps(event()), {}, PRINCIPAL)
    monkeypatch.setattr("os.scandir", None)
    assert api.get("/readyz").json()["degraded"]["spool"] == "2 payloads wait in the local spool"
    assert api.metric("triage_spool_pending") == 2


def test_what_another_process_put_into_the_spool_is_counted_and_carried_out(api: Api) -> None:
    other = Spool(api.service.spool.folder)
    body = orjson.dumps(event(title="From another process"))
    other.append(
        "v1/incidents", body, headers={}, principal="source source:monitor", received_at=datetime.now(UTC)
    )
    api.wait_until(lambda: api.count("incident") == 1)
    api.wait_until(lambda: api.service.spool_pending == 0)
