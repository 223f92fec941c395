"""The OpenAPI document and the page that shows it."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from tests.fixtures_api import Api, event

PATHS = {
    "/v1/predict",
    "/v1/review",
    "/v1/review/next",
    "/v1/review/undo",
    "/v1/review/patterns/{pattern_id}",
    "/v1/review/disagreements",
    "/v1/review/{incident_id}/settle",
    "/v1/review/{incident_id}",
    "/v1/review/{incident_id}/skip",
    "/v1/metrics/model",
    "/v1/predict/batch",
    "/v1/incidents",
    "/v1/incidents/batch",
    "/v1/incidents/resolve",
    "/v1/incidents/{incident_id}",
    "/v1/incidents/{incident_id}/timeline",
    "/v1/incidents/{incident_id}/similar",
    "/v1/incidents/{incident_id}/override",
    "/v1/incidents/{incident_id}/acknowledge",
    "/v1/incidents/{incident_id}/status",
    "/v1/incidents/{incident_id}/resolve",
    "/v1/incidents/{incident_id}/escalate",
    "/v1/incidents/{incident_id}/approve",
    "/v1/incidents/{incident_id}/note",
    "/v1/incidents/{incident_id}/reopen",
    "/v1/incidents/{incident_id}/escalation",
    "/v1/patterns",
    "/v1/patterns/preview",
    "/v1/patterns/threshold",
    "/v1/patterns/{pattern_id}",
    "/v1/patterns/{pattern_id}/merge",
    "/v1/patterns/{pattern_id}/split",
    "/v1/patterns/{pattern_id}/not-the-same",
    "/v1/patterns/{pattern_id}/known-fix",
    "/v1/patterns/{pattern_id}/name",
    "/v1/patterns/{pattern_id}/silence",
    "/v1/patterns/changes/{change_id}/undo",
    "/v1/silences",
    "/v1/silences/{silence_id}",
    "/v1/oncall",
    "/v1/oncall/gaps",
    "/v1/oncall/overrides",
    "/v1/oncall/overrides/{override_id}",
    "/v1/oncall/{schedule}/shifts",
    "/v1/oncall/{schedule}.ics",
    "/v1/policy",
    "/v1/policy/drill",
    "/v1/policy/drills/{incident_id}",
    "/v1/policy/check",
    "/v1/policy/simulate",
    "/v1/policy/backtest",
    "/v1/sources/{source}",
    "/v1/incidents/{incident_id}/review",
    "/v1/follow-ups",
    "/v1/follow-ups/{follow_up_id}/done",
    "/v1/metrics/escalation",
    "/v1/messages",
    "/v1/messages/send-again",
    "/v1/messages/test",
    "/v1/models",
    "/v1/models/promote",
    "/v1/models/rollback",
    "/livez",
    "/readyz",
    "/version",
    "/metrics",
}
OPEN = {"/livez", "/readyz", "/version", "/metrics"}


@pytest.fixture(scope="module")
def document(shared_api: Api) -> dict[str, Any]:
    found: dict[str, Any] = shared_api.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def conform(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    jsonschema_rs.validate({**schema, "components": document["components"]}, value)


def test_the_document_is_valid_and_names_every_path(document: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(document).validate()
    assert set(document["paths"]) >= PATHS


def test_every_operation_says_what_it_answers_and_refuses_with(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"], (path, method)
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")) and path not in OPEN:
                assert list(response["content"]) == ["application/problem+json"], (path, method, status)
        if path not in OPEN:
            assert {"401", "403", "503"} <= operation["responses"].keys(), (path, method)


def test_no_form_of_refusal_is_described_that_is_never_sent(document: dict[str, Any]) -> None:
    assert "ValidationError" not in str(document)


def test_only_health_needs_no_token(document: dict[str, Any]) -> None:
    assert document["security"] == [{"bearer": []}]
    without = {path for path, _, operation in operations(document) if operation.get("security") == []}
    assert without == OPEN


def test_every_body_has_examples_that_are_valid(document: dict[str, Any]) -> None:
    bodies = [operation["requestBody"] for _, _, operation in operations(document) if "requestBody" in operation]
    assert len(bodies) == 36
    for body in bodies:
        content = body["content"]["application/json"]
        assert content["examples"]
        for example in content["examples"].values():
            conform(document, content["schema"], example["value"])


def test_examples_are_accepted_by_the_service_itself(shared_api: Api, document: dict[str, Any]) -> None:
    for path in ("/v1/incidents", "/v1/incidents/batch", "/v1/predict/batch", "/v1/sources/{source}"):
        for example in document["paths"][path]["post"]["requestBody"]["content"]["application/json"][
            "examples"
        ].values():
            response = shared_api.post(path.format(source="alertmanager"), example["value"])
            assert response.status_code in {200, 201}, (path, response.text)


def test_answers_are_as_described(shared_api: Api, document: dict[str, Any]) -> None:
    received = shared_api.fire(title="As described")
    one = f"/v1/incidents/{received['incident']['id']}"
    asked = {
        "/v1/incidents": "",
        "/v1/incidents/{incident_id}": one,
        "/v1/incidents/{incident_id}/timeline": f"{one}/timeline",
        "/v1/incidents/{incident_id}/similar": f"{one}/similar",
        "/v1/patterns": "",
        "/v1/patterns/{pattern_id}": f"/v1/patterns/{received['incident']['pattern_id']}",
        "/v1/silences": "",
    }
    for path, address in asked.items():
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        conform(document, schema, shared_api.get(address or path).json())
    conform(document, {"$ref": "#/components/schemas/ReceivedView"}, received)
    predicted = shared_api.post("/v1/predict", event()).json()
    conform(document, {"$ref": "#/components/schemas/DecisionView"}, predicted)
    problem = shared_api.post("/v1/predict", {}).json()
    conform(document, {"$ref": "#/components/schemas/Problem"}, problem)


def test_the_documentation_loads_nothing_from_elsewhere(shared_api: Api) -> None:
    page = shared_api.get("/docs")
    assert page.status_code == 200
    assert "://" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        if not address.startswith("data:"):
            assert shared_api.get(f"/{address}").status_code == 200, address


def test_the_documentation_is_swagger_ui_reading_our_document(shared_api: Api) -> None:
    script = shared_api.get("/docs/swagger-ui-bundle.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert b"SwaggerUIBundle" in script.content
    start = shared_api.get("/docs/start.js").text
    assert 'url: "openapi.json"' in start
    assert "validatorUrl: null" in start
