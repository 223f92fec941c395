"""Starting: how long it takes, what the service loads, and what it says when it cannot work."""

from collections.abc import Callable
from pathlib import Path

from tests.fixtures_service import Service, StartService, event_body

Measure = Callable[[str, object], None]

TRAINING_ONLY = ("/torch/", "/transformers/", "/sentence_transformers/", "/onnx/", "/onnxscript/", "/pyarrow/")
"""Packages whose libraries would be mapped. ``onnxruntime`` is what the service runs the encoder with."""


def test_it_is_alive_then_ready(start_service: StartService, record_property: Measure) -> None:
    service = start_service(started=False, embedded=True)
    for state in ("new", "existing"):
        service.launch()
        alive = service.wait_until(lambda: service.get("/livez").status_code == 200, "alive")
        ready = service.wait_until(lambda: service.readyz().status_code == 200, "ready")
        record_property(f"seconds to alive and ready with {state} embedded database", f"{alive:.2f}, {ready:.2f}")
        assert service.stop() == 0


def test_a_serving_process_holds_nothing_of_training(
    start_service: StartService, trained_bundle: Path, record_property: Measure
) -> None:
    service = start_service(MODELS_DIR=trained_bundle.parent)
    decision = service.fire()["decision"]
    assert decision["versions"]["bundle"] == trained_bundle.name
    service.post("/v1/predict/batch", {"incidents": [event_body(title=f"Text {n}") for n in range(20)]})
    assert service.get("/openapi.json").status_code == 200
    maps = Path(f"/proc/{service.pid}/maps").read_text()
    assert "/onnxruntime/" in maps
    assert [package for package in TRAINING_ONLY if package in maps] == []
    record_property("resident memory in MB of a service with a trained bundle", resident_megabytes(service))


def resident_megabytes(service: Service) -> int:
    status = Path(f"/proc/{service.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def test_it_listens_for_others_only_once_there_is_a_token(start_service: StartService) -> None:
    service = start_service(started=False, HOST="0.0.0.0")
    service.launch()
    assert service.wait() == 1
    assert "no token exists" in service.log
    assert service.log.count("Error:") == 1
    made = service.triage("token", "create", "--role", "admin", "--person", "ann")
    assert made.returncode == 0, made.stderr
    service.client.headers["Authorization"] = f"Bearer {made.stdout.strip()}"
    service.start()
    assert service.fire()["joined"] is False
    assert service.get("/v1/incidents", headers={"Authorization": "Bearer guessed"}).status_code == 401


def test_a_database_that_never_answers_does_not_keep_it_from_being_alive(start_service: StartService) -> None:
    service = start_service(started=False, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    service.launch()
    service.wait_until(lambda: service.get("/livez").status_code == 200, "alive")
    service.wait_until(lambda: "cannot be reached" in service.degraded.get("database", ""), "degraded")
    assert service.readyz().status_code == 503
    assert service.post("/v1/predict", event_body()).status_code == 503
    assert service.stop() == 0


def test_a_setting_that_cannot_be_used_is_named(start_service: StartService) -> None:
    service = start_service(started=False)
    refused = service.triage("serve", TRIAGE_PORT="many")
    assert refused.returncode == 2
    assert refused.stderr.startswith("TRIAGE_PORT: ")
    assert "Traceback" not in refused.stderr
