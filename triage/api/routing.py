"""How a route says what it reads and answers, for OpenAPI, without a framework reading bodies for it.

Bodies are read by ``triage.api.bodies``: limits, content types and odd bytes are answered the same everywhere.
"""

from typing import Any

from pydantic import BaseModel

from triage.api.shapes import Problem

JSON = "application/json"


def reads(model: type[BaseModel] | dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The ``openapi_extra`` of a route with this body."""
    schema = model if isinstance(model, dict) else {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": required, "content": {JSON: {"schema": schema}}}}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems a route may answer with. Each of them is a problem document."""
    problem = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    described = {
        400: "The body cannot be understood",
        401: "No valid token",
        403: "The token's role does not suffice",
        404: "There is no such thing",
        409: "It conflicts with what is",
        413: "The body is too large",
        415: "The body is not JSON",
        422: "The body is not valid; `errors` name the fields",
        503: "Not available right now; see Retry-After",
    }
    return {status: {"description": described[status], **problem} for status in (401, 403, *statuses, 503)}


EXTRA_MODELS: list[type[BaseModel]] = [Problem]
"""Models that OpenAPI refers to and no route returns."""
