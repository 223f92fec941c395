"""The running service against its own OpenAPI document, over a real socket."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.fixtures_service import Service, StartService, event_body

TOKEN = "a-token-for-the-tests-of-the-document"
ADDRESSES = [
    ("POST", "/v1/predict"),
    ("GET", "/v1/review"),
    ("POST", "/v1/review/next"),
    ("POST", "/v1/review/undo"),
    ("GET", "/v1/review/disagreements"),
    ("GET", "/v1/review/patterns/{pattern_id}"),
    ("POST", "/v1/review/patterns/{pattern_id}"),
    ("POST", "/v1/review/{incident_id}/settle"),
    ("POST", "/v1/review/{incident_id}"),
    ("POST", "/v1/review/{incident_id}/skip"),
    ("GET", "/v1/metrics/model"),
    ("POST", "/v1/predict/batch"),
    ("POST", "/v1/incidents"),
    ("POST", "/v1/incidents/batch"),
    ("POST", "/v1/incidents/resolve"),
    ("GET", "/v1/incidents"),
    ("GET", "/v1/incidents/{incident_id}"),
    ("GET", "/v1/incidents/{incident_id}/timeline"),
    ("GET", "/v1/incidents/{incident_id}/similar"),
    ("POST", "/v1/incidents/{incident_id}/override"),
    ("POST", "/v1/incidents/{incident_id}/acknowledge"),
    ("POST", "/v1/incidents/{incident_id}/status"),
    ("POST", "/v1/incidents/{incident_id}/resolve"),
    ("POST", "/v1/incidents/{incident_id}/escalate"),
    ("POST", "/v1/incidents/{incident_id}/approve"),
    ("POST", "/v1/incidents/{incident_id}/note"),
    ("POST", "/v1/incidents/{incident_id}/reopen"),
    ("GET", "/v1/incidents/{incident_id}/escalation"),
    ("GET", "/v1/patterns"),
    ("POST", "/v1/patterns/preview"),
    ("GET", "/v1/patterns/threshold"),
    ("GET", "/v1/incidents/{incident_id}/review"),
    ("POST", "/v1/incidents/{incident_id}/review"),
    ("GET", "/v1/follow-ups"),
    ("POST", "/v1/follow-ups/{follow_up_id}/done"),
    ("GET", "/v1/metrics/escalation"),
    ("GET", "/v1/messages"),
    ("POST", "/v1/messages/send-again"),
    ("POST", "/v1/messages/test"),
    ("GET", "/v1/oncall"),
    ("GET", "/v1/oncall/gaps"),
    ("GET", "/v1/oncall/overrides"),
    ("POST", "/v1/oncall/overrides"),
    ("DELETE", "/v1/oncall/overrides/{override_id}"),
    ("GET", "/v1/oncall/{schedule}/shifts"),
    ("GET", "/v1/oncall/{schedule}.ics"),
    ("GET", "/v1/policy"),
    ("GET", "/v1/policy/drills/{incident_id}"),
    ("POST", "/v1/policy/drill"),
    ("POST", "/v1/policy/check"),
    ("POST", "/v1/policy/simulate"),
    ("POST", "/v1/policy/backtest"),
    ("POST", "/v1/patterns/threshold"),
    ("GET", "/v1/patterns/{pattern_id}"),
    ("POST", "/v1/patterns/{pattern_id}/merge"),
    ("POST", "/v1/patterns/{pattern_id}/split"),
    ("POST", "/v1/patterns/{pattern_id}/not-the-same"),
    ("POST", "/v1/patterns/{pattern_id}/known-fix"),
    ("POST", "/v1/patterns/{pattern_id}/name"),
    ("POST", "/v1/patterns/{pattern_id}/silence"),
    ("POST", "/v1/patterns/changes/{change_id}/undo"),
    ("GET", "/v1/silences"),
    ("DELETE", "/v1/silences/{silence_id}"),
    ("POST", "/v1/sources/{source}"),
    ("GET", "/v1/models"),
    ("POST", "/v1/models/promote"),
    ("POST", "/v1/models/rollback"),
    ("POST", "/v1/models/shadow"),
    ("GET", "/v1/models/shadow"),
    ("GET", "/v1/models/drift"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/version"),
    ("GET", "/metrics"),
]
TAKE_NOTHING = {
    ("GET", "/v1/review/disagreements"),
    ("POST", "/v1/review/next"),
    ("POST", "/v1/review/undo"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/shadow"),
    ("GET", "/v1/models/drift"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/version"),
    ("GET", "/metrics"),
}
ASKED = [(method, path, GenerationMode.POSITIVE) for method, path in ADDRESSES] + [
    (method, path, GenerationMode.NEGATIVE) for method, path in ADDRESSES if (method, path) not in TAKE_NOTHING
]
CALM = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
# A document cannot say that a title is needed to open, or which teams there are; a bad item does not reject its
# batch, and query parameters and headers that nobody knows are passed over.
NOT_CHECKED = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture(scope="module")
def running(start_shared: StartService) -> Service:
    service = start_shared(BOOTSTRAP_TOKEN=TOKEN)
    service.client.headers["authorization"] = f"Bearer {TOKEN}"
    service.wait_until(lambda: service.get("/v1/incidents").status_code == 200, "open to its token")
    return service


@pytest.fixture(scope="module")
def document(running: Service) -> Any:
    return schemathesis.openapi.from_url(f"{running.url}/openapi.json")


@pytest.fixture(scope="module")
def known(running: Service) -> dict[str, str]:
    """What the parameters of an address may name."""
    incident = running.fire(**event_body())["incident"]
    named = running.post(f"/v1/patterns/{incident['pattern_id']}/name", {"name": "Lag"}).json()
    asked = {"for": "PT1H", "reason": "Known"}
    silence = running.post(f"/v1/patterns/{incident['pattern_id']}/silence", asked)
    return {
        "incident_id": incident["id"],
        "pattern_id": incident["pattern_id"],
        "change_id": named["change_id"],
        "silence_id": silence.json()["silence"]["id"],
        "source": "alertmanager",
    }


def test_no_operation_is_left_out(document: Any) -> None:
    described = {(one.ok().method.upper(), one.ok().path) for one in document.get_all_operations()}
    assert described == set(ADDRESSES)


@pytest.mark.parametrize(("method", "path", "mode"), ASKED, ids=str)
def test_an_operation_is_as_it_is_described(
    running: Service, document: Any, known: dict[str, str], method: str, path: str, mode: GenerationMode
) -> None:
    operation = document[path][method]

    @CALM
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def ask(case: Case, is_known: bool) -> None:
        if is_known:
            case.path_parameters |= {name: known[name] for name in case.path_parameters if name in known}
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=NOT_CHECKED)

    ask()
