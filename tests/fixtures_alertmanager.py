"""A real Alertmanager that sends its groups to a service, and ``amtool`` to put alerts into it."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures_service import PATIENCE, Service, free_port, open_folder

PROGRAM, TOOL = "prometheus-alertmanager", "amtool"


class Alertmanager:
    """One process, with no word to any other. It groups by name of the alert, and repeats itself every second."""

    def __init__(self, folder: Path, service: Service, webhook: dict[str, Any]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = folder / "alertmanager.log"
        receiver = {"url": f"{service.url}/v1/sources/alertmanager", "send_resolved": True, **webhook}
        route = {"group_wait": "500ms", "group_interval": "1s", "repeat_interval": "1s"}
        configuration = {
            "route": {"receiver": "triage", "group_by": ["alertname"], **route},
            "receivers": [{"name": "triage", "webhook_configs": [receiver]}],
        }
        file = folder / "alertmanager.yml"
        file.write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    PROGRAM,
                    f"--config.file={file}",
                    f"--storage.path={folder / 'storage'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                    "--cluster.listen-address=",
                ],
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self._log.read_text()
            try:
                if httpx.get(f"{self.url}/-/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"Alertmanager is not ready\n{self._log.read_text()}")

    def amtool(self, *arguments: str) -> None:
        done = subprocess.run(
            [TOOL, f"--alertmanager.url={self.url}", *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def add(self, name: str, *, summary: str = "", start: str = "", end: str = "", **labels: str) -> None:
        """``start`` and ``end`` as in RFC 3339; an alert with an ``end`` in the past is resolved."""
        options = [f"--{option}={value}" for option, value in (("start", start), ("end", end)) if value]
        pairs = [f"{label}={value}" for label, value in {"alertname": name, **labels}.items()]
        self.amtool("alert", "add", f"--annotation=summary={summary or name}", *options, *pairs)

    def put(self, *alerts: dict[str, Any]) -> None:
        """Alerts as Prometheus puts them, for what no command line can carry."""
        httpx.post(f"{self.url}/api/v2/alerts", json=alerts, timeout=PATIENCE).raise_for_status()

    def notifications(self, outcome: str) -> float:
        """How many were ``sent``, or ``failed``."""
        wanted = {"sent": "alertmanager_notifications_total", "failed": "alertmanager_notifications_failed_total"}
        text = httpx.get(f"{self.url}/metrics").text
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(s.value for s in samples if s.name == wanted[outcome] and s.labels["integration"] == "webhook")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class StartAlertmanager(Protocol):
    """``webhook``: further settings of the receiver, as in Alertmanager's configuration."""

    def __call__(self, service: Service, **webhook: Any) -> Alertmanager: ...


@pytest.fixture(scope="module")
def start_alertmanager() -> Iterator[StartAlertmanager]:
    """They live as long as the tests of one module."""
    made: list[Alertmanager] = []
    with open_folder() as root:

        def start(service: Service, **webhook: Any) -> Alertmanager:
            folder = root / f"{len(made)}"
            folder.mkdir()
            made.append(Alertmanager(folder, service, webhook))
            made[-1].wait_until_ready()
            return made[-1]

        yield start
        for one in made:
            one.stop()
