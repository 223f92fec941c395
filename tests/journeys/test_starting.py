"""Starting: how long it takes, what the service loads, and what it says when it cannot work."""

from collections.abc import Callable
from pathlib import Path

from tests.fixtures_service import Service, StartService

HEAVY = ("torch", "transformers", "onnx/", "onnxscript", "sentencepiece")
"""What belongs to training. ``onnxruntime`` is what the service runs the encoder with."""


Measure = Callable[[str, object], None]


def test_it_is_alive_then_ready(start_service: StartService, record_property: Measure) -> None:
    service = start_service(started=False, embedded=True)
    for state in ("new", "existing"):
        service.launch()
        alive = service.wait_until(lambda: service.get("/livez").status_code == 200, "alive")
        ready = service.wait_until(lambda: service.readyz().status_code == 200, "ready")
        record_property(f"seconds to alive and ready with {state} embedded database", f"{alive:.2f}, {ready:.2f}")
        assert service.stop() == 0


def loaded(service: Service) -> str:
    """The shared libraries of a process."""
    return Path(f"/proc/{service.pid}/maps").read_text()
