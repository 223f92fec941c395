"""What the model proposes, what people changed, and what the service concludes."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from triage.domain.escalation import EscalationPath
from triage.domain.incident import Incident, Status
from triage.domain.priority import Priority
from triage.domain.recurrence import Recurrence, Silence
from triage.domain.schedule import OnCallOverride


class DecisionSource(Enum):
    """Where a value came from; ``probability`` is calibrated only when it is ``model``, and null otherwise."""

    MODEL = "model"
    RULE = "rule"
    CORRECTION = "correction"
    OVERRIDE = "override"
    REPORTED = "reported"
    MATRIX = "matrix"
    CATALOGUE = "catalogue"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    value: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureWeight:
    """One feature that spoke for the suggestion: ``word: disk``, ``service=db``; ``weight`` in log-odds."""

    feature: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSuggestion:
    """A suggested label in the history's own word. ``value``: the most probable one; None: nothing to suggest
    from. ``abstained``: its probability is below its ``threshold``, so it must not act alone.

    ``choice``: what is concluded from all the probabilities, where that is another label: of a priority the one of
    least expected cost. ``raised``: the bound on missed urgent incidents made it that urgent, which holds whether
    or not the model abstained. ``likely``: the labels that hold the true one with the promised coverage; empty
    where nothing was promised.
    """

    value: str | None = None
    probability: float | None = None
    abstained: bool = True
    threshold: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    source: DecisionSource = DecisionSource.MODEL
    choice: Alternative | None = None
    raised: bool = False
    likely: tuple[str, ...] = ()

    @property
    def concluded(self) -> str | None:
        return self.choice.value if self.choice is not None else self.value

    @property
    def concluded_probability(self) -> float | None:
        return self.choice.probability if self.choice is not None else self.probability


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLook:
    """What the model thinks of a team somebody chose already. ``looks_wrong`` when it is so improbable that most
    such teams turned out wrong; of a team that the model never saw, when another is probable enough to act on
    alone."""

    assigned_team: str
    probability: float
    better_team: str | None
    better_probability: float | None
    looks_wrong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """``bundle`` is the version that spoke; ``degraded`` says what was missing when it did. ``impact`` and
    ``urgency`` are suggested where the incident does not state them, for the organisation's matrix."""

    priority: LabelSuggestion = LabelSuggestion()
    team: LabelSuggestion = LabelSuggestion()
    impact: LabelSuggestion = LabelSuggestion()
    urgency: LabelSuggestion = LabelSuggestion()
    features: tuple[FeatureWeight, ...] = ()
    second_look: SecondLook | None = None
    bundle: str = "none"
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageOverride:
    """A person's change of a decision. Never overwritten by a machine."""

    by: str
    at: datetime
    priority: Priority | None = None
    team: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityDecision:
    value: Priority
    label: str
    probability: float | None = None
    abstained: bool = False
    source: DecisionSource
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamDecision:
    """``value`` is a team's id in the catalogue."""

    value: str
    probability: float | None = None
    source: DecisionSource
    abstained: bool = False
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    required: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``rules``: ids of the rules that fired, in order, each with what it did."""

    features: tuple[FeatureWeight, ...] = ()
    similar: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    bundle: str
    policy: str
    catalogue: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A conclusion that can be replayed. Immutable; a later one takes its place, never its row.

    ``degraded``: parts that were missing; ``notes``: people passed over on the path, and why;
    ``rule_faults``: rules whose condition could not be evaluated, which counts as no match.
    """

    decision_id: str | None = None
    incident_id: str | None = None
    decided_at: datetime
    priority: PriorityDecision
    team: TeamDecision
    recurrence: Recurrence
    escalation: EscalationPath
    review: Review = Review()
    explanation: Explanation = Explanation()
    versions: Versions
    second_look: SecondLook | None = None
    degraded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rule_faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is decided already on an open incident that a further event belongs to."""

    priority: Priority
    priority_source: DecisionSource
    team: str
    team_source: DecisionSource
    severity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where the work on an incident stands when it is decided on. ``status_since`` None: since the opening.
    ``alerts``: events that it has gathered, this one included."""

    status: Status = Status.NEW
    status_since: datetime | None = None
    acknowledged_at: datetime | None = None
    alerts: int = 1


JUST_OPENED = Progress()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionInputs:
    """What a decision is derived from, beside the embedding of its text and the versions that it names.

    ``degraded``: what was missing when they were put together. ``standing``: for an event that joins an open
    incident, which a machine makes no less urgent and moves by a rule only. ``oncall_overrides``: the shift swaps
    that its path may meet.
    """

    incident: Incident
    now: datetime
    opened_at: datetime
    recurrence: Recurrence
    override: TriageOverride | None = None
    correction: TriageOverride | None = None
    standing: Standing | None = None
    progress: Progress = JUST_OPENED
    oncall_overrides: tuple[OnCallOverride, ...] = ()
    silence: Silence | None = None
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision with its inputs. Its embedding is kept under (``encoder``, ``text_key``); both are None
    when it was decided without one."""

    decision: Decision
    inputs: DecisionInputs
    encoder: str | None
    text_key: bytes | None
