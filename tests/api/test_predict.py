"""``/v1/predict``: a decision with nothing opened and nobody told."""

from tests.fixtures_api import Api, OpenApi, event
from triage.api.examples import DECISION
from triage.domain.access import Role


def test_a_prediction_has_the_parts_the_contract_names(shared_api: Api) -> None:
    response = shared_api.post("/v1/predict", event(severity="critical"))
    assert response.status_code == 200
    decision = response.json()
    assert decision.keys() == DECISION.keys()
    for part in ("priority", "team", "recurrence", "review", "explanation", "versions"):
        assert decision[part].keys() == DECISION[part].keys()
    assert decision["priority"]["value"] == "P1"
    assert decision["priority"]["label"] == "Critical"
    assert decision["team"]["value"] == "databases"


def test_an_escalation_in_a_decision_has_the_parts_the_contract_names(shared_api: Api) -> None:
    escalation = shared_api.post("/v1/predict", event(severity="critical")).json()["escalation"]
    example = DECISION["escalation"]
    assert escalation.keys() == example.keys()
    assert escalation["policy"] == "fast"
    assert [step["number"] for step in escalation["steps"]] == [1, 2]
    assert escalation["steps"][0].keys() == example["steps"][0].keys()
    assert escalation["steps"][0]["acknowledge_within"] == "PT5M"


def test_a_prediction_stores_nothing(api: Api) -> None:
    decision = api.post("/v1/predict", event()).json()
    assert decision["decision_id"] is None
    assert decision["incident_id"] is None
    assert [api.count(table) for table in ("decision", "incident", "pattern", "timeline")] == [0, 0, 0, 0]


def test_a_recorded_prediction_stores_one_decision_and_opens_nothing(api: Api) -> None:
    decision = api.post("/v1/predict?record=true", event()).json()
    assert decision["decision_id"] is not None
    assert decision["incident_id"] is None
    assert [api.count(table) for table in ("decision", "incident", "pattern", "timeline")] == [1, 0, 0, 0]


def test_a_prediction_sees_what_is_open(api: Api) -> None:
    opened = api.fire()["incident"]
    recurrence = api.post("/v1/predict", event()).json()["recurrence"]
    assert (recurrence["kind"], recurrence["of"]) == ("duplicate", opened["id"])
    assert recurrence["matched_by"] == "fingerprint"
    assert recurrence["occurrences"]["1h"] == 2


def test_a_source_token_predicts_as_its_own_source(open_api: OpenApi) -> None:
    api = open_api()
    api.fire(source="other", dedup_key="lag", title="Something quite different", service=None)
    with api.with_token(api.issue(Role.SOURCE, "source:mine")):
        asked = event(source="other", dedup_key="lag", service=None)
        alone = api.post("/v1/predict", asked).json()
        batch = api.post("/v1/predict/batch", {"incidents": [asked]}).json()["decisions"][0]
    assert alone["recurrence"]["kind"] == "new"
    assert batch["recurrence"]["kind"] == "new"


def test_only_a_firing_event_can_be_predicted(shared_api: Api) -> None:
    response = shared_api.post("/v1/predict", {"event": "resolved", "dedup_key": "lag"})
    assert response.status_code == 422
    assert response.json()["code"] == "invalid"


def test_a_batch_is_answered_in_order_with_a_bad_item_in_its_place(shared_api: Api) -> None:
    items = [event(severity="critical"), event(title=""), event(severity="info"), 7, {"event": "resolved"}]
    response = shared_api.post("/v1/predict/batch", {"incidents": items})
    assert response.status_code == 200
    first, untitled, third, number, resolved = response.json()["decisions"]
    assert first["priority"]["value"] == "P1"
    assert third["priority"]["value"] == "P5"
    assert untitled["problem"]["status"] == 422
    assert untitled["problem"]["errors"] == [
        {"at": "incidents.1.title", "message": "a title is required to open an incident"}
    ]
    assert number["problem"]["errors"][0]["at"] == "incidents.3"
    assert resolved["problem"]["code"] == "invalid"


def test_a_batch_without_a_usable_item_is_answered_item_by_item(shared_api: Api) -> None:
    response = shared_api.post("/v1/predict/batch", {"incidents": [{}, {}]})
    assert response.status_code == 200
    assert [item["problem"]["status"] for item in response.json()["decisions"]] == [422, 422]


def test_a_thousand_predictions_are_one_request(shared_api: Api) -> None:
    items = [event(title=f"Disk {n} is full") for n in range(1000)]
    response = shared_api.post("/v1/predict/batch", {"incidents": items})
    assert len(response.json()["decisions"]) == 1000


def test_a_recorded_batch_stores_its_decisions(api: Api) -> None:
    items = [event(), event(title=""), event(title="Another")]
    decisions = api.post("/v1/predict/batch?record=true", {"incidents": items}).json()["decisions"]
    assert decisions[0]["decision_id"] is not None
    assert decisions[0]["decision_id"] != decisions[2]["decision_id"]
    assert (api.count("decision"), api.count("incident")) == (2, 0)
