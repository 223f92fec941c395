"""The review queue over HTTP, and what answers do to what is decided next."""

import math
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures_api import Api, OpenApi
from triage.assessing import LOOKED_AT_FOR, Assessing
from triage.domain.access import Role
from triage.domain.assessment import OFTEN
from triage.domain.estimate import wilson
from triage.errors import Conflict
from triage.precision import Precision
from triage.serving.parts import catalogue_in_force


def subject(number: int) -> dict[str, Any]:
    """Each of its own kind."""
    words = ("printer", "badge", "projector", "lift", "door", "phone", "scanner", "screen", "camera", "router")
    return {"title": f"The {words[number % 10]} of {words[number // 10 % 10]} is odd", "service": f"s{number}"}


def fill(api: Api, count: int) -> list[str]:
    return [api.fire(**subject(number))["incident"]["id"] for number in range(count)]


def take(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.post("/v1/review/next").json()
    return found


def say(api: Api, incident_id: str, **said: object) -> dict[str, Any]:
    answer = api.post(f"/v1/review/{incident_id}", said)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class Reviewer:
    """``now`` is what their clock says."""

    def __init__(self, api: Api, sample: float = 0.0) -> None:
        parts = api.service.parts
        self.now = datetime.now(UTC)
        self.assessing = Assessing(
            parts.database,
            parts.incidents,
            parts.corrections,
            lambda: self.now,
            sample,
        )


@pytest.fixture
def reviewer(api: Api) -> Reviewer:
    return Reviewer(api)


def test_the_queue_is_listed_the_most_useful_first_with_its_reasons(api: Api) -> None:
    fill(api, 3)
    urgent = api.fire(title="Card gateway refuses everything", service="card-gateway", severity="critical")
    found = api.get("/v1/review").json()
    assert found["waiting"] == 4
    worths = [item["worth"] for item in found["items"]]
    assert worths == sorted(worths, reverse=True)
    assert {item["incident_id"] for item in found["items"]} >= {urgent["incident"]["id"]}
    assert all(item["reasons"] for item in found["items"])


def test_a_pattern_is_asked_for_once_and_hardly_again_after_an_answer(api: Api) -> None:
    for place in ("east", "west"):
        api.fire(title="Scale shows nothing", service="scales", environment=place)
    one, other = [i["pattern_id"] for i in api.get("/v1/incidents").json()["incidents"]]
    assert api.post(f"/v1/patterns/{one}/merge", {"pattern": other}).status_code == 200
    items = api.get("/v1/review").json()["items"]
    assert [item["alike"] for item in items] == [2]
    said = say(api, items[0]["incident_id"], team="payments")
    assert said["alike"] == 1
    left = api.get("/v1/review").json()["items"]
    assert left[0]["worth"] < 0.7 * items[0]["worth"]


def test_agreeing_is_saying_the_same_again_and_is_gold(api: Api) -> None:
    incident = fill(api, 1)[0]
    before = api.get(f"/v1/incidents/{incident}").json()["incident"]
    said = say(api, incident, reason="quite so")
    assert said["agreed"]
    after = api.get(f"/v1/incidents/{incident}").json()
    assert (after["incident"]["priority"], after["incident"]["team"]) == (before["priority"], before["team"])
    assert after["decision"]["team"]["source"] == "override"
    assert api.get("/v1/review").json()["waiting"] == 0


def test_two_reviewers_at_once_never_hold_the_same(api: Api, reviewer: Reviewer) -> None:
    fill(api, 12)
    seen: list[str] = []

    def work(name: str) -> None:
        while (offered := reviewer.assessing.next(name)) is not None:
            seen.append(offered.record.id)
            reviewer.assessing.answer(offered.record.id, name, looked_at=offered.looked_at)

    threads = [threading.Thread(target=work, args=(f"reviewer {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(seen) == len(set(seen)) == 12


def test_what_nobody_answers_goes_to_somebody_else_in_the_end(api: Api, reviewer: Reviewer) -> None:
    fill(api, 1)
    first = reviewer.assessing.next("ann")
    assert first is not None
    assert reviewer.assessing.next("bob") is None
    reviewer.now += LOOKED_AT_FOR / 2
    assert reviewer.assessing.next("ann") is not None
    reviewer.now += LOOKED_AT_FOR * 0.9
    assert reviewer.assessing.next("bob") is None
    reviewer.now += LOOKED_AT_FOR
    offered = reviewer.assessing.next("bob")
    assert offered is not None
    assert offered.record.id == first.record.id


def test_what_is_skipped_does_not_come_back_to_the_same_person(api: Api, reviewer: Reviewer) -> None:
    incident = fill(api, 1)[0]
    reviewer.assessing.skip(incident, "ann")
    assert reviewer.assessing.next("ann") is None
    assert reviewer.assessing.next("bob") is not None


def test_an_answer_to_what_was_decided_anew_is_refused(api: Api) -> None:
    incident = fill(api, 1)[0]
    looked_at = take(api)["looked_at"]
    api.post(f"/v1/incidents/{incident}/override", {"priority": "P2"})
    answer = api.post(f"/v1/review/{incident}", {"looked_at": looked_at})
    assert answer.status_code == 409
    assert api.get(f"/v1/incidents/{incident}").json()["incident"]["priority"] == "P2"


def test_what_is_taken_back_acts_no_more(api: Api) -> None:
    first = api.fire(title="Gate does not open", service="gate", dedup_key="1")["incident"]
    say(api, first["id"], team="payments", priority="P1")
    assert api.post("/v1/review/undo").status_code == 200
    again = api.get(f"/v1/incidents/{first['id']}").json()
    assert (again["incident"]["priority"], again["incident"]["team"]) == (first["priority"], first["team"])
    assert again["decision"]["team"]["source"] != "override"
    api.post(f"/v1/incidents/{first['id']}/resolve")
    following = api.fire(title="Gate does not open", service="gate", dedup_key="2")
    assert following["incident"]["pattern_id"] == first["pattern_id"]
    assert following["decision"]["team"]["source"] != "correction"
    assert take(api)["incident"]["id"] == first["id"]
    assert api.post("/v1/review/undo").status_code == 404


def test_what_somebody_spoke_of_since_is_not_taken_back(api: Api, reviewer: Reviewer) -> None:
    incident = fill(api, 1)[0]
    reviewer.assessing.answer(incident, "ann", team="payments")
    api.post(f"/v1/incidents/{incident}/override", {"team": "desk"})
    with pytest.raises(Exception, match="spoken of it again"):
        reviewer.assessing.undo("ann")
    assert api.get(f"/v1/incidents/{incident}").json()["incident"]["team"] == "desk"


def test_an_override_from_elsewhere_takes_it_out_of_the_queue(api: Api) -> None:
    incident = fill(api, 1)[0]
    api.post(f"/v1/incidents/{incident}/override", {"priority": "P2"})
    assert api.get("/v1/review").json() == {"waiting": 0, "items": []}


def test_a_second_opinion_is_blind_and_changes_nothing(api: Api, reviewer: Reviewer, monkeypatch: Any) -> None:
    monkeypatch.setattr("triage.assessing.SECONDS", 1.0)
    monkeypatch.setattr("triage.assessing.SECOND_EVERY", 1)
    incident = fill(api, 1)[0]
    machine = api.get(f"/v1/incidents/{incident}").json()["incident"]["team"]
    reviewer.assessing.answer(incident, "ann", team="payments")
    assert reviewer.assessing.next("ann") is None
    offered = reviewer.assessing.next("bob")
    assert offered is not None
    assert (offered.queued.why, offered.decision.team.value) == ("second", machine)
    reviewer.now += timedelta(seconds=30)
    reviewer.assessing.answer(incident, "bob", team="databases", second=True)
    assert api.get(f"/v1/incidents/{incident}").json()["incident"]["team"] == "payments"
    report = api.get("/v1/metrics/model").json()
    assert report["disagreements"] == [incident]
    team = next(one for one in report["agreement"] if one["target"] == "team")
    assert (team["share"]["n"], team["share"]["value"]) == (1, 0.0)
    with pytest.raises(Exception, match="second opinion"):
        reviewer.assessing.answer(incident, "carl", team="databases", second=True)


def test_precision_is_estimated_from_the_drawn_ones_alone(open_api: OpenApi) -> None:
    api = open_api(review_sample=0.2)
    reviewer = Reviewer(api, 0.2)
    fill(api, 60)
    with api.service.parts.database.connection() as db:
        rows = db.execute(
            "SELECT incident_id, draw, suggested_team FROM review_item ORDER BY opened_at"
        ).fetchall()
        db.execute("UPDATE review_item SET acts_team = true")
    drawn = [row for row in rows if row["draw"] < 0.2]
    assert 3 <= len(drawn) <= 30
    # Whatever is not drawn may be as wrong as can be.
    for row in rows:
        if row["draw"] >= 0.2:
            reviewer.assessing.answer(str(row["incident_id"]), "ann", team="problems")
    for place, row in enumerate(drawn):
        reviewer.assessing.answer(str(row["incident_id"]), "ann", team="problems" if place == 0 else None)
    precision = Precision(api.service.parts.database, lambda: catalogue_in_force(api.service.activation), 0.2)
    now = datetime.now(UTC)
    report = precision.report(now - timedelta(hours=1), now + timedelta(hours=1))
    assert report.reviewed == len(drawn)
    assert report.team == wilson(len(drawn) - 1, len(drawn))


def test_what_was_drawn_after_the_first_that_waits_is_not_counted_yet(open_api: OpenApi) -> None:
    api = open_api(review_sample=0.2)
    reviewer = Reviewer(api, 0.2)
    fill(api, 40)
    with api.service.parts.database.connection() as db:
        rows = db.execute("SELECT incident_id FROM review_item WHERE draw < 0.2 ORDER BY draw").fetchall()
        db.execute("UPDATE review_item SET acts_team = true")
    drawn = [str(row["incident_id"]) for row in rows]
    for incident in (drawn[0], *drawn[2:]):
        reviewer.assessing.answer(incident, "ann")
    now = datetime.now(UTC)
    report = api.service.parts.precision.report(now - timedelta(hours=1), now + timedelta(hours=1))
    assert report.reviewed == 1


def test_figures_are_a_table_too(api: Api) -> None:
    answer = api.get("/v1/metrics/model", params={"format": "csv", "section": "weekly"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")


def test_responders_do_not_review(api: Api) -> None:
    token = api.issue(Role.RESPONDER, "person:ann")
    with api.with_token(token):
        assert api.get("/v1/review").status_code == 403
        assert api.get("/v1/metrics/model").status_code == 200


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(0, 10, 0.0, 0.28), (10, 10, 0.72, 1.0), (83, 100, 0.74, 0.89)]
)
def test_an_interval_is_wilsons(right: int, n: int, low: float, high: float) -> None:
    found = wilson(right, n)
    assert (round(found.low, 2), round(found.high, 2)) == (low, high)


def differ(api: Api, reviewer: Reviewer) -> str:
    """An incident of which two reviewers said differently."""
    incident = fill(api, 1)[0]
    reviewer.assessing.answer(incident, "ann", team="payments")
    reviewer.now += timedelta(seconds=30)
    reviewer.assessing.answer(incident, "bob", team="databases", second=True)
    reviewer.now += timedelta(seconds=30)
    return incident


def test_what_two_differ_on_is_settled_by_a_third_and_the_first_word_stands_until_then(
    api: Api, reviewer: Reviewer
) -> None:
    incident = differ(api, reviewer)
    listed = api.get("/v1/review/disagreements").json()["disagreements"]
    assert [(one["incident_id"], one["first"]["by"], one["second"]["team"]) for one in listed] == [
        (incident, "ann", "databases")
    ]
    assert api.get(f"/v1/incidents/{incident}").json()["incident"]["team"] == "payments"
    with api.with_token(api.issue(Role.REVIEWER, "person:carl")):
        assert api.post(f"/v1/review/{incident}/settle", {"team": "databases"}).status_code == 403
    with api.with_token(api.issue(Role.ENGINEER, "person:bob")):
        assert api.post(f"/v1/review/{incident}/settle", {"team": "databases"}).status_code == 409
    with api.with_token(api.issue(Role.ENGINEER, "person:dora")):
        assert api.post(f"/v1/review/{incident}/settle", {"team": "databases"}).status_code == 200
        assert api.get("/v1/review/disagreements").json()["disagreements"] == []
        assert api.get(f"/v1/incidents/{incident}").json()["incident"]["team"] == "databases"
        agreed = fill(api, 2)[1]
        assert api.post(f"/v1/review/{agreed}/settle", {"team": "databases"}).status_code == 404


def test_the_two_who_differ_do_not_settle_it_by_an_override(api: Api, reviewer: Reviewer) -> None:
    incident = differ(api, reviewer)
    api.service.parts.corrections.override(incident, "bob", priority=None, team="databases")
    assert len(reviewer.assessing.disagreements()) == 1


def test_a_second_opinion_is_told_nothing_of_the_first(api: Api, reviewer: Reviewer, monkeypatch: Any) -> None:
    monkeypatch.setattr("triage.assessing.SECONDS", 1.0)
    monkeypatch.setattr("triage.assessing.SECOND_EVERY", 1)
    incident = fill(api, 1)[0]
    machine = api.get(f"/v1/incidents/{incident}").json()["incident"]
    reviewer.assessing.answer(incident, "ann", team="payments", priority="P1")
    offered = reviewer.assessing.next("bob")
    assert offered is not None
    told = (offered.record.team, offered.record.priority.value, offered.record.decision_id)
    assert told == (machine["team"], machine["priority"], offered.decision.decision_id)


def test_the_one_who_answered_gives_no_second_opinion(api: Api, reviewer: Reviewer) -> None:
    incident = fill(api, 1)[0]
    reviewer.assessing.answer(incident, "ann", team="payments")
    with pytest.raises(Conflict):
        reviewer.assessing.answer(incident, "ann", team="payments", second=True)


def test_an_answer_to_all_of_a_pattern_says_before_how_many(api: Api, reviewer: Reviewer) -> None:
    for place in ("east", "west", "north"):
        api.fire(title="Scale shows nothing", service="scales", environment=place)
    one, *others = [i["pattern_id"] for i in api.get("/v1/incidents").json()["incidents"]]
    for other in others:
        api.post(f"/v1/patterns/{one}/merge", {"pattern": other})
    assert api.get(f"/v1/review/patterns/{one}").json() == {"waiting": 3}
    assert api.post(f"/v1/review/patterns/{one}", {"team": "payments", "reason": "all"}).json() == {"answered": 3}
    assert api.get(f"/v1/review/patterns/{one}").json() == {"waiting": 0}
    with api.service.parts.database.connection() as db:
        rows = db.execute("SELECT reason, carried_team FROM assessment").fetchall()
    assert [(row["reason"], row["carried_team"]) for row in rows] == [("all", None)] * 3


def test_two_reviewers_look_at_different_patterns_while_there_are_others(api: Api, reviewer: Reviewer) -> None:
    for place in ("east", "west"):
        api.fire(title="Scale shows nothing", service="scales", environment=place)
    one, other = [i["pattern_id"] for i in api.get("/v1/incidents").json()["incidents"]]
    api.post(f"/v1/patterns/{one}/merge", {"pattern": other})
    third = fill(api, 1)[0]
    with api.service.parts.database.connection() as db:
        db.execute("UPDATE review_item SET worth = 0 WHERE incident_id = %s", (third,))
    first, second, last = (reviewer.assessing.next(name) for name in ("ann", "bob", "carl"))
    assert first is not None
    assert second is not None
    assert last is not None
    assert second.record.id == third
    assert last.record.pattern_id == first.record.pattern_id
    assert last.record.id != first.record.id


def test_what_is_let_go_may_come_back(api: Api, reviewer: Reviewer) -> None:
    incident = fill(api, 1)[0]
    assert reviewer.assessing.next("ann") is not None
    reviewer.assessing.release(incident, "ann")
    assert reviewer.assessing.next("bob") is not None
    reviewer.assessing.release(incident, "bob")
    assert reviewer.assessing.next("ann") is not None


def test_what_was_taken_back_leaves_its_pattern_worth_what_it_was(api: Api, reviewer: Reviewer) -> None:
    for place in ("east", "west"):
        api.fire(title="Scale shows nothing", service="scales", environment=place)
    one, other = [i["pattern_id"] for i in api.get("/v1/incidents").json()["incidents"]]
    api.post(f"/v1/patterns/{one}/merge", {"pattern": other})

    def worths() -> list[float]:
        with api.service.parts.database.connection() as db:
            rows = db.execute("SELECT worth FROM review_item WHERE done_at IS NULL ORDER BY worth").fetchall()
        return [row["worth"] for row in rows]

    before = worths()
    offered = reviewer.assessing.next("ann")
    assert offered is not None
    reviewer.assessing.answer(offered.record.id, "ann", team="payments")
    saves, left = (math.expm1(worth * math.log1p(OFTEN)) for worth in (min(before), worths()[0]))
    assert left == pytest.approx(saves / 2, rel=1e-3)
    reviewer.assessing.undo("ann")
    assert worths() == pytest.approx(before)


def test_the_newest_word_holds_at_once_until_words_are_seen_not_to_carry_over(
    api: Api, reviewer: Reviewer
) -> None:
    def again(key: str) -> dict[str, Any]:
        return api.fire(title="Gate does not open", service="gate", dedup_key=key)

    def review(key: str, team: str) -> None:
        incident = again(key)["incident"]["id"]
        reviewer.assessing.answer(incident, "ann", team=team, priority="P3")
        api.post(f"/v1/incidents/{incident}/resolve")

    review("1", "payments")
    review("2", "databases")
    third = again("3")
    assert (third["decision"]["team"]["value"], third["decision"]["team"]["source"]) == ("databases", "correction")
    api.post(f"/v1/incidents/{third['incident']['id']}/resolve")
    with api.service.parts.database.connection() as db:
        carried = db.execute("SELECT carried_team, carried_priority FROM assessment ORDER BY made_at").fetchall()
        assert [tuple(row.values()) for row in carried] == [(None, None), (False, True)]
        db.execute(
            "INSERT INTO assessment (id, incident_id, made_by, made_at, priority, team, carried_priority,"
            " carried_team) SELECT gen_random_uuid(), incident_id, 'ann', made_at, 'P3', 'payments', true, false"
            " FROM assessment, generate_series(1, 20)"
        )
    fourth = again("4")["decision"]
    assert fourth["team"]["source"] != "correction"
    assert fourth["priority"]["source"] == "correction"
    api.post(f"/v1/incidents/{fourth['incident_id']}/resolve")
    review("5", "databases")
    half = again("6")
    assert half["decision"]["team"]["source"] != "correction"
    api.post(f"/v1/incidents/{half['incident']['id']}/resolve")
    review("7", "databases")
    most = again("8")["decision"]["team"]
    assert (most["value"], most["source"]) == ("databases", "correction")
