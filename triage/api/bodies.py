"""Reading what a request carries, within limits, and writing what it is answered with."""

from typing import Any

import orjson
from fastapi import Request, Response

from triage.errors import BadRequest, InvalidIncident, TooLarge, UnsupportedMedia
from triage.sources.payload import malformed, mended

JSON = "application/json"


async def read_body(request: Request, limit: int) -> bytes:
    """The body. Raises TooLarge as soon as it is known to exceed ``limit`` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"the body has {declared} bytes, at most {limit} are accepted")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body has more than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json_body(request: Request, limit: int) -> bytes:
    """The body of a request that says it is JSON. Raises UnsupportedMedia, TooLarge."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON and not kind.endswith("+json"):
        raise UnsupportedMedia("send JSON with the header Content-Type: application/json")
    return await read_body(request, limit)


def parse_json(body: bytes) -> Any:
    """Raises BadRequest for what is not JSON."""
    try:
        return orjson.loads(mended(body))
    except orjson.JSONDecodeError as error:
        raise malformed(str(error)) from None


def parse_object(body: bytes, allowed: dict[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """A small object with only these keys, of these types. Raises BadRequest, InvalidIncident."""
    value = parse_json(body) if body.strip() else {}
    if not isinstance(value, dict):
        raise BadRequest("a JSON object is expected")
    unknown = [key for key in value if key not in allowed]
    if unknown:
        raise InvalidIncident(f"unknown keys; expected among {', '.join(allowed)}")
    for key, types in allowed.items():
        if value.get(key) is not None and not isinstance(value[key], types):
            raise InvalidIncident(f"{key} has the wrong type")
    return value


def answer(content: bytes, status: int = 200) -> Response:
    return Response(content, status_code=status, media_type=JSON)
