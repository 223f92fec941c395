"""``/v1/oncall``: who is on call, and swaps that count from the next decision on."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import icalendar
import pytest

from tests.fixtures_api import Api, OpenApi
from tests.fixtures_store import CATALOGUE
from triage.domain.access import Role
from triage.replay import Replayer

SCHEDULES = """\
schedules:
  databases: {timezone: Europe/Berlin, participants: [bob, ann], starts_on: 2026-01-05, turn: 1d}
  days: {timezone: UTC, participants: [bob], starts_on: 2026-01-05, hours: [{start: "08:00", end: "16:00"}]}
"""
WITH_SCHEDULES = (
    CATALOGUE.replace("teams:\n", SCHEDULES + "teams:\n", 1)
    .replace("    responders: [bob]\n", "    responders: [bob]\n    schedule: databases\n", 1)
    .replace("people:\n", "people:\n  gone: {name: Gone, active: false}\n", 1)
)


@pytest.fixture
def api(open_api: OpenApi, tmp_path: Path) -> Api:
    (tmp_path / "config" / "catalogue.yaml").write_text(WITH_SCHEDULES, encoding="utf-8")
    return open_api()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def duty(api: Api, at: str, schedule: str = "databases") -> dict[str, Any]:
    response = api.get(f"/v1/oncall?at={at}&schedule={schedule}")
    assert response.status_code == 200, response.text
    (found,) = response.json()["schedules"]
    return found


def swap(api: Api, **fields: object) -> Any:
    body = {
        "schedule": "databases",
        "person": "ann",
        "starts_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        "ends_at": (datetime.now(UTC) + timedelta(hours=30)).isoformat(),
        **fields,
    }
    return api.post("/v1/oncall/overrides", body)


def test_every_schedule_says_who_is_on_call_and_until_when(api: Api):
    found = duty(api, "2026-03-09T12:00:00Z")
    assert (found["person"], found["next"]) == ({"id": "ann", "name": "Ann"}, {"id": "bob", "name": "Bob"})
    assert (moment(found["starts_at"]), moment(found["ends_at"])) == (
        datetime(2026, 3, 9, 8, tzinfo=UTC),
        datetime(2026, 3, 10, 8, tzinfo=UTC),
    )
    assert {one["schedule"] for one in api.get("/v1/oncall").json()["schedules"]} == {"databases", "days"}


def test_gap_is_said_plainly(api: Api):
    found = duty(api, "2026-03-09T20:00:00Z", "days")
    assert (found["person"], found["next"], moment(found["ends_at"])) == (
        None,
        None,
        datetime(2026, 3, 10, 8, tzinfo=UTC),
    )
    gaps = api.get("/v1/oncall/gaps?days=3").json()["shifts"]
    assert {gap["schedule"] for gap in gaps} == {"days"}
    assert all(gap["person"] is None for gap in gaps)


def test_swap_counts_from_the_next_decision_on_until_it_is_cancelled(api: Api):
    before = duty(api, _text(datetime.now(UTC)))["person"]["id"]
    other = {"ann": "bob", "bob": "ann"}[before]
    assert forecast(api) == [before]
    made = swap(api, person=other, reason="a doctor's appointment")
    assert made.status_code == 201, made.text
    (override,) = made.json()["overrides"]
    now = duty(api, _text(datetime.now(UTC)))
    assert now["person"]["id"] == other
    assert (now["override"], now["relieves"]["id"]) == (override["id"], before)
    assert forecast(api) == [other]
    cancelled = api.send("DELETE", f"/v1/oncall/overrides/{override['id']}").result()
    assert cancelled.status_code == 200, cancelled.text
    assert cancelled.json()["overrides"][0]["cancelled_by"]
    assert forecast(api) == [before]


def forecast(api: Api) -> list[str]:
    decision = api.post("/v1/predict", {"title": "Replication lag", "service": "orders-db"}).json()
    found: list[str] = decision["escalation"]["steps"][0]["forecast"]
    return found


def test_replay_agrees_though_the_swap_was_cancelled_since(api: Api):
    on_call = duty(api, datetime.now(UTC).isoformat().replace("+00:00", "Z"))["person"]["id"]
    other = {"ann": "bob", "bob": "ann"}[on_call]
    override = swap(api, person=other).json()["overrides"][0]
    decided = api.fire(title="Replication lag", service="orders-db")
    api.send("DELETE", f"/v1/oncall/overrides/{override['id']}").result()
    parts = api.service.parts
    replay = Replayer(parts.incidents, parts.configurations, api.settings.models_dir).replay(
        decided["decision"]["decision_id"]
    )
    assert replay.stored.escalation.steps[0].forecast == (other,)
    assert replay.differences == ()


def test_swap_both_ways_is_made_as_a_whole(api: Api):
    day = datetime(2030, 3, 4, 8, tzinfo=UTC)
    on_call = duty(api, "2030-03-04T12:00:00Z")["person"]["id"]
    other = {"ann": "bob", "bob": "ann"}[on_call]
    span = {"starts_at": day.isoformat(), "ends_at": (day + timedelta(days=1)).isoformat()}
    back = {
        "starts_at": (day + timedelta(days=1)).isoformat(),
        "ends_at": (day + timedelta(days=2)).isoformat(),
    }
    made = swap(api, person=other, in_return=back, **span).json()["overrides"]
    assert [(one["person"]["id"]) for one in made] == [other, on_call]
    assert duty(api, "2030-03-04T12:00:00Z")["person"]["id"] == other
    assert duty(api, "2030-03-05T12:00:00Z")["person"]["id"] == on_call
    refused = swap(api, person=other, in_return=back, **span)
    assert refused.status_code == 422
    assert api.count("oncall_override") == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"schedule": "nothing"}, "the catalogue has no such schedule"),
        ({"person": "nobody"}, "the catalogue has no such person"),
        ({"person": "gone"}, "is not active, so nobody would answer"),
        ({"ends_at": "2026-01-01T00:00:00Z"}, "must be later than starts_at"),
        ({"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}, "is past already"),
        ({"ends_at": "2031-01-01T00:00:00Z"}, "at most 31 days after starts_at"),
        (
            {"in_return": {"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}},
            "in_return.ends_at",
        ),
        (
            {
                "starts_at": "2030-01-01T00:00:00Z",
                "ends_at": "2030-01-03T00:00:00Z",
                "in_return": {"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-04T00:00:00Z"},
            },
            "overlaps with the time that is taken over",
        ),
        ({"who": "ann"}, "who"),
    ],
)
def test_swap_that_cannot_be_is_refused_and_says_why(api: Api, fields, said):
    refused = swap(api, **fields)
    assert refused.status_code == 422
    assert said in refused.text
    assert api.count("oncall_override") == 0


def test_cancelled_swap_still_tells_who_was_on_call_while_it_stood(api: Api):
    since = datetime.now(UTC)
    on_call = duty(api, _text(since))["person"]["id"]
    other = {"ann": "bob", "bob": "ann"}[on_call]
    override = swap(api, person=other).json()["overrides"][0]
    made_at, stood_at = moment(override["made_at"]), datetime.now(UTC)
    cancelled = api.send("DELETE", f"/v1/oncall/overrides/{override['id']}").result().json()["overrides"][0]
    times = [made_at - timedelta(seconds=1), stood_at, moment(cancelled["cancelled_at"])]
    assert [duty(api, _text(at))["person"]["id"] for at in times] == [on_call, other, on_call]


def test_who_cannot_be_reached_answers_for_nobody_in_return(open_api: OpenApi, tmp_path: Path):
    unreachable = WITH_SCHEDULES.replace("participants: [bob, ann]", "participants: [gone, gone]")
    (tmp_path / "config" / "catalogue.yaml").write_text(unreachable, encoding="utf-8")
    back = {"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-04T00:00:00Z"}
    refused = swap(open_api(), in_return=back)
    assert refused.status_code == 422
    assert "gone is not active" in refused.text


def test_change_made_while_swaps_are_read_is_seen_by_the_next_decision(api: Api):
    oncall, store = api.service.parts.oncall, api.service.parts.oncall._overrides
    now = datetime.now(UTC)
    oncall.forget()
    read = store.standing

    def reads_slowly(since: datetime, until: datetime) -> Any:
        found = read(since, until)
        if not api.count("oncall_override"):
            swap(api)
        return found

    store.standing = reads_slowly  # type: ignore[method-assign]
    oncall.standing(now)
    assert [one.person for one in oncall.standing(datetime.now(UTC))] == ["ann"]


def test_cancelling_twice_is_once_and_an_unknown_one_is_not_found(api: Api):
    override = swap(api).json()["overrides"][0]
    first, second = (api.send("DELETE", f"/v1/oncall/overrides/{override['id']}").result().json() for _ in "ab")
    assert first == second
    for unknown in ("nothing", "00000000-0000-0000-0000-000000000000"):
        assert api.send("DELETE", f"/v1/oncall/overrides/{unknown}").result().status_code == 404
    listed = api.get("/v1/oncall/overrides").json()["overrides"]
    assert [one["id"] for one in listed] == [override["id"]]


def test_shifts_and_calendar_tell_the_same(api: Api):
    swap(api, starts_at="2030-03-04T20:00:00Z", ends_at="2030-03-04T22:00:00Z", person="bob")
    told = api.get("/v1/oncall/databases/shifts?from=2030-03-04T00:00:00Z&to=2030-03-06T00:00:00Z").json()[
        "shifts"
    ]
    assert all(one["ends_at"] == other["starts_at"] for one, other in pairwise(told))
    calendar = api.get("/v1/oncall/databases.ics?days=30")
    assert calendar.headers["content-type"].startswith("text/calendar")
    events = icalendar.Calendar.from_ical(calendar.content).walk("VEVENT")
    assert {str(event["SUMMARY"]) for event in events} == {
        "Ann is on call: databases",
        "Bob is on call: databases",
    }
    mine = icalendar.Calendar.from_ical(api.get("/v1/oncall/databases.ics?person=ann").content).walk("VEVENT")
    assert {str(event["SUMMARY"]) for event in mine} == {"Ann is on call: databases"}
    recurring = api.get("/v1/oncall/databases.ics?form=rotation").text
    assert "RRULE:FREQ=DAILY;INTERVAL=2" in recurring


@pytest.mark.parametrize(
    "path", ["/v1/oncall?schedule=nothing", "/v1/oncall/nothing/shifts", "/v1/oncall/nothing.ics"]
)
def test_unknown_schedule_is_not_found(api: Api, path: str):
    assert api.get(path).status_code == 404


def test_plan_of_many_years_is_refused(api: Api):
    assert (
        api.get("/v1/oncall/databases/shifts?from=2027-01-01T00:00:00Z&to=2037-01-01T00:00:00Z").status_code == 422
    )


def test_responder_may_swap_at_two_in_the_morning_and_a_source_may_not(api: Api):
    api.issue(Role.ADMIN, "person:bob")
    with api.with_token(api.issue(Role.RESPONDER, "person:ann")):
        assert swap(api).json()["overrides"][0]["made_by"] == "ann"
    with api.with_token(api.issue(Role.SOURCE, "source:probe")):
        assert swap(api).status_code == 403
