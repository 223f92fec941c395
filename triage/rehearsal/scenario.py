"""A scenario: one incident, the moment it comes in, and what people, vendors and further alerts do afterwards."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StrictInt, ValidationError, model_validator

from triage.domain.incident import Incident, Status
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Recurrence, RecurrenceKind, Storm
from triage.errors import UnknownWord
from triage.rules.document import closest, read_document
from triage.rules.shape import Duration, Id, Shape, Words, read_shape

LONGEST = timedelta(days=31)
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""The years that time zones are known for, as elsewhere in the service."""
FIRST_TOLD = "first"
"""Stands for whoever was told last, where a scenario should not name a person."""


class ReportShape(Shape):
    """The incident as a source reports it; the fields are those of a prediction request."""

    title: Words = "An incident"
    description: str = ""
    source: Words = "api"
    service: Words | None = None
    environment: Words | None = None
    region: Words | None = None
    cluster: Words | None = None
    deployment: Words | None = None
    kind: Words | None = None
    severity: Words | None = None
    impact: Words | None = None
    urgency: Words | None = None
    customer_tier: Words | None = None
    reporter: Words | None = None
    detected_by: Words | None = None
    assigned_team: Words | None = None
    data_exposure: bool = False
    regulated: bool = False
    due_at: AwareDatetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)


class SeenShape(Shape):
    """What memory knows of its pattern: occurrences per window, this one included, and flags."""

    occurrences: dict[Literal["1h", "24h", "7d", "30d"], Annotated[StrictInt, Field(ge=1)]] = Field(
        default_factory=dict
    )
    flags: list[Literal["frequent", "burst", "periodic", "flapping", "novel", "rare"]] = Field(
        default_factory=list
    )
    total: Annotated[StrictInt, Field(ge=1)] | None = Field(None, description="Of all time; left out: in 30 days.")
    name: Words | None = Field(None, description="That people gave the pattern.")
    known_fix: Words | None = None
    resolves_within: Duration | None = Field(None, description="How long its latest incidents took, on average.")
    storm_size: Annotated[StrictInt, Field(ge=2)] | None = Field(
        None, description="It is part of a storm of so many, which began with another incident."
    )


class DecisionShape(Shape):
    """A person's override."""

    by: Words = "a person"
    priority: Priority | None = None
    team: Id | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "DecisionShape":
        if self.priority is None and self.team is None:
            raise ValueError("an override names a priority, a team or both")
        return self


class HappeningShape(Shape):
    """One thing that happens ``after`` so long from the opening; exactly one of the others is given."""

    after: Duration
    acknowledge: Words | None = Field(None, description="Id of a person, or 'first' for whoever was told last.")
    resolve: Words | None = Field(None, description="Who resolves it.")
    alert: dict[str, Any] | None = Field(None, description="A further event; what changes of the report.")
    override: DecisionShape | None = None
    status: Literal["investigating", "mitigating", "triaging"] | None = None
    seen: SeenShape | None = Field(None, description="What memory knows from here on.")
    approve: Id | None = Field(None, description="Id of a checkpoint that is approved.")
    refuse: Id | None = Field(None, description="Id of a checkpoint that is refused.")
    vendor: Id | None = Field(None, description="Id of a vendor that answers.")

    @model_validator(mode="after")
    def _one_thing(self) -> "HappeningShape":
        given = [name for name in type(self).model_fields if name != "after" and getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("exactly one thing happens at a time: acknowledge, resolve, alert, override, …")
        return self


class ScenarioShape(Shape):
    """``answer_within``: whoever is paged acknowledges after so long; left out: only as ``then`` says."""

    at: AwareDatetime = Field(description="When it comes in, with its time zone.")
    incident: ReportShape = ReportShape()
    priority: Priority | None = Field(None, description="What the model or a person says of it before any rule.")
    team: Id | None = Field(None, description="The team that the model or a person says.")
    seen: SeenShape = SeenShape()
    then: list[HappeningShape] = Field(default_factory=list, max_length=200)
    answer_within: Duration | None = None
    until: Duration = Field("24h", description="How long it is watched, at most 31d.", validate_default=True)

    @model_validator(mode="after")
    def _is_bearable(self) -> "ScenarioShape":
        if not timedelta(0) < self.until <= LONGEST:
            raise ValueError("until is more than nothing and at most 31d")
        if not EARLIEST <= self.at < LATEST:
            raise ValueError(f"at is between {EARLIEST.year} and {LATEST.year - 1}")
        return self


def read_scenario(text: str, file_name: str) -> ScenarioShape:
    """Raises ``ConfigurationError`` with file and line."""
    document = read_document(text, file_name)
    return read_shape(ScenarioShape, document)


def scenario_from(said: ScenarioShape, given: Mapping[str, Any], incident: Mapping[str, Any]) -> ScenarioShape:
    """``said`` with what is given besides; None leaves it. Raises ``UnknownWord`` for what cannot be."""
    report = {
        **said.incident.model_dump(exclude_unset=True),
        **{k: v for k, v in incident.items() if v is not None},
    }
    values = {**said.model_dump(exclude_unset=True), **{k: v for k, v in given.items() if v is not None}}
    try:
        return ScenarioShape.model_validate({**values, "incident": report})
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            field = str(fault["loc"][-1])
            raise UnknownWord(f"unknown field {field!r}{closest(field, list(ReportShape.model_fields))}") from None
        message = fault["msg"].removeprefix("Value error, ")
        raise UnknownWord(f"{where}: {message}" if where else message) from None


def incident_of(report: ReportShape) -> Incident:
    return Incident(**report.model_dump())


def changed(report: ReportShape, changes: Mapping[str, Any]) -> ReportShape:
    """The report with ``changes``; raises ``ValueError`` for one that a report cannot have."""
    return ReportShape.model_validate({**report.model_dump(exclude_defaults=True), **changes})


def recurrence_of(seen: SeenShape, at: datetime) -> Recurrence:
    """As memory would tell it: a window counts at least what the shorter ones do."""
    counts: dict[str, int] = {}
    least = 1
    given: Mapping[str, int] = dict(seen.occurrences.items())
    for window in WINDOWS:
        least = counts[window] = max(given.get(window, 1), least)
    total = max(seen.total or 1, least)
    known = total > 1 or seen.known_fix is not None or seen.name is not None
    size = seen.storm_size
    return Recurrence(
        kind=RecurrenceKind.RECURRENCE if known else RecurrenceKind.NEW,
        pattern_id="rehearsed" if known else None,
        first_seen_at=at - timedelta(days=30) if known else at,
        occurrences=counts,
        total=total,
        name=seen.name,
        known_fix=seen.known_fix,
        resolve_seconds=seen.resolves_within.total_seconds() if seen.resolves_within else None,
        storm=Storm(parent="rehearsed", because="as the scenario says", size=size) if size else None,
        flags=tuple(seen.flags) or (() if known else ("novel",)),
    )


def status_of(word: str) -> Status:
    return Status(word)
