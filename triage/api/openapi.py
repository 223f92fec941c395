"""The OpenAPI document: what FastAPI derives from the routes, and what it cannot know."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from triage.api.actions import OverrideBody, ResolveBody, ResolveByKeyBody, StatusBody
from triage.api.assessments import AnswerAllBody, AnswerBody
from triage.api.drills import DrillBody
from triage.api.messages import MessageKeyBody, TestBody
from triage.api.models import PromoteBody, RollbackBody, ShadowBody
from triage.api.oncall_shapes import SwapBody
from triage.api.pattern_changes import DifferenceBody, KnownFixBody, MergeBody, NameBody, SplitBody, UndoBody
from triage.api.previews import PreviewBody, ThresholdBody
from triage.api.rehearsals import BacktestBody, CheckBody, SimulationBody
from triage.api.responding import ApprovalBody, NoteBody, ReasonBody
from triage.api.reviews import ReviewBody
from triage.api.shapes import Problem
from triage.api.silences import SilenceBody
from triage.sources.native import IncidentBody

DESCRIBED = (
    IncidentBody,
    OverrideBody,
    AnswerBody,
    AnswerAllBody,
    ResolveBody,
    ResolveByKeyBody,
    StatusBody,
    ReasonBody,
    ApprovalBody,
    NoteBody,
    MessageKeyBody,
    TestBody,
    ReviewBody,
    PromoteBody,
    RollbackBody,
    ShadowBody,
    MergeBody,
    SplitBody,
    DifferenceBody,
    KnownFixBody,
    NameBody,
    UndoBody,
    SilenceBody,
    PreviewBody,
    ThresholdBody,
    SwapBody,
    CheckBody,
    SimulationBody,
    DrillBody,
    BacktestBody,
    Problem,
)
"""Models whose bodies are read by hand."""

OPEN_TAG = "health"
"""Operations with this tag need no token."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        components: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
        for model in DESCRIBED:
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            components.update(described.pop("$defs", {}))
            components[model.__name__] = described
        # FastAPI's own form of a refusal, which is never sent.
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        schema["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"bearer": []}]
        for operations in schema["paths"].values():
            for operation in operations.values():
                _correct(operation)
        app.openapi_schema = schema
    return app.openapi_schema


def _correct(operation: dict[str, Any]) -> None:
    if "HTTPValidationError" in str(operation["responses"].get("422", "")):
        del operation["responses"]["422"]
    if OPEN_TAG in operation.get("tags", ()):
        operation["security"] = []
