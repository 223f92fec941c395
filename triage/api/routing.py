"""How a route says what it reads and answers, for OpenAPI, without a framework reading bodies for it.

Bodies are read by ``triage.api.bodies``: limits, content types and odd bytes are answered the same everywhere.
"""

from collections.abc import Mapping
from typing import Any

from triage.serving.reception import MAX_BATCH, MAX_KEY

JSON = "application/json"
PROBLEM = "application/problem+json"
BODY = (400, 408, 413, 415, 422)
"""What a JSON body can be refused with."""

BATCH: dict[str, Any] = {
    "type": "object",
    "required": ["incidents"],
    "additionalProperties": False,
    "properties": {
        "incidents": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_BATCH,
            # Each item is checked for itself; what an item should be is an Incident.
            "items": {"description": "An Incident. One with a fault does not cost the others theirs."},
        }
    },
}

REPEATABLE: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same body again under the same key changes nothing and is answered the same.",
            "schema": {"type": "string", "maxLength": MAX_KEY},
        }
    ]
}

_DESCRIBED = {
    400: "The body cannot be understood",
    401: "No valid token",
    403: "The token's role does not suffice",
    404: "There is no such thing",
    408: "The body did not arrive in time",
    409: "It conflicts with what is",
    413: "The body is too large",
    415: "The body is not plain JSON",
    422: "The request is not valid; `errors` name the fields",
    503: "Not available right now; see Retry-After",
}


def reads(
    schema: str | dict[str, Any], examples: Mapping[str, Mapping[str, Any]], *, required: bool = True
) -> dict[str, Any]:
    """The ``openapi_extra`` of a route with this body: the name of a described model, or a schema."""
    described = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    content = {JSON: {"schema": described, "examples": dict(examples)}}
    return {"requestBody": {"required": required, "content": content}}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems a route may answer with. Each of them is a problem document."""
    content = {"content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    told: dict[int | str, dict[str, Any]] = {}
    for status in sorted({401, 403, *statuses, 503}):
        told[status] = {"description": _DESCRIBED[status], **content}
    told[503]["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return told
