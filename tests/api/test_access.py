"""Who may do what, and how a token lives and ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from tests.fixtures_api import ELSEWHERE, Api, OpenApi, event
from triage.domain.access import Role
from triage.store.tokens import Tokens

ONE = "/v1/incidents/{id}"
NOBODY = "0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11"
NEEDS: list[tuple[Role, str, str, Any]] = [
    (Role.SOURCE, "POST", "/v1/predict", event()),
    (Role.SOURCE, "POST", "/v1/predict?record=true", event()),
    (Role.SOURCE, "POST", "/v1/predict/batch", {"incidents": [event()]}),
    (Role.SOURCE, "POST", "/v1/incidents", event()),
    (Role.SOURCE, "POST", "/v1/incidents/batch", {"incidents": [event()]}),
    (Role.SOURCE, "POST", "/v1/incidents/resolve", {"dedup_key": "never seen"}),
    (Role.SOURCE, "POST", "/v1/sources/alertmanager", {"alerts": []}),
    (Role.RESPONDER, "GET", "/v1/incidents", None),
    (Role.RESPONDER, "GET", ONE, None),
    (Role.RESPONDER, "GET", f"{ONE}/timeline", None),
    (Role.RESPONDER, "GET", f"{ONE}/similar", None),
    (Role.RESPONDER, "POST", f"{ONE}/acknowledge", None),
    (Role.RESPONDER, "POST", f"{ONE}/status", {"status": "triaging"}),
    (Role.RESPONDER, "POST", f"{ONE}/resolve", None),
    (Role.REVIEWER, "POST", f"{ONE}/override", {"priority": "P2"}),
    (Role.RESPONDER, "GET", "/v1/patterns", None),
    (Role.RESPONDER, "GET", f"/v1/patterns/{NOBODY}", None),
    (Role.RESPONDER, "GET", "/v1/silences", None),
    (Role.RESPONDER, "DELETE", f"/v1/silences/{NOBODY}", None),
    (Role.RESPONDER, "POST", f"/v1/patterns/{NOBODY}/silence", {"for": "PT1H", "reason": "a trial"}),
    (Role.REVIEWER, "POST", f"/v1/patterns/{NOBODY}/merge", {"pattern": NOBODY}),
    (Role.REVIEWER, "POST", f"/v1/patterns/{NOBODY}/split", {"incidents": [NOBODY]}),
    (Role.REVIEWER, "POST", f"/v1/patterns/{NOBODY}/not-the-same", {"pattern": NOBODY}),
    (Role.REVIEWER, "POST", f"/v1/patterns/{NOBODY}/known-fix", {"fix": "a trial"}),
    (Role.REVIEWER, "POST", f"/v1/patterns/{NOBODY}/name", {"name": "a trial"}),
    (Role.REVIEWER, "POST", "/v1/patterns/changes/1/undo", None),
    (Role.ENGINEER, "GET", "/v1/models", None),
    (Role.ENGINEER, "POST", "/v1/models/promote", {"version": "none there", "reason": "a trial"}),
    (Role.ENGINEER, "POST", "/v1/models/rollback", {"reason": "a trial"}),
    (Role.ENGINEER, "GET", "/v1/models/shadow", None),
    (Role.ENGINEER, "GET", "/v1/models/drift", None),
    (Role.ENGINEER, "POST", "/v1/models/shadow", {"version": "none there", "reason": "a trial"}),
]
OPEN = ["/livez", "/readyz", "/version", "/metrics", "/docs", "/openapi.json"]


@pytest.fixture(scope="module")
def tokens(shared_api: Api) -> dict[Role, str]:
    return {
        role: shared_api.issue(role, "source:monitor" if role is Role.SOURCE else "person:ann") for role in Role
    }


@pytest.fixture(scope="module")
def incident(shared_api: Api, tokens: dict[Role, str]) -> str:
    with shared_api.with_token(tokens[Role.ADMIN]):
        found: str = shared_api.fire(title="What the matrix acts on")["incident"]["id"]
    return found


def ask(api: Api, method: str, path: str, body: Any, incident: str, **headers: str) -> int:
    options = {"json": body} if body is not None else {}
    response = api.send(method, path.replace("{id}", incident), headers=headers, **options).result()
    if response.status_code in {401, 403}:
        assert response.headers["content-type"] == "application/problem+json"
    return response.status_code


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize(("needed", "method", "path", "body"), NEEDS, ids=lambda value: str(value)[:40])
def test_a_role_may_do_what_it_includes_and_nothing_else(
    shared_api: Api,
    tokens: dict[Role, str],
    incident: str,
    role: Role,
    needed: Role,
    method: str,
    path: str,
    body: Any,
) -> None:
    status = ask(shared_api, method, path, body, incident, authorization=f"Bearer {tokens[role]}")
    allowed = list(Role).index(role) >= list(Role).index(needed)
    assert (status != 403) == allowed
    assert status not in {401, 500}


@pytest.mark.parametrize(
    "header", ["Basic YTpi", "Bearer", "Bearer ", "Bearer unknown", "token", "Bearer ä\x80", ""]
)
@pytest.mark.parametrize(("needed", "method", "path", "body"), NEEDS[::4], ids=lambda value: str(value)[:40])
def test_without_a_valid_token_nothing_is_answered(
    shared_api: Api, incident: str, needed: Role, method: str, path: str, body: Any, header: str
) -> None:
    headers = {"authorization": header.encode("latin-1")} if header else {}
    options = {"json": body} if body is not None else {}
    response = shared_api.send(method, path.replace("{id}", incident), headers=headers, **options).result()
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["code"] == "unauthenticated"


def test_the_scheme_is_read_in_any_case(shared_api: Api, tokens: dict[Role, str]) -> None:
    for scheme in ("bearer", "BEARER"):
        headers = {"authorization": f"{scheme} {tokens[Role.ADMIN]}"}
        assert shared_api.get("/v1/incidents", headers=headers).status_code == 200


@pytest.mark.parametrize("path", OPEN)
def test_health_and_documentation_need_no_token(shared_api: Api, tokens: dict[Role, str], path: str) -> None:
    assert shared_api.get(path).status_code == 200


def test_a_refused_token_is_neither_repeated_nor_logged(shared_api: Api, tokens: dict[Role, str]) -> None:
    with capture_logs() as lines:
        response = shared_api.get("/v1/incidents", headers={"authorization": "Bearer triage_0000_open-sesame"})
    assert "open-sesame" not in response.text + str(lines)


def test_a_source_speaks_for_itself_whatever_it_claims(api: Api) -> None:
    mine, other = (api.issue(Role.SOURCE, f"source:{name}") for name in ("mine", "other"))
    with api.with_token(other):
        theirs = api.fire(source="mine", dedup_key="lag", title="Something of theirs", service=None)["incident"]
    assert theirs["source"] == "other"
    with api.with_token(mine):
        spoken = {"event": "resolved", "dedup_key": "lag", "source": "other"}
        assert api.post("/v1/incidents", spoken).status_code == 404
        assert api.post("/v1/incidents/resolve", {"dedup_key": "lag", "source": "other"}).status_code == 404
        results = api.post("/v1/incidents/batch", {"incidents": [spoken]}).json()["results"]
        assert results[0]["status"] == 404
    with api.with_token(other):
        over = api.post("/v1/incidents/resolve", {"dedup_key": "lag"})
    assert (over.status_code, over.json()["incident"]["id"]) == (200, theirs["id"])


def test_two_sources_may_use_the_same_idempotency_key(api: Api) -> None:
    for name in ("mine", "other"):
        with api.with_token(api.issue(Role.SOURCE, f"source:{name}")):
            sent = event(title=f"Of {name}", service=None)
            assert api.post("/v1/incidents", sent, headers={"Idempotency-Key": "1"}).status_code == 201


def test_a_revoked_token_ends_at_once(api: Api) -> None:
    kept, lost = api.issue(Role.ADMIN, "person:ann"), api.issue(Role.ADMIN, "person:bob")
    store = Tokens(api.service.parts.database)
    store.revoke(next(record.id for record in store.read_all() if record.owner == "person:bob"))
    api.wait_until(lambda: status_with(api, lost) == 401)
    assert status_with(api, kept) == 200


def test_a_token_ends_at_its_time(api: Api) -> None:
    lasting = api.issue(Role.ADMIN, "person:bob")
    brief = api.issue(Role.ADMIN, "person:ann", expires_at=datetime.now(UTC) + timedelta(seconds=0.5))
    assert status_with(api, brief) == 200
    api.wait_until(lambda: status_with(api, brief) == 401)
    assert status_with(api, lasting) == 200


def status_with(api: Api, token: str) -> int:
    return api.get("/v1/incidents?limit=1", headers={"authorization": f"Bearer {token}"}).status_code


def test_the_end_of_the_last_token_opens_no_door(api: Api) -> None:
    assert api.get("/v1/incidents").status_code == 200
    only = api.issue(Role.ADMIN, "person:ann")
    store = Tokens(api.service.parts.database)
    store.revoke(store.read_all()[0].id)
    api.wait_until(lambda: status_with(api, only) == 401)
    assert api.get("/v1/incidents").status_code == 401


def test_the_database_never_holds_a_secret(api: Api) -> None:
    secret = api.issue(Role.ADMIN, "person:ann")
    with api.service.parts.database.connection() as db:
        stored = str(db.execute("SELECT * FROM token").fetchall())
    for part in (secret, secret.split("_", 2)[2], secret.encode().hex()):
        assert part not in stored


def test_a_service_that_nobody_has_a_token_for_serves_this_machine_only(open_api: OpenApi) -> None:
    api = open_api()
    assert api.get("/v1/incidents").status_code == 200
    api.client_address = ELSEWHERE
    assert api.get("/v1/incidents").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "[::1"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
    ],
    ids=str,
)
def test_a_web_page_of_another_site_is_refused_without_tokens(open_api: OpenApi, headers: dict[str, str]) -> None:
    api = open_api()
    response = api.post("/v1/incidents", event(), headers=headers)
    assert response.status_code == 403
    assert api.count("incident") == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8080"},
        {"host": "[::1]:8080"},
        {"host": "triage.localhost"},
        {"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:8080"},
    ],
    ids=str,
)
def test_programs_and_our_own_pages_are_served_without_tokens(shared_open: Api, headers: dict[str, str]) -> None:
    assert shared_open.get("/v1/incidents", headers=headers).status_code == 200


@pytest.fixture
def shared_open(open_api: OpenApi) -> Api:
    return open_api()


def test_a_token_is_enough_for_a_service_behind_a_proxy(api: Api) -> None:
    token = api.issue(Role.ADMIN, "person:ann")
    api.client_address = ELSEWHERE
    headers = {"host": "triage.example", "origin": "https://triage.example", "authorization": f"Bearer {token}"}
    assert api.get("/v1/incidents", headers=headers).status_code == 200


def test_the_bootstrap_token_is_an_administrators(open_api: OpenApi) -> None:
    api = open_api(bootstrap_token=SecretStr("from-a-vault-with-many-characters"))
    api.wait_until(lambda: status_with(api, "from-a-vault-with-many-characters") == 200)
    assert api.get("/v1/incidents").status_code == 401
    assert "from-a-vault" not in repr(api.settings)


def test_the_bootstrap_token_may_come_from_a_file(open_api: OpenApi, tmp_path: Any) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file-with-many-characters\n")
    api = open_api(bootstrap_token_file=file)
    api.wait_until(lambda: status_with(api, "from-a-file-with-many-characters") == 200)


def test_a_service_with_a_bootstrap_token_may_listen_to_all(open_api: OpenApi) -> None:
    api = open_api(host="0.0.0.0", bootstrap_token=SecretStr("from-a-vault-with-many-characters"))
    api.client_address = ELSEWHERE
    headers = {"host": "triage.example", "authorization": "Bearer from-a-vault-with-many-characters"}
    api.wait_until(lambda: api.get("/v1/incidents", headers=headers).status_code == 200)
    assert api.get("/v1/incidents").status_code == 401


def test_a_service_without_a_token_refuses_any_address_but_loopback(open_api: OpenApi) -> None:
    api = open_api(host="0.0.0.0", ready=False)
    assert api.get("/v1/incidents").status_code in {401, 503}
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while not api.fatal and datetime.now(UTC) < deadline:
        assert api.get("/v1/incidents").status_code in {401, 503}
    assert len(api.fatal) == 1
    assert "0.0.0.0" in api.fatal[0]
    assert "TRIAGE_BOOTSTRAP_TOKEN" in api.fatal[0]


def test_a_bootstrap_file_that_cannot_be_read_ends_the_service(open_api: OpenApi, tmp_path: Any) -> None:
    api = open_api(bootstrap_token_file=tmp_path / "absent", ready=False)
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while not api.fatal and datetime.now(UTC) < deadline:
        api.get("/livez")
    assert "TRIAGE_BOOTSTRAP_TOKEN_FILE" in api.fatal[0]


def test_known_tokens_are_kept_in_a_file_for_the_owner_only(open_api: OpenApi) -> None:
    api = open_api()
    secret = api.issue(Role.RESPONDER, "person:ann")
    file = api.settings.data_dir / "tokens.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret not in file.read_text()
    assert secret.rpartition("_")[2] not in file.read_text()


def test_a_service_that_starts_without_its_database_knows_its_tokens(open_api: OpenApi) -> None:
    first = open_api()
    token = first.issue(Role.SOURCE, "source:monitor")
    away = SecretStr("postgresql://nobody@127.0.0.1:9/none?connect_timeout=1")
    second = open_api(ready=False, database_url=away)
    second.wait_until(lambda: second.service.has_parts)
    headers = {"authorization": f"Bearer {token}"}
    assert second.post("/v1/incidents", event(), headers={"authorization": "Bearer other"}).status_code == 401
    response = second.post("/v1/incidents", event(), headers=headers)
    assert response.status_code == 202
    assert response.json()["receipt"].startswith("spool1-")
    assert second.get("/v1/incidents", headers=headers).status_code == 403
