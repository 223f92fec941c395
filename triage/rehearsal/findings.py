"""What a check finds: where, what happens to whom, and how it is mended."""

from dataclasses import dataclass
from enum import Enum

from triage.rules.configuration import CATALOGUE_FILE, POLICY_FILE, Configuration
from triage.rules.document import Document, Path, read_document


class Severity(Enum):
    """``error``: somebody would not be told, or told too late; ``warning``: it works, and is not what it seems."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault: a code that never changes, what it means, and the mend."""

    code: str
    severity: Severity
    meaning: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``where`` names the entry as people do: ``rule security-words``, ``policy urgent, step 2``."""

    kind: Kind
    where: str
    message: str
    file: str
    line: int | None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.where}: {self.message} [{self.kind.code}]"


def finding_as_json(finding: Finding) -> dict[str, str | int | None]:
    return {
        "code": finding.kind.code,
        "severity": finding.kind.severity.value,
        "where": finding.where,
        "message": finding.message,
        "mend": finding.kind.mend,
        "file": finding.file,
        "line": finding.line,
    }


def _error(code: str, meaning: str, mend: str) -> Kind:
    return Kind(code=code, severity=Severity.ERROR, meaning=meaning, mend=mend)


def _warning(code: str, meaning: str, mend: str) -> Kind:
    return Kind(code=code, severity=Severity.WARNING, meaning=meaning, mend=mend)


DEAD_END = _error(
    "dead-end",
    "At some time no step of a policy reaches anybody of a team but the triage desk.",
    "Give the team people who can be reached, or add a step that reaches somebody else.",
)
STEP_WITHOUT_OWNER = _error(
    "step-without-owner",
    "Nobody whom a step names can ever be reached: it is always skipped, or the triage desk stands in.",
    "Name somebody who is active and has a contact method.",
)
PERSON_UNREACHABLE = _error(
    "person-unreachable",
    "A person who is inactive, or has no contact method, is named where somebody has to answer.",
    "Name somebody else, or make the person active and give them a contact method.",
)
GATEWAY_MISSING = _error(
    "gateway-missing",
    "People or channels are told through a gateway that the catalogue does not have.",
    "Name the service that carries messages under gateways, or give an address with its own scheme.",
)
SCHEDULE_UNREACHABLE = _error(
    "schedule-unreachable",
    "Nobody who takes turns on a schedule can be reached.",
    "Put somebody on it who is active and has a contact method.",
)
GAP = _error(
    "gap",
    "Nobody is on call for a while within the days that are looked ahead.",
    "Add a layer without hours as the last one, widen the hours, or let somebody take it over by an override.",
)
RULE_NEVER = _error(
    "rule-never",
    "A rule's condition can never be true.",
    "Mend the condition: two of its parts exclude each other, or a value never occurs.",
)
UNKNOWN_VALUE = _error(
    "unknown-value",
    "A condition compares a fact with a value that it never has.",
    "Write the value as the catalogue or the reference of facts has it.",
)
RULE_SHADOWED = _error(
    "rule-shadowed",
    "A rule that chooses a policy is never reached: whenever it would match, one above it does.",
    "Move it above the other one, narrow the other one, or delete it.",
)
RULES_CONTRADICT = _error(
    "rules-contradict",
    "Two rules that match together conclude different priorities or teams, or bounds that exclude each other.",
    "Narrow one of them so that only one applies, or delete one.",
)
PRIORITY_WITHOUT_PATH = _error(
    "priority-without-path",
    "P1 has no rule of its own, or what is P1 or P2 is told to nobody, or only in business hours.",
    "Add a rule that chooses a policy for it, above the last one.",
)
LONGER_THAN_SLA = _error(
    "longer-than-sla",
    "The SLA's time to acknowledge is over before anybody is told again, or to resolve before the last step.",
    "Shorten acknowledge_within, tell more people at once, or promise less.",
)
NO_COMMANDER = _warning(
    "no-commander",
    "A path for P1 names nobody as commander.",
    "Add `commander` to the roles of a step.",
)
LADDER_GOES_NOWHERE = _warning(
    "ladder-goes-nowhere",
    "Every step of a policy reaches the same one person.",
    "Let a later step reach somebody else, such as owner.parent.",
)
CHECKPOINT_ALONE = _error(
    "checkpoint-alone",
    "Nobody who may approve can be reached, the deputy is the same person, or approving may outlast the SLA.",
    "Name a deputy who is somebody else, and give them less time.",
)
VENDOR_WITHOUT_CONTRACT = _warning(
    "vendor-without-contract",
    "A vendor whom a policy calls has no contact, or no time in which it has to answer.",
    "Add contact and respond_within to the vendor.",
)
CHANNEL_WITHOUT_ADDRESS = _warning(
    "channel-without-address",
    "A policy writes into a channel that leads nowhere.",
    "Give the channel an address, or leave it out of the step.",
)
SUPPRESS_HIDES_ANYTHING = _error(
    "suppress-hides-anything",
    "A rule tells nobody of whatever comes at a time or from a place, P1 included.",
    "Add a fact of the incident to its condition, or `priority != 'P1'`.",
)
LIMIT_CANNOT_HOLD = _warning(
    "limit-cannot-hold",
    "A limit of nights or of pages has nobody to go to: one person is alone on a layer.",
    "Put a second person on the layer, or take the limit away.",
)
TEAM_WITHOUT_ANSWER = _error(
    "team-without-answer",
    "A team that owns a service, or that a rule assigns, has nobody; only the triage desk answers for it.",
    "Give it responders or a schedule, or a parent who has.",
)
TEAM_INACTIVE = _warning(
    "team-inactive",
    "A rule gives incidents to a team that is not active; another one answers.",
    "Name the team that answers.",
)
POLICY_UNUSED = _warning(
    "policy-unused",
    "No rule chooses a policy.",
    "Add a rule that chooses it, or delete it.",
)
REVIEW_OVERDUE = _warning(
    "review-overdue",
    "The day is past on which somebody meant to look again whether it is still right.",
    "Look, and set review_after to a later day.",
)

KINDS = tuple(value for value in list(globals().values()) if isinstance(value, Kind))


class Places:
    """Lines of a configuration's entries."""

    def __init__(self, configuration: Configuration) -> None:
        self._documents: dict[str, Document] = {
            CATALOGUE_FILE: read_document(configuration.catalogue_text, CATALOGUE_FILE),
            POLICY_FILE: read_document(configuration.policy_text, POLICY_FILE),
        }

    def in_policy(self, kind: Kind, where: str, message: str, path: Path) -> Finding:
        return self._found(kind, where, message, POLICY_FILE, path)

    def in_catalogue(self, kind: Kind, where: str, message: str, path: Path) -> Finding:
        return self._found(kind, where, message, CATALOGUE_FILE, path)

    def _found(self, kind: Kind, where: str, message: str, file: str, path: Path) -> Finding:
        return Finding(
            kind=kind, where=where, message=message, file=file, line=self._documents[file].line_of(path)
        )
