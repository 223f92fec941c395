"""The shape of ``escalation.yaml``, before its references are checked and its conditions compiled."""

from datetime import timedelta
from string import Formatter
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, model_validator

from triage.domain.escalation import UPDATE_WORDS, EscalationKind, Mode, Part, Require
from triage.domain.priority import Priority
from triage.rules.catalogue_shape import Stage
from triage.rules.shape import Day, Duration, Id, Prose, Shape, Words

HOLD_AT_MOST = timedelta(hours=1)
"""Longer, and a flapping alert that did not stop is an outage that nobody was told of."""

MAX_RULES = 10_000

Targets = Annotated[list[Words], Field(min_length=1, max_length=32)]


class CheckpointShape(Shape):
    """A named person must approve before it goes on."""

    id: Id
    role: Id = Field(description="Name of the catalogue's role that approves.")
    reason: Words
    decide_within: Duration
    deputy: Id | None = Field(None, description="Role that is asked when the first did not answer in time.")


class RequiredCheckpointShape(CheckpointShape):
    before: Stage = Field("communications", description="The stage of channels that must wait for the approval.")


class StepShape(Shape):
    """One rung: whom, over what, until when."""

    targets: Targets = Field(
        description="owner, owner.senior, owner.lead, owner.parent, service.vendor, team:ID (also team:ID.senior, "
        "team:ID.lead), oncall:SCHEDULE, person:ID, role:NAME or vendor:ID."
    )
    channels: list[Words] = Field(default_factory=list, description="Ids of channels, or a stage for all of its.")
    require: Require = Require.ANY
    roles: dict[Part, Words] = Field(default_factory=dict, description="Part played → target.")
    after: Duration = Field("0m", description="Delay from the end of the rung before.", validate_default=True)
    acknowledge_within: Duration = Field("15m", validate_default=True)
    resolve_within: Duration | None = Field(
        None, description="From the opening; later, the next rung begins. Left out: the catalogue's SLA."
    )
    repeat: Annotated[StrictInt, Field(ge=0, le=20)] = Field(0, description="How often it is told again.")
    round_robin: StrictBool = Field(
        False, description="Tell one of the people behind the targets, each incident the next one."
    )
    in_hours: StrictBool = Field(
        False, description="Begins in business hours; outside of them it waits for the next ones."
    )
    checkpoint: CheckpointShape | None = None


class UpdatesShape(Shape):
    """Word to stakeholders until it is over."""

    every: Duration
    channels: list[Words] = Field(default_factory=list, description="Ids of channels, or a stage for all of its.")
    targets: list[Words] = Field(default_factory=list, max_length=32, description="Targets, as in a step.")
    template: Annotated[str, Field(min_length=1, max_length=2_000)] = Field(
        "{priority} {service}: {status} for {minutes} min, {team} is on it. Next update in {next}.",
        description=f"Text; in braces: {', '.join(UPDATE_WORDS)}.",
    )

    @model_validator(mode="after")
    def _heard_by_somebody(self) -> "UpdatesShape":
        if not self.channels and not self.targets:
            raise ValueError("name channels or targets, for nobody would hear it")
        if self.every < timedelta(minutes=1):
            raise ValueError("every is at least 1m")
        unknown = sorted({name for name in _names_in(self.template) if name not in UPDATE_WORDS})
        if unknown:
            raise ValueError(f"the template names {unknown[0]!r}; expected of {', '.join(UPDATE_WORDS)}")
        return self


def _names_in(template: str) -> list[str]:
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(
            f"the template cannot be read: {error}; write a brace itself as '{{{{' or '}}}}'"
        ) from None
    if any(spec or conversion for _, _, spec, conversion in parsed):
        raise ValueError("the template holds plain names in braces, without ':' or '!'")
    return [name for _, name, _, _ in parsed if name is not None]


class PolicyShape(Shape):
    description: Prose = ""
    owner: Id = Field(description="The team or person that keeps it right.")
    review_after: Day
    mode: Mode = Field(Mode.NOTIFY, description="observe: decides and records, and tells nobody.")
    kinds: Annotated[list[EscalationKind], Field(min_length=1)]
    repeat: Annotated[StrictInt, Field(ge=0, le=9)] = Field(
        0, description="How often the whole ladder is climbed again before the triage desk is told."
    )
    updates: UpdatesShape | None = None
    steps: Annotated[list[StepShape], Field(min_length=1, max_length=20)]


class ThenShape(Shape):
    """What a matching rule does: it either adjusts (any of the keys but the last) or chooses a policy."""

    set_priority: Priority | None = None
    priority_at_least: Priority | None = Field(None, description="At least this urgent.")
    priority_at_most: Priority | None = Field(None, description="At most this urgent.")
    assign: Id | None = Field(None, description="Id of the team that holds it from here.")
    also_tell: Targets | None = Field(None, description="Further targets, told with the first step.")
    straight_to: Targets | None = Field(
        None, description="The first step tells these instead of its own; the first rule that says so counts."
    )
    checkpoint: RequiredCheckpointShape | None = None
    require_review: Words | None = Field(None, description="Why a reviewer should look.")
    suppress: Words | None = Field(None, description="Why nobody is told; it is still decided and recorded.")
    hold: Duration | None = Field(
        None, description="How long the first step waits (at most 1h), in case it is over by then. P1 never waits."
    )
    policy: Id | None = Field(None, description="Id of the escalation policy to follow.")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> "ThenShape":
        if self.hold is not None and not timedelta(0) < self.hold <= HOLD_AT_MOST:
            raise ValueError("hold is more than nothing and at most 1h")
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if not given:
            raise ValueError("at least one action, or a policy")
        if self.policy is not None and len(given) > 1:
            raise ValueError("either a policy or adjustments, never both in one rule")
        return self


class RuleShape(Shape):
    id: Id
    description: Prose = ""
    owner: Id = Field(description="The team or person that keeps it right.")
    review_after: Day = Field(description="When somebody looks again whether it is still right.")
    when: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="A CEL condition; left out: always."
    )
    then: ThenShape


class PolicyFileShape(Shape):
    """Rules in the order they are tried, and the escalation policies that they choose from."""

    rules: Annotated[list[RuleShape], Field(min_length=1, max_length=MAX_RULES)]
    policies: Annotated[dict[Id, PolicyShape], Field(min_length=1)]
