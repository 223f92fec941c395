"""The bytes of a request body as JSON that every later stage can store.

JSON may spell out characters that PostgreSQL's ``text`` cannot hold: NUL (``\\u0000``) and lone
surrogates (``\\ud800``). The parsers disagree about the latter (the standard library lets them in,
orjson and pydantic-core call the whole body malformed), so they are mended once, in the raw bytes,
before any parser sees them: each becomes U+FFFD, the replacement character.
"""

import json
import re

import pydantic_core

from triage.errors import BadRequest

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89A-Fa-f])|\xed[\xa0-\xbf]")
# One step over every escape, so that an escaped backslash before "ud800" is not taken for an escape.
_ESCAPE = re.compile(
    rb"\\u[dD][89ABab][0-9A-Fa-f]{2}\\u[dD][C-Fc-f][0-9A-Fa-f]{2}"
    rb"|(?P<unstorable>\\u0000|\\u[dD][89A-Fa-f][0-9A-Fa-f]{2}|\xed[\xa0-\xbf][\x80-\xbf])"
    rb"|\\.",
    re.DOTALL,
)


def mended(body: bytes) -> bytes:
    """``body`` with NUL and lone surrogates in its strings replaced and a byte order mark removed."""
    body = body.removeprefix(_BYTE_ORDER_MARK)
    if _SUSPECT.search(body) is None:
        return body
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["unstorable"] else found[0], body)


def read_json(body: bytes) -> object:
    """The JSON value of ``body``, all of its strings storable, at most 200 levels deep.

    Raises:
        BadRequest: not JSON, or not UTF-8. The message holds a position, never content.
    """
    try:
        return pydantic_core.from_json(mended(body), allow_inf_nan=False)
    except ValueError as error:
        raise malformed(str(error)) from None


def malformed(reason: str) -> BadRequest:
    return BadRequest(f"The body is not valid JSON: {reason}")


def as_text(value: object) -> str:
    """A JSON value as people write it: a string as it is, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
