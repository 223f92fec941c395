"""What only a real socket shows: bodies in pieces, too late, too long or never; and the log after it."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from tests.fixtures_service import PATIENCE, Service, StartService, event_body

SECRET = "open-sesame"
HEAD = b"POST /v1/incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def running(start_shared: StartService) -> Service:
    return start_shared(BODY_TIMEOUT="0.5", MAX_BODY=str(64 * 1024))


def talk(service: Service, *pieces: bytes, pause: float = 0.0) -> bytes:
    """All that the service answers to these bytes until it closes the connection or pauses for a second."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE) as wire:
        for piece in pieces:
            wire.sendall(piece)
            time.sleep(pause)
        answer = b""
        wire.settimeout(PATIENCE)
        while chunk := wire.recv(65_536):
            answer += chunk
            wire.settimeout(1.0)
            if b'"code"' in answer or b'"counted"' in answer:
                break
        return answer


def lives(service: Service) -> bool:
    return service.get("/livez").status_code == 200


def test_a_body_in_pieces_without_a_length_is_read(running: Service) -> None:
    body = orjson.dumps(event_body(title="Sent in pieces"))

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    response = running.client.post("/v1/incidents", content=pieces(), headers={"content-type": "application/json"})
    assert response.status_code == 201
    assert response.json()["incident"]["title"] == "Sent in pieces"


def test_an_endless_body_is_cut_off_with_413(running: Service) -> None:
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    answer = talk(running, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 9)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert lives(running)


def test_a_body_of_two_megabytes_is_answered_and_not_cut_off(running: Service) -> None:
    response = running.post("/v1/incidents", {"title": SECRET, "description": "x" * 2_000_000})
    assert response.status_code == 413
    assert response.json()["code"] == "too_large"


def test_a_slow_body_is_408_and_its_connection_closed(running: Service) -> None:
    answer = talk(running, HEAD + b"Content-Length: 1000\r\n\r\n", *[b" "] * 3, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b"too_slow" in answer


def test_a_sender_that_asks_before_it_sends_is_told_to_go_on(running: Service) -> None:
    body = orjson.dumps(event_body(title="Asked first"))
    head = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = talk(running, head, body, pause=0.1)
    assert answer.startswith(b"HTTP/1.1 100 ")
    assert b"HTTP/1.1 201 " in answer


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n",
        b"POST /v1/incidents HTTP/9.9\r\n\r\n",
    ],
    ids=lambda request: repr(request[-30:]),
)
def test_what_is_not_http_is_refused_and_harms_nobody(running: Service, request_: bytes) -> None:
    answer = talk(running, request_)
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))
    assert lives(running)


def test_a_sender_that_hangs_up_amid_its_body_harms_nobody(running: Service) -> None:
    before = running.metric("triage_failures_total", code="unexpected")
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", running.port), timeout=PATIENCE) as wire:
            wire.sendall(HEAD + b'Content-Length: 1000\r\n\r\n{"title": "' + SECRET.encode())
    running.wait_until(lambda: running.metric("triage_http_requests_total", status="499") >= 20, "aware of them")
    assert running.metric("triage_failures_total", code="unexpected") == before


def test_a_connection_outlives_a_refused_request(running: Service) -> None:
    with httpx.Client(base_url=running.url) as client:
        assert client.post("/v1/incidents", json={}).status_code == 422
        assert client.post("/v1/incidents", json=event_body(title="After a refusal")).status_code in {200, 201}


def test_no_text_of_any_request_is_in_the_log(running: Service) -> None:
    bodies: list[object] = [
        event_body(title=SECRET, description=SECRET, labels={SECRET: SECRET}, dedup_key=SECRET),
        {"title": SECRET, SECRET: SECRET},
        {"event": "resolved", "dedup_key": SECRET + SECRET},
        [SECRET],
    ]
    for path in (
        "/v1/incidents",
        "/v1/predict",
        "/v1/incidents/batch",
        "/v1/sources/alertmanager",
        f"/v1/{SECRET}",
    ):
        for body in bodies:
            running.post(path, body, headers={"authorization": f"Bearer {SECRET}"} if body == [SECRET] else {})
    running.get("/v1/incidents", params={"q": SECRET, "cursor": SECRET})
    assert SECRET not in running.log
    assert SECRET not in running.get("/metrics").text


def test_without_a_token_no_other_address_is_listened_on(start_service: StartService) -> None:
    service = start_service(started=False, HOST="0.0.0.0")
    service.launch()
    assert service.wait() == 1
    (sentence,) = [line for line in service.log.splitlines() if line.startswith("Error: ")]
    assert "0.0.0.0" in sentence
    assert "TRIAGE_BOOTSTRAP_TOKEN" in sentence


def test_with_a_token_another_address_is_listened_on(start_service: StartService) -> None:
    service = start_service(started=False)
    made = service.triage("token", "create", "--role", "admin", "--person", "ann")
    assert made.returncode == 0, made.stderr
    service.settings["HOST"] = "0.0.0.0"
    service.start()
    assert service.get("/v1/incidents").status_code == 401
    headers = {"authorization": f"Bearer {made.stdout.strip()}"}
    service.wait_until(
        lambda: service.get("/v1/incidents", headers=headers).status_code == 200, "open to the token"
    )


def test_a_token_made_listed_and_revoked_from_the_command_line_holds_at_once(service: Service) -> None:
    made = service.triage("token", "create", "--role", "responder", "--person", "bob", "--json")
    token = orjson.loads(made.stdout)
    headers = {"authorization": f"Bearer {token['token']}"}
    service.wait_until(
        lambda: service.get("/v1/incidents", headers=headers).status_code == 200, "open to the token"
    )
    listed = service.triage("token", "list").stdout
    assert token["id"] in listed
    assert token["token"] not in listed
    assert service.triage("token", "revoke", token["id"]).returncode == 0
    service.wait_until(
        lambda: service.get("/v1/incidents", headers=headers).status_code == 401, "closed to the token"
    )
    assert token["token"] not in service.log


@pytest.mark.needs("chromium")
def test_the_documentation_shows_itself_in_a_browser_that_reaches_nobody_else(
    running: Service, tmp_path: Path
) -> None:
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    shut = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--virtual-time-budget=20000"]
    shown = subprocess.run(
        [*command, *shut, "--enable-logging=stderr", "--dump-dom", f"{running.url}/docs"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert 'data-path="/v1/incidents/{incident_id}/override"' in shown.stdout
    assert "CONSOLE" not in shown.stderr
