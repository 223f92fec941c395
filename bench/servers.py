"""The two services as processes of their own on free loopback ports: started, timed, weighed and ended."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent
_POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Server:
    """``live_after`` and ``ready_after``: seconds from the start of the process to the first 200."""

    port: int
    pid: int
    live_after: float
    ready_after: float

    @property
    def resident_mib(self) -> float:
        """Of the service process alone; PostgreSQL's processes are its children and not counted."""
        return float(psutil.Process(self.pid).memory_info().rss) / 2**20

    def get(self, path: str) -> Any:
        status, content = _get(self.port, path)
        if status != 200:
            raise SystemExit(f"{path} answered {status}")
        return json.loads(content)


@contextmanager
def ours(data: Path, models: Path, log: Path, config: Path = REPOSITORY / "config") -> Iterator[Server]:
    """On an embedded database in ``data``. A degraded service is refused: its figures would not count."""
    environment = {
        "TRIAGE_DATA_DIR": str(data),
        "TRIAGE_MODELS_DIR": str(models),
        "TRIAGE_CONFIG_DIR": str(config),
        "TRIAGE_LOG_LEVEL": "WARNING",
    }
    port = _free_port()
    command = [sys.executable, "-m", "triage", "serve", "--port", str(port)]
    with _running(command, environment, port, log, ready_path="/readyz") as server:
        if degraded := server.get("/readyz")["degraded"]:
            raise SystemExit(f"the service is degraded: {degraded}")
        yield server


@contextmanager
def plain(model: Path, log: Path) -> Iterator[Server]:
    port = _free_port()
    command = [sys.executable, "-m", "bench.plain_service", "serve", str(model), str(port)]
    with _running(command, {}, port, log, ready_path="/livez") as server:
        yield server


@contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], port: int, log: Path, ready_path: str
) -> Iterator[Server]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    with log.open("ab") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**inherited, **environment},
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
        try:
            live_after = _wait(process, port, "/livez", started, log)
            ready_after = _wait(process, port, ready_path, started, log)
            yield Server(port, process.pid, live_after, ready_after)
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes], port: int, path: str, started: float, log: Path) -> float:
    while time.perf_counter() - started < 120:
        if process.poll() is not None:
            break
        try:
            status, _ = _get(port, path)
        except OSError:
            status = 0
        if status == 200:
            return time.perf_counter() - started
        time.sleep(_POLL_SECONDS)
    end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise SystemExit(f"{path} did not answer 200:\n{end}")


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
