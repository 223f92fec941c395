"""``/v1/sources/alertmanager``: what becomes of real and of broken webhooks."""

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.fixtures_api import Api

PATH = "/v1/sources/alertmanager"
PAYLOADS = Path(__file__).parents[1] / "sources" / "payloads"


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((PAYLOADS / f"alertmanager_{name}.json").read_bytes())
    return found


def sent(api: Api, body: object) -> dict[str, Any]:
    response = api.post(PATH, body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_firing_alert_opens_an_incident_and_its_resolve_ends_it(api: Api) -> None:
    fired = sent(api, payload("firing_single_amtool"))
    over = sent(api, payload("resolved_single_amtool"))
    assert (fired["accepted"], fired["rejected"], fired["results"][0]["status"]) == (1, 0, 201)
    assert over["results"][0]["incident_id"] == fired["results"][0]["incident_id"]
    assert over["results"][0]["state"] == "resolved"


def test_the_same_webhook_again_is_not_counted(api: Api) -> None:
    first, again = (sent(api, payload("firing_single_amtool"))["results"][0] for _ in range(2))
    assert (first["counted"], again["counted"]) == (True, False)
    assert api.count("occurrence") == 1


def test_of_a_partly_resolved_group_each_alert_speaks_for_itself(api: Api) -> None:
    group = payload("grouped_partly_resolved")
    firing = copy.deepcopy(group)
    for alert in firing["alerts"]:
        alert["status"] = "firing"
    opened = sent(api, firing)["results"]
    results = sent(api, group)["results"]
    told = [alert["status"] for alert in group["alerts"]]
    assert {"firing", "resolved"} == set(told)
    assert [r["incident_id"] for r in results] == [r["incident_id"] for r in opened]
    states = {r["incident_id"]: r["state"] for r, status in zip(results, told, strict=True) if status == "firing"}
    assert "resolved" not in states.values()


def test_a_truncated_group_says_how_many_it_lost(api: Api) -> None:
    answer = sent(api, payload("firing_single_amtool") | {"truncatedAlerts": 2})
    assert answer["omitted"] == 2
    assert api.metric("triage_source_omitted_events_total", source="alertmanager") == 2


def test_one_broken_alert_costs_the_others_nothing(api: Api) -> None:
    body = payload("firing_single_amtool")
    broken = {"status": "burning", "labels": {"alertname": "Secret"}}
    answer = sent(api, body | {"alerts": [broken, *body["alerts"], 7]})
    assert (answer["accepted"], answer["rejected"]) == (1, 2)
    assert api.count("dead_letter") == 2
    assert api.count("incident") == 1


GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"not json",
    b'{"alerts": 7}',
    b'{"alerts": [',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"alerts": [{}]}',
    b"1e999999",
]


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:20]))
def test_garbage_is_answered_2xx_and_kept_once_however_often_it_comes(api: Api, body: bytes) -> None:
    for _ in range(3):
        response = api.post_raw(PATH, body, content_type="text/plain")
        assert response.status_code == 200
        assert (response.json()["accepted"], response.json()["rejected"]) == (0, 1)
    with api.service.parts.database.connection() as db:
        rows = db.execute("SELECT source, times FROM dead_letter").fetchall()
    assert rows == [{"source": "alertmanager", "times": 3}]
    assert api.metric("triage_dead_letters_total", source="alertmanager") == 1


def test_no_text_of_garbage_reaches_the_answer_or_the_log(api: Api) -> None:
    with capture_logs() as lines:
        response = api.post_raw(PATH, b'{"alerts": [{"status": "open-sesame", "labels": {"a": "open-sesame"}}]}')
    assert "open-sesame" not in response.text + str(lines)


def test_another_garbage_is_another_letter(api: Api) -> None:
    for body in (b"one", b"two"):
        api.post_raw(PATH, body)
    assert api.metric("triage_dead_letters_total", source="alertmanager") == 2


def test_a_resolve_that_nobody_fired_is_answered_2xx(api: Api) -> None:
    answer = sent(api, payload("resolved_single_amtool"))
    assert (answer["accepted"], answer["results"][0]["status"]) == (1, 404)


def test_an_empty_group_is_nothing(api: Api) -> None:
    answer = sent(api, {"alerts": []})
    assert answer == {"accepted": 0, "rejected": 0, "omitted": 0, "results": []}


@pytest.mark.parametrize("name", ["nobody", "Alertmanager", "%2e%2e", "alertmanager%00", "ä"])
def test_a_source_nobody_knows_is_404(shared_api: Api, name: str) -> None:
    response = shared_api.post(f"/v1/sources/{name}", {})
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_an_alertmanager_needs_no_content_type(api: Api) -> None:
    body = orjson.dumps(payload("firing_single_amtool"))
    assert api.send("POST", PATH, content=body).result().json()["accepted"] == 1


def test_a_webhook_under_an_idempotency_key_is_carried_out_once(api: Api) -> None:
    body = orjson.dumps(payload("firing_single_amtool"))
    answers = [api.post_raw(PATH, body, idempotency_key="1").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["results"][0]["status"] == 201
