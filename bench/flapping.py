"""An hour of a real Prometheus and a real Alertmanager whose rules flap, kept as the webhook bodies they send.

    python -m bench.flapping --minutes 60 --output bench/flapping.jsonl.gz [--seed 14]

Needs the Debian packages prometheus and prometheus-alertmanager. A small shop is made up (services, hosts,
databases, queues, pods, certificates) and its metrics are served by this process; Prometheus scrapes them and
judges ``RULES``; Alertmanager groups and sends. Each line written is ``{"at": ..., "webhook": ...}``: when the
body arrived, and the body byte by byte. The metrics are the same for the same seed; the bodies are not, for when a
scrape falls is up to Prometheus. Nothing in them names this machine.
"""

import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click

from bench.flapping_estate import Estate
from bench.flapping_rules import RULES, alertmanager_configuration, prometheus_configuration

PROMETHEUS, ALERTMANAGER = "prometheus", "prometheus-alertmanager"
EXTERNAL = {PROMETHEUS: "http://prometheus.example:9090", ALERTMANAGER: "http://alertmanager.example:9093"}
PATIENCE = 30.0

Answer = Callable[[str, bytes], tuple[int, bytes]]
"""From path with query, and body, to status and content."""


class Capture:
    """Every body as it comes, one a line; closed by whoever opened the file."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.bodies = 0
        self.size = 0
        self.alerts: Counter[tuple[str, str]] = Counter()
        self.fingerprints: set[str] = set()

    def take(self, body: bytes) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        alerts = json.loads(body)["alerts"]
        line = b'{"at":"%s","webhook":%s}\n' % (at.encode(), body.strip())
        with self._lock:
            self.size += self._file.write(line)
            self.bodies += 1
            self.alerts.update((alert["labels"]["alertname"], alert["status"]) for alert in alerts)
            self.fingerprints.update(alert["fingerprint"] for alert in alerts)

    def save(self) -> None:
        """What came so far can be read even if this process is killed."""
        with self._lock:
            self._file.flush()

    def headline(self) -> str:
        return (
            f"{self.bodies} bodies, {self.alerts.total()} alerts,"
            f" {len(self.fingerprints)} distinct fingerprints, {self.size / 1e6:.1f} MB unpacked"
        )

    def table(self) -> Iterator[str]:
        yield f"{'alertname':<24}{'firing':>8}{'resolved':>10}"
        for name in sorted({name for name, _ in self.alerts}):
            yield f"{name:<24}{self.alerts[name, 'firing']:>8}{self.alerts[name, 'resolved']:>10}"


@contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """The port of a server on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and content in one packet

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - as the standard library wants them

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextmanager
def running(folder: Path, program: str, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port and the process of a ready Prometheus or Alertmanager, on one core and known as in ``EXTERNAL``."""
    port = free_port()
    command = [program, f"--web.listen-address=127.0.0.1:{port}", f"--web.external-url={EXTERNAL[program]}"]
    log = folder / f"{program}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--log.level=warn", *options],
            cwd=folder,
            env={**os.environ, "GOMAXPROCS": "1"},
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_until_ready(process, port, log)
        yield port, process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise SystemExit(f"not ready:\n{log.read_text(encoding='utf-8')[-2000:]}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@click.command(help=__doc__)
@click.option("--minutes", type=click.FloatRange(min=0.5), default=60, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--seed", type=int, default=14, show_default=True)
def main(minutes: float, output: Path, seed: int) -> None:
    for program in (PROMETHEUS, ALERTMANAGER):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed")
    signal.signal(signal.SIGTERM, lambda *_: exit_by_signal())
    with gzip.open(output, "wb", compresslevel=9) as file:
        capture = Capture(file)
        watch(Estate(seed, int(minutes * 60) + 60, time.time()), capture, minutes)
    print(f"end: {capture.headline()}, {output.stat().st_size / 1e6:.2f} MB packed")
    print("\n".join(capture.table()), flush=True)


def exit_by_signal() -> None:
    raise SystemExit("ended by a signal; what came so far is kept")


def watch(estate: Estate, capture: Capture, minutes: float) -> None:
    """Everything is stopped at the end, however that comes."""

    def scrape(path: str, _: bytes) -> tuple[int, bytes]:
        text = estate.text(parse_qs(urlsplit(path).query)["target"][0])
        return (503, b"") if text is None else (200, text.encode())

    def take(_: str, body: bytes) -> tuple[int, bytes]:
        capture.take(body)
        return 200, b""

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-flapping-")))
        exporter, hook = stack.enter_context(serving(scrape)), stack.enter_context(serving(take))
        write_json(folder / "alertmanager.yml", alertmanager_configuration(hook))
        options = ["--config.file=alertmanager.yml", "--storage.path=alerts", "--cluster.listen-address="]
        port, alerter = stack.enter_context(running(folder, ALERTMANAGER, *options))
        write_json(folder / "prometheus.yml", prometheus_configuration(estate, exporter, port))
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        options = ["--config.file=prometheus.yml", "--storage.tsdb.path=metrics"]
        _, scraper = stack.enter_context(running(folder, PROMETHEUS, *options))
        print(f"watching {len(estate.targets)} targets", flush=True)
        began, minute = time.monotonic(), 0
        while time.monotonic() - began < minutes * 60:
            time.sleep(1)
            if alerter.poll() is not None or scraper.poll() is not None:
                raise SystemExit("Prometheus or Alertmanager ended by itself")
            if time.monotonic() - began >= (minute + 1) * 60:
                minute += 1
                capture.save()
                print(f"minute {minute}: {capture.headline()}", flush=True)


def write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML


if __name__ == "__main__":
    main()
