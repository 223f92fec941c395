"""``/v1/incidents``: what a sender is answered."""

import pytest

from tests.fixtures_api import Api, event


def test_a_new_incident_is_201_with_its_decision(api: Api) -> None:
    response = api.post("/v1/incidents", event(dedup_key="lag", labels={"replica": "2"}))
    assert response.status_code == 201
    answer = response.json()
    assert answer.keys() == {"incident", "decision", "recurrence", "joined", "counted"}
    assert (answer["joined"], answer["counted"]) == (False, True)
    incident, decision = answer["incident"], answer["decision"]
    assert (incident["state"], incident["status"]) == ("triggered", "new")
    assert (incident["priority"], incident["team"]) == (decision["priority"]["value"], decision["team"]["value"])
    assert incident["id"] == decision["incident_id"]
    assert incident["decision_id"] == decision["decision_id"]
    assert incident["event"]["labels"] == {"replica": "2"}


def test_an_event_that_joins_an_open_incident_is_200(api: Api) -> None:
    first = api.fire(dedup_key="lag", started_at="2026-03-09T09:42:00Z")
    response = api.post("/v1/incidents", event(dedup_key="lag", started_at="2026-03-09T10:42:00Z"))
    assert response.status_code == 200
    answer = response.json()
    assert (answer["joined"], answer["counted"]) == (True, True)
    assert answer["incident"]["id"] == first["incident"]["id"]
    assert (answer["incident"]["occurrences"], answer["incident"]["deliveries"]) == (2, 2)


def test_the_same_occurrence_again_is_200_and_not_counted(api: Api) -> None:
    sent = event(dedup_key="lag", started_at="2026-03-09T09:42:00Z")
    first = api.post("/v1/incidents", sent).json()
    again = api.post("/v1/incidents", sent)
    assert again.status_code == 200
    assert again.json()["counted"] is False
    assert again.json()["decision"] == first["decision"]
    assert again.json()["incident"]["occurrences"] == 1


def test_a_repeat_under_the_same_idempotency_key_is_answered_the_same(api: Api) -> None:
    key = {"Idempotency-Key": "delivery-1"}
    first = api.post("/v1/incidents", event(), headers=key)
    again = api.post("/v1/incidents", event(), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["incident"]["id"] == first.json()["incident"]["id"]
    assert again.json()["counted"] is True
    assert api.count("occurrence") == 1


def test_a_key_with_another_body_is_a_conflict_that_changes_nothing(api: Api) -> None:
    key = {"Idempotency-Key": "delivery-1"}
    api.post("/v1/incidents", event(), headers=key)
    response = api.post("/v1/incidents", event(title="Another problem"), headers=key)
    assert response.status_code == 409
    assert response.json()["code"] == "conflict"
    assert api.count("incident") == 1


def test_a_key_on_another_path_is_a_conflict(api: Api) -> None:
    key = {"Idempotency-Key": "delivery-1"}
    api.post("/v1/incidents", event(), headers=key)
    response = api.post("/v1/incidents/batch", {"incidents": [event()]}, headers=key)
    assert response.status_code == 409


def test_an_idempotency_key_of_513_characters_is_refused(shared_api: Api) -> None:
    response = shared_api.post("/v1/incidents", event(), headers={"Idempotency-Key": "k" * 513})
    assert response.status_code == 400


def test_events_acknowledge_and_resolve_by_key(api: Api) -> None:
    api.fire(dedup_key="lag")
    spoken = {"dedup_key": "lag", "source": "monitor"}
    for kind, state in (("acknowledged", "acknowledged"), ("resolved", "resolved"), ("resolved", "resolved")):
        response = api.post("/v1/incidents", {"event": kind, **spoken})
        assert response.status_code == 200
        assert response.json()["incident"]["state"] == state


def test_resolving_by_key_says_what_helped_and_may_be_repeated(api: Api) -> None:
    opened = api.fire(dedup_key="lag")["incident"]
    body = {"dedup_key": "lag", "source": "monitor", "resolution": "Restarted the replica"}
    first = api.post("/v1/incidents/resolve", body)
    again = api.post("/v1/incidents/resolve", body)
    assert first.status_code == 200
    assert first.json()["incident"]["id"] == opened["id"]
    assert first.json()["incident"]["resolution"] == "Restarted the replica"
    assert again.json()["incident"]["resolved_at"] == first.json()["incident"]["resolved_at"]


@pytest.mark.parametrize("path", ["/v1/incidents/resolve", "/v1/incidents"])
def test_a_key_nobody_knows_is_404(shared_api: Api, path: str) -> None:
    body = {"dedup_key": "never seen", "source": "monitor"}
    response = shared_api.post(path, body if path.endswith("resolve") else {"event": "resolved", **body})
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_a_key_belongs_to_its_source(api: Api) -> None:
    api.fire(dedup_key="lag", source="monitor")
    response = api.post("/v1/incidents/resolve", {"dedup_key": "lag", "source": "other"})
    assert response.status_code == 404


def test_one_bad_item_among_five_hundred_costs_the_others_nothing(api: Api) -> None:
    items = [event(title=f"Job number-{n} of the nightly run failed", dedup_key=f"k{n}") for n in range(500)]
    items[250] = {"title": "", "service": "orders-db"}
    response = api.post("/v1/incidents/batch", {"incidents": items})
    assert response.status_code == 200
    results = response.json()["results"]
    assert len(results) == 500
    bad = results.pop(250)
    assert (bad["status"], bad["problem"]["code"]) == (422, "invalid")
    assert bad["problem"]["errors"][0]["at"] == "incidents.250.title"
    assert {result["status"] for result in results} <= {200, 201}
    assert results[0]["incident"]["event"]["dedup_key"] == "k0"
    assert api.count("occurrence") == 499


def test_a_batch_answers_each_item_as_it_would_alone(api: Api) -> None:
    items = [event(dedup_key="a"), event(dedup_key="a"), {"event": "resolved", "dedup_key": "?", "source": "x"}]
    opened, joined, unknown = api.post("/v1/incidents/batch", {"incidents": items}).json()["results"]
    assert (opened["status"], opened["joined"]) == (201, False)
    assert (joined["status"], joined["joined"]) == (200, True)
    assert joined["incident"]["id"] == opened["incident"]["id"]
    assert (unknown["status"], unknown["problem"]["code"]) == (404, "not_found")


def test_a_batch_under_the_same_idempotency_key_is_carried_out_once(api: Api) -> None:
    body = {"incidents": [event(), event(title="Another")]}
    answers = [api.post("/v1/incidents/batch", body, headers={"Idempotency-Key": "b1"}).json() for _ in range(2)]
    assert [r["incident"]["id"] for r in answers[0]["results"]] == [
        r["incident"]["id"] for r in answers[1]["results"]
    ]
    assert api.count("occurrence") == 2
