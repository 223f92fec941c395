"""``catalogue.yaml`` → ``Catalogue``: the shape, then every reference, then that somebody always answers."""

import hashlib
from dataclasses import replace
from datetime import date

from triage.domain.catalogue import (
    Catalogue,
    Channel,
    ContactMethod,
    Gateway,
    Person,
    PriorityWords,
    Service,
    SeverityWord,
    Sla,
    SourceSettings,
    Team,
    Vendor,
    Watch,
)
from triage.domain.schedule import Hours, Layer, Limits, Schedule
from triage.rules.catalogue_references import check_shape, check_that_somebody_answers
from triage.rules.catalogue_shape import (
    WEEKDAYS,
    CatalogueShape,
    GatewayShape,
    LayerShape,
    ScheduleShape,
    ServiceShape,
    TeamShape,
    WatchShape,
)
from triage.rules.document import read_document
from triage.rules.holidays import public_holidays
from triage.rules.shape import read_shape


def content_version(kind: str, text: str) -> str:
    """``kind:`` and 12 hexadecimal digits of the text's SHA-256."""
    return f"{kind}:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def load_catalogue(text: str, file_name: str = "catalogue.yaml") -> Catalogue:
    """Raises ``ConfigurationError`` with the line of the first fault and the number of further ones."""
    document = read_document(text, file_name)
    shape = read_shape(CatalogueShape, document)
    check_shape(shape, document)
    document.raise_faults()
    catalogue = _catalogue(shape, content_version("catalogue", text))
    check_that_somebody_answers(catalogue, document)
    document.raise_faults()
    return catalogue


def _catalogue(shape: CatalogueShape, version: str) -> Catalogue:
    holidays = frozenset(shape.holidays).union(*map(public_holidays, shape.holiday_calendars))
    return Catalogue(
        version=version,
        organisation=shape.organisation,
        timezone=shape.timezone,
        triage_desk=shape.triage_desk,
        teams={i: _team(i, team) for i, team in shape.teams.items()},
        services={i: _service(i, service) for i, service in shape.services.items()},
        people=_people(shape),
        schedules={i: _schedule(i, schedule, holidays) for i, schedule in shape.schedules.items()},
        vendors={
            i: Vendor(
                id=i,
                name=v.name,
                contact=v.contact or "",
                gateway=v.gateway,
                contract=v.contract,
                respond_within=v.respond_within,
            )
            for i, v in shape.vendors.items()
        },
        channels={
            i: Channel(id=i, stage=c.stage, address=c.address or "", gateway=c.gateway)
            for i, c in shape.channels.items()
        },
        gateways={i: _gateway(i, gateway) for i, gateway in shape.gateways.items()},
        watch=_watch(shape.watch),
        roles=dict(shape.roles),
        sources=_sources(shape),
        priorities=tuple(
            PriorityWords(priority=p, label=entry.label, words=tuple(entry.words))
            for p, entry in shape.priorities.items()
        ),
        severities=tuple(
            SeverityWord(word=word, priority=s.priority, floor=s.floor) for word, s in shape.severities.items()
        ),
        matrix={(impact, urgency): p for impact, row in shape.matrix.items() for urgency, p in row.items()},
        slas=tuple(Sla(**dict(sla)) for sla in shape.slas),
        default_priority=shape.default_priority,
        business_hours=(shape.business_hours.start, shape.business_hours.end),
        business_days=frozenset(WEEKDAYS.index(day) for day in shape.business_hours.days),
        holidays=holidays,
    )


def _watch(shape: WatchShape) -> Watch:
    watch = Watch(alarm=tuple(shape.alarm))
    if shape.heartbeat is not None:
        watch = replace(watch, heartbeat=shape.heartbeat.url, heartbeat_every=shape.heartbeat.every)
    if shape.summary is not None:
        watch = replace(watch, summary_channels=tuple(shape.summary.channels), summary_at=shape.summary.at)
    return watch


def _gateway(gateway_id: str, shape: GatewayShape) -> Gateway:
    return Gateway(
        id=gateway_id,
        kind=shape.kind,
        url=shape.url or "",
        secret=shape.secret or "",
        short=shape.text == "short",
        receipt=shape.receipt,
    )


def _team(team_id: str, shape: TeamShape) -> Team:
    return Team(
        id=team_id,
        name=shape.name,
        description=shape.description,
        examples=tuple(shape.examples),
        aliases=tuple(shape.aliases),
        parent=shape.parent,
        active=shape.active,
        responders=tuple(shape.responders),
        schedule=shape.schedule,
        senior=shape.senior,
        lead=shape.lead,
    )


def _service(service_id: str, shape: ServiceShape) -> Service:
    return Service(
        id=service_id,
        name=shape.name,
        owner=shape.owner,
        description=shape.description,
        examples=tuple(shape.examples),
        aliases=tuple(shape.aliases),
        environment=shape.environment,
        tier=shape.tier,
        function=shape.function,
        regulated=shape.regulated,
        dependencies=tuple(shape.dependencies),
        deployment=shape.deployment,
        runbook=shape.runbook,
        vendor=shape.vendor,
    )


def _people(shape: CatalogueShape) -> dict[str, Person]:
    return {
        person_id: Person(
            id=person_id,
            name=person.name,
            active=person.active,
            timezone=person.timezone,
            contacts=tuple(ContactMethod(channel=c.channel, address=c.address) for c in person.contacts),
        )
        for person_id, person in shape.people.items()
    }


def _schedule(schedule_id: str, shape: ScheduleShape, holidays: frozenset[date]) -> Schedule:
    limits = shape.limits
    return Schedule(
        id=schedule_id,
        timezone=shape.timezone,
        layers=tuple(_layer(layer, shape, holidays) for layer in shape.as_layers()),
        limits=Limits(
            nights_in_a_row=limits.nights_in_a_row,
            pages_a_shift=limits.pages_a_shift,
            night=(limits.night.start, limits.night.end),
        ),
    )


def _layer(shape: LayerShape, schedule: ScheduleShape, holidays: frozenset[date]) -> Layer:
    calendar = shape.holiday_calendar or schedule.holiday_calendar
    return Layer(
        id=shape.id,
        timezone=shape.timezone or schedule.timezone,
        participants=tuple(shape.participants),
        starts_on=shape.starts_on,
        turn=shape.turn,
        handover=shape.handover,
        hours=tuple(
            Hours(
                start=hours.start,
                end=hours.end,
                days=frozenset(WEEKDAYS.index(day) for day in hours.days),
                holidays=hours.holidays,
            )
            for hours in shape.hours or ()
        ),
        holidays=public_holidays(calendar) if calendar else holidays,
    )


def _sources(shape: CatalogueShape) -> dict[str, SourceSettings]:
    return {
        source_id: SourceSettings(
            id=source_id,
            join_window=source.join_window,
            auto_resolve_after=None if source.auto_resolve_after == "never" else source.auto_resolve_after,
            silent_after=None if source.silent_after == "never" else source.silent_after,
            silence_ignored=source.silent_after == "never",
        )
        for source_id, source in shape.sources.items()
    }
