"""One shape for every refusal: RFC 9457 problem details."""

import re
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

import triage.errors
from tests.fixtures_api import Api, event
from triage.api.problems import MEDIA_TYPE, TITLES, problem_of, problem_response
from triage.errors import (
    BundleError,
    ConfigurationError,
    FieldFault,
    InvalidIncident,
    StoreRefused,
    TriageError,
    Unavailable,
)


def every_class(root: type[TriageError] = TriageError) -> Iterator[type[TriageError]]:
    yield root
    for child in root.__subclasses__():
        yield from every_class(child)


def made(kind: type[TriageError]) -> TriageError:
    if issubclass(kind, ConfigurationError):
        return kind("found this", "catalogue.yaml", 3)
    if issubclass(kind, BundleError):
        return kind("head.joblib", "this hash", "that hash")
    return kind("one sentence")


OURS = [kind for kind in every_class() if kind.__module__ == triage.errors.__name__]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_is_a_problem_with_a_title_and_code_of_its_own(kind: type[TriageError]) -> None:
    document = problem_of(made(kind))
    assert document.keys() == {"type", "title", "status", "detail", "code"}
    assert document["status"] == kind.status
    assert document["title"] == TITLES[kind.status]
    assert document["type"].endswith(f"/{document['code']}")
    assert document["detail"]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree_with_its_own_status(kind: type[TriageError]) -> None:
    drawn = re.search(rf"\b{kind.__name__}\b(.*)", str(triage.errors.__doc__))
    assert drawn is not None
    statuses = re.findall(r"\b[45]\d\d\b", drawn[1])
    assert not statuses or str(kind.status) in statuses


def test_every_named_status_has_a_title() -> None:
    assert {kind.status for kind in OURS} <= TITLES.keys()


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in OURS]
    assert len(codes) == len(set(codes))


def test_a_failure_on_our_side_says_nothing_of_its_inside() -> None:
    document = problem_of(StoreRefused("the database refused a statement (42601)"))
    assert "42601" not in str(document)
    assert document["status"] == 500


def test_faults_of_single_fields_are_listed() -> None:
    error = InvalidIncident("one fault", (FieldFault("title", "must not be empty"),))
    assert problem_of(error)["errors"] == [{"at": "title", "message": "must not be empty"}]


def test_what_is_unavailable_says_when_to_come_back() -> None:
    response = problem_response(Unavailable("later", retry_after=7))
    assert response.headers["retry-after"] == "7"
    assert response.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("path", ["/v1", "/v1/predict/", "/v1/nothing", "/docs/../../etc/passwd", "/docs/x.js"])
def test_an_unknown_path_is_a_problem(shared_api: Api, path: str) -> None:
    response = shared_api.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.json()["code"] == "not_found"


def test_a_wrong_method_is_a_problem_that_names_the_right_one(shared_api: Api) -> None:
    response = shared_api.get("/v1/predict")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert response.json()["code"] == "method_not_allowed"


def test_a_wrong_parameter_is_named_without_what_was_sent(shared_api: Api) -> None:
    response = shared_api.get("/v1/incidents", params={"limit": "very-many", "state": "very-many"})
    assert response.status_code == 422
    assert {error["at"] for error in response.json()["errors"]} == {"query.limit", "query.state"}
    assert "very-many" not in response.text


def test_a_failure_nobody_named_is_one_problem_and_one_line_of_log_without_text(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Secret title")

    monkeypatch.setattr(api.service.parts.incidents, "find", fail)
    with capture_logs() as lines:
        response = api.get("/v1/incidents")
    assert response.status_code == 500
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.json()["code"] == "internal"
    failures = [line for line in lines if line["event"] == "unexpected failure"]
    assert len(failures) == 1
    assert failures[0]["kind"] == "RuntimeError"
    assert "test_problems.py" in failures[0]["at"]
    assert "Secret" not in str(lines) + response.text
    assert api.metric("triage_failures_total", code="unexpected") == 1


def test_a_page_that_fails_says_so_to_people(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("Secret title")

    monkeypatch.setattr(api.service.parts.oncall, "find", fail)
    with capture_logs() as lines:
        response = api.get("/oncall")
    assert response.status_code == 500
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "The failure was logged; nothing was changed." in response.text
    assert [line["kind"] for line in lines if line["event"] == "unexpected failure"] == ["RuntimeError"]
    assert "Secret" not in str(lines) + response.text
    assert api.metric("triage_failures_total", code="unexpected") == 1


def test_a_failure_with_a_name_is_logged_and_counted_too(api: Api) -> None:
    with api.service.parts.database.connection() as db:
        db.execute("ALTER TABLE timeline RENAME TO elsewhere")
    with capture_logs() as lines:
        response = api.post("/v1/incidents", event(title="Secret title"))
    assert response.status_code == 500
    assert response.json()["code"] == "store_refused"
    assert [line["code"] for line in lines if line["event"] == "failure"] == ["store_refused"]
    assert "Secret" not in str(lines) + response.text
    assert api.metric("triage_failures_total", code="store_refused") == 1


def test_requests_are_counted_by_route_and_never_by_identifier(api: Api) -> None:
    api.get("/v1/incidents/0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11")
    api.send("BREW", "/v1/incidents").result()
    assert api.metric("triage_http_requests_total", route="/v1/incidents/{incident_id}", status="404") == 1
    assert api.metric("triage_http_requests_total", method="other") == 1
    assert "0f5c9d6e" not in api.get("/metrics").text
