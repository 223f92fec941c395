"""The shape of ``catalogue.yaml``, before its references are checked."""

from typing import Annotated, Literal, get_args

from pydantic import Field, StrictBool, StrictInt, StringConstraints, model_validator

from triage.domain.catalogue import GatewayKind
from triage.domain.priority import Priority
from triage.domain.schedule import OnHolidays
from triage.rules.shape import Clock, Day, Duration, Id, Prose, Shape, Words

Stage = Literal["critical", "war_room", "leadership", "communications", "retrospective"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
HolidayCalendar = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Za-z0-9]{1,4})?$")]
"""A country, ISO 3166-1, or a part of one, ISO 3166-2: DE, DE-BE, GB-ENG, US-NY."""


class GatewayShape(Shape):
    """A service through which people are told. Addresses are those of Apprise; a webhook is signed."""

    kind: GatewayKind = Field(
        GatewayKind.APPRISE,
        description="webhook: JSON by POST, signed as Standard Webhooks say; record: nobody is told, for trials.",
    )
    url: Words | None = Field(
        None, description="{address} is the contact's; ${NAME} is taken from the environment at each message."
    )
    secret: Words | None = Field(None, description="What a webhook's messages are signed with.")
    text: Literal["full", "short"] = Field("full", description="short: what is read aloud or on a lock screen.")
    receipt: StrictBool = Field(
        False, description="A webhook's answer has to name the message's key, else it was not taken."
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "GatewayShape":
        needed = {GatewayKind.APPRISE: {"url"}, GatewayKind.WEBHOOK: {"url", "secret"}}.get(self.kind, set())
        missing = sorted(name for name in needed if getattr(self, name) is None)
        if missing:
            raise ValueError(f"{missing[0]} is missing, which a gateway of kind {self.kind.value} needs")
        if self.kind is not GatewayKind.WEBHOOK and (self.secret is not None or self.receipt):
            raise ValueError("secret and receipt belong to gateways of kind webhook")
        return self


class ContactShape(Shape):
    """One way to reach a person."""

    channel: Id = Field(description="Id of the gateway: email, sms, voice, push, chat.")
    address: Words = Field(
        description="Where, as the gateway understands it, or a whole address with '://'; ${NAME} is taken from"
        " the environment when a message is sent."
    )


class PersonShape(Shape):
    name: Words
    active: StrictBool = Field(True, description="False: never told; kept so that history still names them.")
    timezone: Words | None = None
    contacts: list[ContactShape] = Field(default_factory=list, description="In the order they are tried.")


class RestrictionShape(Shape):
    """Hours in which a layer answers; outside of them the next layer does."""

    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = Field(
        WEEKDAYS, description="Days on which the hours begin; left out: every day."
    )
    start: Clock = Field("00:00", description="By the layer's wall clock.")
    end: Clock = Field(
        "00:00", description="Not later than start: on the next day. 00:00 to 00:00 is a whole day."
    )
    holidays: OnHolidays = Field(
        OnHolidays.INCLUDE, description="exclude: not on a holiday; only: on nothing but holidays."
    )


class RotationShape(Shape):
    """The participants take turns in the order written."""

    participants: Annotated[list[Id], Field(min_length=1, max_length=200)] = Field(description="Ids of people.")
    starts_on: Day = Field(description="The local day of the first participant's first turn.")
    turn: Duration = Field("7d", description="Length of one turn, in whole days.", validate_default=True)
    handover: Clock = Field("09:00", description="Local wall-clock time at which a turn begins.")
    hours: Annotated[list[RestrictionShape], Field(min_length=1, max_length=14)] | None = Field(
        None, description="When it answers; left out: always."
    )
    holiday_calendar: HolidayCalendar | None = Field(
        None, description="Whose holidays its hours mean; left out: the catalogue's."
    )


class LayerShape(RotationShape):
    id: Id
    timezone: Words | None = Field(None, description="Left out: the schedule's.")


class NightShape(Shape):
    """By the schedule's wall clock."""

    start: Clock = "22:00"
    end: Clock = "06:00"


class LimitsShape(Shape):
    """What one person is asked to bear before the next in turn takes over."""

    nights_in_a_row: Annotated[StrictInt, Field(ge=1, le=31)] | None = Field(
        None, description="So many nights running at most; the next one is the next person's."
    )
    night: NightShape = NightShape()
    pages_a_shift: Annotated[StrictInt, Field(ge=1, le=1000)] | None = Field(
        None, description="After so many pages in one shift the next person is paged."
    )


class ScheduleShape(Shape):
    """One rotation (``participants`` and what belongs to it), or ``layers`` of them."""

    timezone: Words
    participants: Annotated[list[Id], Field(min_length=1, max_length=200)] | None = Field(
        None, description="Ids of people; instead of layers."
    )
    starts_on: Day | None = Field(None, description="The local day of the first participant's first turn.")
    turn: Duration = Field("7d", description="Length of one turn, in whole days.", validate_default=True)
    handover: Clock = Field("09:00", description="Local wall-clock time at which a turn begins.")
    hours: Annotated[list[RestrictionShape], Field(min_length=1, max_length=14)] | None = Field(
        None, description="When it answers; left out: always."
    )
    holiday_calendar: HolidayCalendar | None = Field(
        None, description="Whose holidays its hours mean; left out: the catalogue's."
    )
    layers: Annotated[list[LayerShape], Field(min_length=1, max_length=20)] | None = Field(
        None, description="Of several, the first whose hours hold answers."
    )
    limits: LimitsShape = LimitsShape()

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "ScheduleShape":
        if (self.participants is None) == (self.layers is None):
            raise ValueError("either participants or layers")
        given = self.model_fields_set & {"starts_on", "turn", "handover", "hours"}
        if self.layers is not None and given:
            raise ValueError(f"with layers, {sorted(given)[0]} belongs into each layer")
        if self.participants is not None and self.starts_on is None:
            raise ValueError("starts_on is missing: the day of the first participant's first turn")
        return self

    def as_layers(self) -> list[LayerShape]:
        """Its layers, one called ``rotation`` where it has just that."""
        if self.layers is not None:
            return self.layers
        names = RotationShape.model_fields
        return [LayerShape(id="rotation", **{name: getattr(self, name) for name in names})]


class TeamShape(Shape):
    name: Words
    description: Prose = Field("", description="What it looks after, in the words that incidents use.")
    examples: list[Words] = Field(default_factory=list, description="Phrases that its incidents are written in.")
    aliases: list[Words] = Field(default_factory=list, description="Other names that sources use for it.")
    parent: Id | None = Field(None, description="The team above; it answers where this one cannot.")
    active: StrictBool = True
    responders: list[Id] = Field(
        default_factory=list, description="People; all are told where there is no schedule."
    )
    schedule: Id | None = Field(None, description="Id of the schedule that says who is on call.")
    senior: Words | None = Field(None, description="A person or schedule: whom owner.senior reaches.")
    lead: Words | None = Field(None, description="A person or schedule: whom owner.lead reaches.")


class VendorShape(Shape):
    name: Words
    contact: Words | None = Field(None, description="How its support is reached.")
    gateway: Id | None = Field(
        None, description="Id of the gateway that reaches it; without, whoever works on it is asked to call."
    )
    contract: Prose = ""
    respond_within: Duration | None = None


class ServiceShape(Shape):
    name: Words
    owner: Id = Field(description="Id of the team answerable for it.")
    description: Prose = ""
    examples: list[Words] = Field(default_factory=list)
    aliases: list[Words] = Field(default_factory=list)
    environment: Words | None = Field(None, description="Set: this entry is for that environment only.")
    tier: Annotated[StrictInt, Field(ge=1, le=5)] = Field(3, description="1 is the most important.")
    function: Id | None = Field(None, description="What kind of thing it is: payments, database, network, …")
    regulated: StrictBool = False
    dependencies: list[Id] = Field(default_factory=list, description="Ids of services it cannot work without.")
    deployment: Words | None = None
    runbook: Words | None = None
    vendor: Id | None = Field(None, description="Id of the vendor behind it.")


class PriorityShape(Shape):
    label: Words
    words: list[Words] = Field(default_factory=list, description="Further words that mean this priority.")


class SeverityShape(Shape):
    priority: Priority = Field(description="What this reported severity suggests.")
    floor: Priority = Field(description="The model alone never concludes less urgent than this.")


class SlaShape(Shape):
    priority: Priority
    acknowledge_within: Duration
    resolve_within: Duration
    customer_tier: Words | None = Field(None, description="Only for this tier of customer.")
    in_hours: StrictBool = Field(False, description="Only business hours count.")


class ChannelShape(Shape):
    stage: Stage
    address: Words | None = None
    gateway: Id | None = Field(None, description="Id of the gateway, unless the address has a '://' of its own.")


class HeartbeatShape(Shape):
    """Called while all is well, so that somebody else notices when nothing is."""

    url: Words = Field(description="By GET; ${NAME} is taken from the environment.")
    every: Duration = Field("1m", validate_default=True)


class SummaryShape(Shape):
    """Of the day before."""

    channels: Annotated[list[Id], Field(min_length=1)]
    at: Clock = Field("08:00", description="By the catalogue's time zone.")


class WatchShape(Shape):
    """Who hears when nobody can be told, and who notices when nobody is left to tell."""

    alarm: list[Words] = Field(
        default_factory=list,
        description="person:ID, oncall:ID, team:ID or channel:ID; without any, the triage desk.",
    )
    heartbeat: HeartbeatShape | None = None
    summary: SummaryShape | None = None


class SourceShape(Shape):
    join_window: Duration = Field(
        "7d", description="How long an open incident keeps joining events.", validate_default=True
    )
    auto_resolve_after: Duration | Literal["never"] = Field(
        "14d", description="When a forgotten incident is closed; 'never' keeps it open.", validate_default=True
    )
    silent_after: Duration | Literal["never"] | None = Field(
        None, description="How long it may say nothing before somebody is told; left out: judged by its own past."
    )


class HoursShape(Shape):
    start: Clock = "09:00"
    end: Clock = "17:00"
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = (
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
    )


class CatalogueShape(Shape):
    """Teams, services, people and what the organisation promises. Ids are keys; the rest may change freely."""

    organisation: Words
    timezone: Words = Field("UTC", description="IANA name; time.* facts of rules are in it.")
    triage_desk: Id = Field(description="Id of the team that answers when nobody else does.")
    teams: Annotated[dict[Id, TeamShape], Field(min_length=1)]
    services: dict[Id, ServiceShape] = Field(default_factory=dict)
    people: dict[Id, PersonShape] = Field(default_factory=dict)
    schedules: dict[Id, ScheduleShape] = Field(default_factory=dict)
    vendors: dict[Id, VendorShape] = Field(default_factory=dict)
    channels: dict[Id, ChannelShape] = Field(default_factory=dict)
    gateways: dict[Id, GatewayShape] = Field(
        default_factory=dict, description="Through what people are told; a contact's channel names one."
    )
    watch: WatchShape = WatchShape()
    roles: dict[Id, Words] = Field(default_factory=dict, description="Role → person:ID, oncall:ID or team:ID.")
    sources: dict[Id, SourceShape] = Field(default_factory=dict)
    priorities: dict[Priority, PriorityShape] = Field(default_factory=dict)
    severities: dict[Words, SeverityShape] = Field(default_factory=dict)
    matrix: dict[Words, dict[Words, Priority]] = Field(
        default_factory=dict, description="impact → urgency → priority"
    )
    slas: list[SlaShape] = Field(default_factory=list)
    default_priority: Priority = Priority.P3
    business_hours: HoursShape = HoursShape()
    holidays: list[Day] = Field(default_factory=list, description="Beside those of the calendars.")
    holiday_calendars: list[HolidayCalendar] = Field(
        default_factory=list, description="Public holidays of a country or a part of one: DE, DE-BE, US-NY."
    )
