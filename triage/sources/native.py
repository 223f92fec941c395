"""The ``Incident`` JSON of ``/v1/*``: strict, and cheap enough to be validated on every request.

Every limit is a pydantic-core constraint, so a body is checked in Rust; Python runs once per body, for what
spans fields. Faults name the field and the limit and never repeat what was sent.
"""

from typing import Annotated, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from triage.domain.incident import (
    MAX_DESCRIPTION,
    MAX_EVIDENCE,
    MAX_LABELS,
    MAX_LINKS,
    MAX_TITLE,
    MAX_WORD,
    EventKind,
    Evidence,
    Incident,
    Link,
    utc,
)
from triage.errors import InvalidIncident
from triage.sources.faults import faults_of
from triage.sources.fields import Address, LabelName, LabelValue, Moment, Text, Word
from triage.sources.payload import malformed, mended


class LinkBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    href: Annotated[Address, Field(description="An http or https address.")]
    text: Annotated[str, Text(MAX_TITLE, strip=True)] = ""


class EvidenceBody(BaseModel):
    """Something kept as it came. It has a text, an address, or both."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Text(MAX_WORD, min_length=1, strip=True)]
    text: Annotated[str, Text(MAX_DESCRIPTION)] | None = None
    href: Address | None = None


_EXAMPLES: list[JsonValue] = [
    {
        "title": "Card payments declined for all customers in eu-west",
        "description": "Since 09:42 the acquirer answers 91 (issuer unavailable) to nine of ten authorisations.",
        "dedup_key": "card-declines-eu-west",
        "started_at": "2026-03-09T09:42:00Z",
        "source": "payments-monitor",
        "service": "card-gateway",
        "environment": "production",
        "region": "eu-west-1",
        "severity": "critical",
        "customer_tier": "enterprise",
        "labels": {"acquirer": "northbank", "scheme": "visa"},
        "links": [{"href": "https://runbooks.example/card-gateway/declines", "text": "Runbook"}],
    },
    {
        "title": "Rechnungsdruck im Lager Köln steht",
        "description": "Drucker LK-2 nimmt keine Aufträge mehr an, Neustart half nicht.",
        "source": "service-desk",
        "kind": "hardware",
        "service": "warehouse-printing",
        "impact": "2 - Medium",
        "urgency": "1 - High",
        "reporter": "Schichtleitung Köln",
    },
    {"event": "resolved", "dedup_key": "card-declines-eu-west", "source": "payments-monitor"},
]


class IncidentBody(BaseModel):
    """One event about an incident. ``title`` is required to open one; ``acknowledged`` and ``resolved`` find
    theirs by ``dedup_key``. Lengths are in characters. Dates are RFC 3339; without a zone they are UTC.
    ``null`` is the same as leaving a field out."""

    model_config = ConfigDict(
        extra="forbid", title="Incident", json_schema_extra={"examples": _EXAMPLES}, hide_input_in_errors=True
    )

    title: Annotated[
        Annotated[str, Text(MAX_TITLE, strip=True)] | None,
        Field(description="What is wrong, in one line. Required when `event` is `firing`."),
    ] = None
    description: Annotated[str, Text(MAX_DESCRIPTION)] | None = None
    event: EventKind = EventKind.FIRING
    dedup_key: Annotated[
        Word | None, Field(description="The source's own name for the problem; the same until it is resolved.")
    ] = None
    started_at: Annotated[
        Moment | None, Field(description="When this occurrence began; with `dedup_key` it names the occurrence.")
    ] = None
    occurred_at: Annotated[Moment | None, Field(description="When the event itself happened.")] = None
    source: Annotated[str, Text(MAX_WORD, min_length=1, strip=True)] = "api"
    kind: Word | None = None
    service: Word | None = None
    environment: Word | None = None
    region: Word | None = None
    cluster: Word | None = None
    deployment: Word | None = None
    assigned_team: Annotated[Word | None, Field(description="Whom somebody chose already.")] = None
    severity: Annotated[Word | None, Field(description="As reported, in the source's own word.")] = None
    impact: Word | None = None
    urgency: Word | None = None
    customer_tier: Word | None = None
    reporter: Word | None = None
    detected_by: Word | None = None
    data_exposure: StrictBool = False
    regulated: StrictBool = False
    due_at: Moment | None = None
    labels: Annotated[dict[LabelName, LabelValue], Field(max_length=MAX_LABELS)] | None = None
    links: Annotated[list[LinkBody], Field(max_length=MAX_LINKS)] | None = None
    evidence: Annotated[list[EvidenceBody], Field(max_length=MAX_EVIDENCE)] | None = None

    @model_validator(mode="after")
    def _is_about_something(self) -> Self:
        if self.event is EventKind.FIRING:
            if not self.title:
                raise PydanticCustomError("title_required", "a title is required to open an incident")
        elif not self.dedup_key:
            raise PydanticCustomError("dedup_key_required", "this event finds its incident by a dedup_key")
        for item in self.evidence or ():
            if item.text is None and item.href is None:
                raise PydanticCustomError("evidence_empty", "each piece of evidence has a text or an href")
        return self

    def to_incident(self) -> Incident:
        return Incident(
            title=self.title or "",
            description=self.description or "",
            event=self.event,
            dedup_key=self.dedup_key or None,
            started_at=utc(self.started_at) if self.started_at else None,
            occurred_at=utc(self.occurred_at) if self.occurred_at else None,
            source=self.source,
            kind=self.kind or None,
            service=self.service or None,
            environment=self.environment or None,
            region=self.region or None,
            cluster=self.cluster or None,
            deployment=self.deployment or None,
            assigned_team=self.assigned_team or None,
            severity=self.severity or None,
            impact=self.impact or None,
            urgency=self.urgency or None,
            customer_tier=self.customer_tier or None,
            reporter=self.reporter or None,
            detected_by=self.detected_by or None,
            data_exposure=self.data_exposure,
            regulated=self.regulated,
            due_at=utc(self.due_at) if self.due_at else None,
            labels=self.labels or {},
            links=tuple(Link(href=link.href, text=link.text) for link in self.links or ()),
            evidence=tuple(Evidence(kind=e.kind, text=e.text, href=e.href) for e in self.evidence or ()),
        )


def read_incident(body: bytes) -> Incident:
    """The incident that the JSON bytes of a request describe: the fast road for one event.

    Raises:
        BadRequest: the bytes are not JSON.
        InvalidIncident: they are, but not an incident's; every fault (at most 32) has its field.
    """
    try:
        return IncidentBody.model_validate_json(mended(body)).to_incident()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=True, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise malformed(str(first["ctx"]["error"])) from None
        raise _invalid(error, "") from None


def parse_incident(value: object, at: str = "") -> Incident:
    """The incident that an already parsed JSON value describes; ``at`` is where it stood (``incidents.3``).

    Raises:
        InvalidIncident: with every fault (at most 32) and its field.
    """
    try:
        return IncidentBody.model_validate(value).to_incident()
    except ValidationError as error:
        raise _invalid(error, at) from None


def _invalid(error: ValidationError, at: str) -> InvalidIncident:
    count = error.error_count()
    return InvalidIncident(f"The incident has {count} fault{'s' if count > 1 else ''}", faults_of(error, at))
