"""What every way in has in common: a body read within limits, and a payload carried out or, failing that, kept."""

import asyncio
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from triage.domain.access import Principal
from triage.domain.delivery import Delivery
from triage.errors import Busy, StoreUnavailable, TooLarge, TooSlow
from triage.serving.service import Service
from triage.settings import Settings
from triage.triager import Outcome


async def read_bytes(request: Request, settings: Settings, most: int) -> bytes:
    """The body of at most ``most`` bytes. Raises TooLarge as soon as it is known to be longer, TooSlow when it has
    not arrived in time."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > most):
        raise _too_large(most)
    try:
        async with asyncio.timeout(settings.body_timeout):
            return await _gather(request, most)
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {settings.body_timeout:g} seconds") from None


async def _gather(request: Request, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is too long: at most {most} bytes are accepted")


async def carry_out(
    service: Service, route: str, body: bytes, headers: Mapping[str, str], principal: Principal, delivery: Delivery
) -> list[Outcome] | str:
    """The outcomes of a delivery, or, while the database is away or too much waits for it, the spool's receipt.

    What its sender sends next goes to the spool too, behind it: nothing goes past the spool until it is empty.
    Raises SpoolFull, and Conflict for a key that was used with another content.
    """
    in_doubt = None
    await service.let_drain()
    if not service.spooling:
        try:
            return await service.deliver(delivery)
        except StoreUnavailable as error:
            if not service.spooling:
                raise
            in_doubt = error.in_doubt
        except Busy:
            service.spooling = True
    return await run_in_threadpool(service.keep, route, body, headers, principal, in_doubt)
