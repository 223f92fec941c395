"""The service as people run it: a process of its own, started, asked, reloaded, killed, stopped.

What a service wrote to its log is shown with a failed test, and none outlives the test (or module) it belongs to.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures_store import CATALOGUE, POLICY
from triage.engine import SAID

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 30.0
"""Seconds that anything may take on a busy machine before a test gives up on it."""

_RUNNING: list["Service"] = []


class Service:
    """One service's settings and folders, and its process while it runs.

    Without ``database_url`` it has an embedded database of its own.
    """

    def __init__(self, home: Path, database_url: str | None = None, **settings: str | Path) -> None:
        self.home = home
        self.port = free_port()
        self.database_url = database_url
        self.config, self.models, self.data = home / "config", home / "models", home / "data"
        self.settings = dict(settings)
        self.process: subprocess.Popen[bytes] | None = None
        self.log_file = home / f"service-{self.port}.log"
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)
        self.started_at = 0.0

    @property
    def url(self) -> str:
        return str(self.client.base_url)

    @property
    def environment(self) -> dict[str, str]:
        """Settings as an operator gives them; none of this machine's own."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TRIAGE_", "PG"))}
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        given = {
            "DATA_DIR": self.data,
            "CONFIG_DIR": self.config,
            "MODELS_DIR": self.models,
            "PORT": self.port,
            "ENCODER_WORKERS": 1,
            **({"DATABASE_URL": self.database_url} if self.database_url else {}),
            **self.settings,
        }
        ours = {f"TRIAGE_{name}": str(value) for name, value in given.items()}
        return {**inherited, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", **ours}

    def write(self, catalogue: str = CATALOGUE, policy: str = POLICY) -> None:
        """Put a configuration into the folder, as an editor does."""
        self.config.mkdir(exist_ok=True)
        (self.config / "catalogue.yaml").write_text(catalogue, encoding="utf-8")
        (self.config / "escalation.yaml").write_text(policy, encoding="utf-8")

    def launch(self) -> None:
        """Start the process and return at once."""
        assert self.process is None
        self.started_at = time.monotonic()
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "triage", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=self.environment,
            )

    def start(self) -> "Service":
        """Start the process and wait until it is ready."""
        self.launch()
        self.wait_until(lambda: self.readyz().status_code == 200, "ready")
        return self

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
        """Seconds since the start of the process when ``condition`` came true. A refused connection is not yet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is None or self.process.poll() is None, f"the service ended\n{self.log}"
            try:
                if condition():
                    return time.monotonic() - self.started_at
            except httpx.TransportError:
                pass
            time.sleep(0.03)
        raise AssertionError(f"not {what} within {seconds:.0f} s\n{self.log}")

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """As the kernel does when memory runs out: no goodbye."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self) -> int:
        """As an operator does; the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def wait(self) -> int:
        """The exit code of a process that ends by itself."""
        assert self.process is not None
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> httpx.Response:
        return self.client.post(path, json=body, **options)

    def readyz(self) -> httpx.Response:
        return self.client.get("/readyz")

    @property
    def degraded(self) -> dict[str, str]:
        found: dict[str, str] = self.readyz().json()["degraded"]
        return found

    def fire(self, **fields: object) -> dict[str, Any]:
        """Send one event that must be carried out at once."""
        answer = self.post("/v1/incidents", event_body(**fields))
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def incidents(self, **query: str) -> list[dict[str, Any]]:
        """Newest first, at most 200."""
        answer = self.get("/v1/incidents", params={"limit": "200", **query})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["incidents"]
        return found

    def timeline(self, incident_id: str) -> list[str]:
        """What happened to an incident, oldest first, but for what its escalation did, which has its own time."""
        entries = self.get(f"/v1/incidents/{incident_id}/timeline").json()["timeline"]
        return [entry["kind"] for entry in entries if entry["kind"] not in SAID]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels; 0 where there is none."""
        text = self.get("/metrics").text
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    def triage(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the command line with this service's settings."""
        return self._run("triage", *arguments, **environment)

    def training(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """The same for the command line of those who make bundles."""
        return self._run("training", *arguments, **environment)

    def _run(self, module: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment | environment,
            timeout=60,
            check=False,
        )

    def end(self) -> None:
        """Leave nothing running, whatever the test did."""
        self.client.close()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class StartService(Protocol):
    """Makes a service with a small configuration; ``started`` false leaves the start to the test.

    ``home`` shares the folders of another service; ``embedded`` gives it a database server of its own.
    """

    def __call__(
        self,
        *,
        started: bool = True,
        embedded: bool = False,
        database_url: str | None = None,
        home: Path | None = None,
        **settings: str | Path,
    ) -> Service: ...


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder that the embedded server's account can reach also when root runs the tests, unlike pytest's."""
    path = Path(tempfile.mkdtemp(prefix="triage-test-", dir="/tmp"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def _services(new_database: Callable[[], str]) -> Iterator[StartService]:
    with open_folder() as root:
        made: list[Service] = []

        def start(
            *,
            started: bool = True,
            embedded: bool = False,
            database_url: str | None = None,
            home: Path | None = None,
            **settings: str | Path,
        ) -> Service:
            folder = home or root / f"{len(made)}"
            if not folder.exists():
                folder.mkdir(mode=0o711)
            url = None if embedded else database_url or new_database()
            service = Service(folder, url, **settings)
            if not service.config.exists():
                service.write()
            made.append(service)
            _RUNNING.append(service)
            return service.start() if started else service

        try:
            yield start
        finally:
            for service in made:
                _RUNNING.remove(service)
                service.end()
            _wait_for_servers_of(root)


def _wait_for_servers_of(root: Path) -> None:
    """An embedded server stops within moments of its last service, however that ended."""
    deadline = time.monotonic() + PATIENCE
    while any(str(root) in " ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < deadline, f"processes of {root} outlive their test"
        time.sleep(0.05)


@pytest.fixture
def start_service(new_database: Callable[[], str]) -> Iterator[StartService]:
    """Services that live as long as the test."""
    with _services(new_database) as start:
        yield start


@pytest.fixture(scope="module")
def start_shared(new_database: Callable[[], str]) -> Iterator[StartService]:
    """Services that the tests of one module share."""
    with _services(new_database) as start:
        yield start


@pytest.fixture
def service(start_service: StartService) -> Service:
    """A ready service with a database of its own on the shared server."""
    return start_service()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for service in _RUNNING:
            report.sections.append((f"log of the service on port {service.port}", service.log[-20_000:]))
    return report


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def event_body(**fields: object) -> dict[str, object]:
    """A readable default, changed where the test says so; None leaves a field out."""
    event = {
        "title": "Replication lag above 30 s on orders-db",
        "service": "orders-db",
        "environment": "production",
        "severity": "warning",
        "source": "monitor",
        **fields,
    }
    return {name: value for name, value in event.items() if value is not None}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests measured (``record_property``) without judging it: machines differ."""
    measured = [
        f"{name}: {value}"
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
    ]
    if measured:
        terminalreporter.section("measured")
        for line in measured:
            terminalreporter.line(line)
