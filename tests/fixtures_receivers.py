"""Real receivers of messages on this machine: a webhook and a mail server, well-behaved, slow, dead or lying."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fixtures_service import free_port


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found


@dataclass
class Hook:
    """A webhook's receiver. ``status``, ``answer`` and ``takes`` (seconds) say how it behaves."""

    port: int
    status: int = 200
    answer: str = "{key}"
    takes: float = 0.0
    slow_paths: dict[str, float] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def keys(self, path: str | None = None) -> list[str]:
        return [r.headers["idempotency-key"] for r in self.received if path is None or r.path == path]

    def paths(self) -> list[str]:
        return [r.path for r in self.received]


@contextmanager
def listening(port: int | None = None) -> Iterator[Hook]:
    hook = Hook(port or free_port())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            hook.received.append(Received(self.path, headers, content))
            time.sleep(hook.slow_paths.get(self.path, hook.takes))
            body = hook.answer.format(key=headers.get("idempotency-key", "")).encode()
            try:
                self.send_response(hook.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # whoever waited has gone

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", hook.port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    port: int
    mails: list[tuple[str, Message]] = field(default_factory=list)

    def to(self, address: str) -> list[Message]:
        return [mail for recipient, mail in self.mails if recipient == address]

    def texts(self, address: str) -> list[str]:
        """The plain text of each mail."""
        return [text_of(mail) for mail in self.to(address)]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails += [(recipient, message_from_bytes(content)) for recipient in envelope.rcpt_tos]
        return "250 taken"


def text_of(mail: Message) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/plain":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode()
    return ""


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    mailbox = Mailbox(free_port())
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening() as found:
        yield found


@pytest.fixture
def spare() -> Iterator[Hook]:
    """A second one, for who has two ways."""
    with listening() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as found:
        yield found
