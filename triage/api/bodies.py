"""Reading what a request carries, within limits, and writing what it is answered with."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from triage.errors import InvalidIncident, UnsupportedMedia
from triage.serving.service import Service
from triage.serving.taking_in import read_bytes
from triage.settings import Settings
from triage.sources.faults import faults_of
from triage.sources.payload import read_json

JSON = "application/json"

LARGE = 64 * 1024
"""Bytes; more of them, read or written on the event loop, would keep everybody else waiting."""

DECIDED = 4 * 1024
"""About how many bytes an event takes in an answer, with its decision."""

B = TypeVar("B", bound=BaseModel)
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def read_body(request: Request, settings: Settings, limit: int) -> bytes:
    """The body of at most ``limit`` bytes.

    Raises TooLarge as soon as it is known to be longer, TooSlow when it has not arrived in time,
    UnsupportedMedia when it is compressed.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("send the body as it is, without Content-Encoding")
    return await read_bytes(request, settings, limit)


async def read_json_body(request: Request, settings: Settings, limit: int) -> bytes:
    """The body of a request that says it is JSON. Raises UnsupportedMedia and what ``read_body`` raises."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON and not kind.endswith("+json"):
        raise UnsupportedMedia("send JSON with the header Content-Type: application/json")
    return await read_body(request, settings, limit)


async def read_fields(request: Request, settings: Settings, model: type[B]) -> B:
    """A small body; an absent one is an empty object. Raises InvalidIncident and what reading a body raises."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        body = b""
    else:
        body = await read_json_body(request, settings, settings.max_body)
    try:
        return model.model_validate(read_json(body) if body.strip() else {})
    except ValidationError as error:
        raise InvalidIncident("the body has faults", faults_of(error, "")) from None


async def beside(service: Service, size: int, work: Callable[[*Ts], T], *args: *Ts) -> T:
    """What ``work`` returns: at once where its ``size`` in bytes is small, else from a thread beside the loop.

    Few go at a time, since threads that compete for the interpreter would keep the loop waiting all the same.
    """
    if size <= LARGE:
        return work(*args)
    async with service.beside:
        return await run_in_threadpool(work, *args)


def render(value: object) -> bytes:
    """JSON, with times written as all answers write them: in UTC and with a ``Z``."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def answer(content: bytes, status: int = 200) -> Response:
    return Response(content, status_code=status, media_type=JSON)
