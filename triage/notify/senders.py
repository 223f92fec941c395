"""Carries a message to where a way ends: through Apprise, as a signed webhook, or into the record only.

Webhooks are signed as Standard Webhooks describe (https://www.standardwebhooks.com), so that receivers can check
them with the libraries there are.
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import apprise
import httpx

from triage import __version__
from triage.domain.catalogue import GatewayKind
from triage.domain.message import Outgoing
from triage.errors import DeliveryFailed
from triage.notify.ways import Target

MOST_READ = 64 * 1024
"""Bytes of a webhook's answer that are looked at."""
CONNECT_WITHIN = 10.0
AGENT = f"Triage/{__version__}"


def send(target: Target, outgoing: Outgoing, patience: float) -> None:
    """Returns once it was taken. ``patience``: seconds to wait for an answer. Raises DeliveryFailed, with a reason
    that holds neither address nor text."""
    kind = target.way.gateway.kind
    if kind is GatewayKind.RECORD:
        return
    if kind is GatewayKind.WEBHOOK:
        _post(target, outgoing, patience)
    else:
        _notify(target, outgoing, patience)


def _post(target: Target, outgoing: Outgoing, patience: float) -> None:
    content = json.dumps(outgoing.data, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Idempotency-Key": outgoing.key,
        **sign(target.secret, outgoing.key, int(time.time()), content),
    }
    timeout = httpx.Timeout(patience, connect=min(CONNECT_WITHIN, patience))
    until = time.monotonic() + patience
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=False) as client,
            client.stream("POST", target.url, content=content, headers=headers) as answer,
        ):
            if not answer.is_success:
                raise DeliveryFailed(f"answered with {answer.status_code}")
            if target.way.gateway.receipt and outgoing.key not in _read(answer, until):
                raise DeliveryFailed("its answer does not name the message's key, which it was asked to")
    except httpx.TimeoutException as error:
        raise DeliveryFailed(f"no answer within {patience:.0f} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise DeliveryFailed(f"cannot be reached ({type(error).__name__})") from error


def _read(answer: httpx.Response, until: float) -> str:
    """The beginning of an answer: whoever sends it byte by byte is not listened to for ever."""
    read = b""
    for part in answer.iter_bytes():
        read += part
        if len(read) >= MOST_READ or time.monotonic() > until:
            break
    return read.decode("utf-8", "replace")


def sign(secret: str, key: str, at: int, content: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks. ``secret``: ``whsec_`` and base64, or any other text as it is; ``at``:
    seconds since 1970."""
    signed = f"{key}.{at}.".encode() + content
    digest = hmac.new(_secret_bytes(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": key,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _secret_bytes(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise DeliveryFailed("the webhook's secret begins with whsec_ and is no base64") from None
    return secret.encode()


def _notify(target: Target, outgoing: Outgoing, patience: float) -> None:
    plugin = apprise.Apprise.instantiate(target.url, asset=ASSET, suppress_exceptions=True)
    if plugin is None:
        raise DeliveryFailed("its address is of no service that Apprise knows; a webhook needs a gateway")
    plugin.socket_connect_timeout = min(CONNECT_WITHIN, patience)
    plugin.socket_read_timeout = patience
    headers = getattr(plugin, "headers", None)
    if isinstance(headers, dict):
        headers["Idempotency-Key"] = outgoing.key
    carrier = apprise.Apprise(asset=ASSET)
    carrier.add(plugin)
    short = target.way.gateway.short
    with _listening() as heard:
        taken = carrier.notify(
            body=outgoing.short if short else outgoing.body,
            title="" if short else outgoing.title,
            notify_type=apprise.NotifyType.FAILURE if outgoing.urgent else apprise.NotifyType.INFO,
            body_format=apprise.NotifyFormat.TEXT,
        )
    if not taken:
        raise DeliveryFailed(_reason(heard))


ASSET = apprise.AppriseAsset(
    app_id="Triage", app_desc="Incident triage", app_url="", async_mode=False, secure_logging=True
)
_STATUS = re.compile(r"\berror=(\d{3})\b")


def _reason(heard: list[str]) -> str:
    """What Apprise logs may hold addresses, so only the number of an answer is taken from it."""
    statuses = [match.group(1) for line in heard if (match := _STATUS.search(line))]
    return f"answered with {statuses[-1]}" if statuses else "the service did not take it, or cannot be reached"


class _Ear(logging.Handler):
    """Hears what Apprise logs on the thread that is sending."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._heard = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        lines: list[str] | None = getattr(self._heard, "lines", None)
        if lines is not None:
            lines.append(record.getMessage())

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        self._heard.lines = lines = list[str]()
        try:
            yield lines
        finally:
            self._heard.lines = None


_EAR = _Ear()
_listening = _EAR.listening
# Addresses and texts are in what it logs.
_APPRISE = logging.getLogger("apprise")
_APPRISE.addHandler(_EAR)
_APPRISE.setLevel(logging.INFO)
_APPRISE.propagate = False
