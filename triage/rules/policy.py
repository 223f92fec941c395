"""``escalation.yaml`` → ``RuleBook``: the shape, every reference and condition, and that a rule always chooses."""

from collections.abc import Mapping

from triage.domain.catalogue import Catalogue
from triage.domain.escalation import Checkpoint, EscalationPolicy, Step, Updates
from triage.rules.catalogue import content_version
from triage.rules.chooser import RuleBook
from triage.rules.document import Document, Path, near_or_known, read_document
from triage.rules.expression import Condition, ExpressionFault, Language
from triage.rules.facts import MODEL_FACTS
from triage.rules.policy_shape import (
    CheckpointShape,
    PolicyFileShape,
    PolicyShape,
    RuleShape,
    StepShape,
    ThenShape,
    UpdatesShape,
)
from triage.rules.rule import Adjustment, RequiredCheckpoint, Rule
from triage.rules.shape import read_shape
from triage.rules.targets import SERVICE_VENDOR, known_ids, target_fault


def load_policy(text: str, file_name: str, catalogue: Catalogue) -> RuleBook:
    """Raises ``ConfigurationError`` with the line of the first fault and the number of further ones; a file with
    any fault is refused as a whole."""
    document = read_document(text, file_name)
    shape = read_shape(PolicyFileShape, document)
    _References(document, catalogue).check(shape)
    _check_order(shape, document)
    language = Language()
    rules = tuple(_rule(rule, ("rules", n), document, language) for n, rule in enumerate(shape.rules))
    document.raise_faults()
    return RuleBook(
        version=content_version("policy", text),
        catalogue=catalogue,
        rules=rules,
        policies={policy_id: _policy(policy_id, policy) for policy_id, policy in shape.policies.items()},
        language=language,
    )


class _References:
    """Whether every name in the file stands for something in the catalogue or in the file."""

    def __init__(self, document: Document, catalogue: Catalogue) -> None:
        self._document = document
        self._targets = known_ids(catalogue)
        self._channels = [*catalogue.channels, *{channel.stage for channel in catalogue.channels.values()}]

    def check(self, shape: PolicyFileShape) -> None:
        for number, rule in enumerate(shape.rules):
            self._owner(("rules", number, "owner"), rule.owner)
            self._then(("rules", number, "then"), rule.then, shape.policies)
        for policy_id, policy in shape.policies.items():
            self._owner(("policies", policy_id, "owner"), policy.owner)
            if policy.steps[0].checkpoint is not None:
                message = "an approval must not hold back who is told first; put it on a later step"
                self._document.fault(("policies", policy_id, "steps", 0, "checkpoint"), message)
            for number, step in enumerate(policy.steps):
                self._step(("policies", policy_id, "steps", number), step)
            if policy.updates is not None:
                path: Path = ("policies", policy_id, "updates")
                self._all_channels((*path, "channels"), policy.updates.channels)
                self._all_targets((*path, "targets"), policy.updates.targets)

    def _known(self, path: Path, kind: str, found: str | None, ids: Mapping[str, object] | list[str]) -> None:
        if found is not None and found not in ids:
            self._document.fault(path, f"unknown {kind} {found!r}{near_or_known(found, ids)}")

    def _owner(self, path: Path, owner: str) -> None:
        self._known(path, "team or person", owner, [*self._targets["team"], *self._targets["person"]])

    def _then(self, path: Path, then: ThenShape, policies: Mapping[str, object]) -> None:
        self._known((*path, "assign"), "team", then.assign, self._targets["team"])
        self._known((*path, "policy"), "policy", then.policy, policies)
        self._all_targets((*path, "also_tell"), then.also_tell or [])
        self._somebody_of_ours((*path, "straight_to"), then.straight_to)
        self._checkpoint((*path, "checkpoint"), then.checkpoint)

    def _step(self, path: Path, step: StepShape) -> None:
        self._somebody_of_ours((*path, "targets"), step.targets)
        self._all_channels((*path, "channels"), step.channels)
        for part, target in step.roles.items():
            self._target((*path, "roles", part.value), target)
        self._checkpoint((*path, "checkpoint"), step.checkpoint)

    def _checkpoint(self, path: Path, checkpoint: CheckpointShape | None) -> None:
        if checkpoint is not None:
            self._known((*path, "role"), "role", checkpoint.role, self._targets["role"])
            self._known((*path, "deputy"), "role", checkpoint.deputy, self._targets["role"])

    def _somebody_of_ours(self, path: Path, targets: list[str] | None) -> None:
        self._all_targets(path, targets or [])
        if targets and all(target.startswith("vendor:") or target == SERVICE_VENDOR for target in targets):
            message = "only vendors; name somebody of the organisation too, for a vendor does not acknowledge"
            self._document.fault(path, message)

    def _all_channels(self, path: Path, channels: list[str]) -> None:
        for number, channel in enumerate(channels):
            self._known((*path, number), "channel or stage", channel, self._channels)

    def _all_targets(self, path: Path, targets: list[str]) -> None:
        for number, target in enumerate(targets):
            self._target((*path, number), target)

    def _target(self, path: Path, target: str) -> None:
        fault = target_fault(target, self._targets)
        if fault:
            self._document.fault(path, fault)


def _check_order(shape: PolicyFileShape, document: Document) -> None:
    """One id, one rule; and exactly the last rule that chooses a policy has no condition."""
    first: dict[str, int] = {}
    for number, rule in enumerate(shape.rules):
        if first.setdefault(rule.id, number) != number:
            line = document.line_of(("rules", first[rule.id], "id"))
            message = f"duplicate rule id {rule.id!r}, first given in line {line}; give one of them another"
            document.fault(("rules", number, "id"), message)
    choosing = [(number, rule) for number, rule in enumerate(shape.rules) if rule.then.policy is not None]
    for number, rule in choosing[:-1]:
        if rule.when is None:
            message = (
                "it always chooses its policy, so the policy rules below it are never reached; add a 'when', or"
                " move it below them"
            )
            document.fault(("rules", number, "then", "policy"), message)
    if not choosing:
        message = "no rule chooses a policy; add one without 'when' at the end, with then: {policy: …}"
        document.fault(("rules",), message)
    elif choosing[-1][1].when is not None:
        message = (
            "the last rule that chooses a policy must have no 'when', so that one always does; take it away, or"
            " add such a rule below"
        )
        document.fault(("rules", choosing[-1][0], "when"), message)


def _rule(shape: RuleShape, path: Path, document: Document, language: Language) -> Rule:
    when = _condition(shape, (*path, "when"), document, language)
    quiet = "suppress" if shape.then.suppress else "hold" if shape.then.hold else None
    if when is not None and quiet and when.facts <= MODEL_FACTS:
        message = f"it would {quiet} on the model's word alone; ask for a fact of the incident too"
        document.fault((*path, "when"), message)
    return Rule(
        id=shape.id,
        owner=shape.owner,
        review_after=shape.review_after,
        when=when,
        then=shape.then.policy or _adjustment(shape.then),
    )


def _condition(shape: RuleShape, path: Path, document: Document, language: Language) -> Condition | None:
    if shape.when is None:
        return None
    try:
        return language.compile(shape.when)
    except ExpressionFault as fault:
        document.fault_in_text(path, str(fault), fault.line)
        return None


def _adjustment(shape: ThenShape) -> Adjustment:
    required = shape.checkpoint
    return Adjustment(
        set_priority=shape.set_priority,
        priority_at_least=shape.priority_at_least,
        priority_at_most=shape.priority_at_most,
        assign=shape.assign,
        also_tell=tuple(shape.also_tell or ()),
        straight_to=tuple(shape.straight_to or ()),
        checkpoint=RequiredCheckpoint(checkpoint=_checkpoint(required), stage=required.before)
        if required
        else None,
        require_review=shape.require_review,
        suppress=shape.suppress,
        hold=shape.hold,
    )


def _policy(policy_id: str, shape: PolicyShape) -> EscalationPolicy:
    return EscalationPolicy(
        id=policy_id,
        owner=shape.owner,
        kinds=tuple(shape.kinds),
        steps=tuple(_step(step) for step in shape.steps),
        description=shape.description,
        review_after=shape.review_after,
        mode=shape.mode,
        repeat=shape.repeat,
        updates=_updates(shape.updates) if shape.updates else None,
    )


def _updates(shape: UpdatesShape) -> Updates:
    return Updates(
        every=shape.every,
        template=shape.template,
        channels=tuple(shape.channels),
        targets=tuple(shape.targets),
    )


def _step(shape: StepShape) -> Step:
    return Step(
        targets=tuple(shape.targets),
        channels=tuple(shape.channels),
        require=shape.require,
        roles={part.value: target for part, target in shape.roles.items()},
        after=shape.after,
        acknowledge_within=shape.acknowledge_within,
        resolve_within=shape.resolve_within,
        repeat=shape.repeat,
        checkpoint=_checkpoint(shape.checkpoint) if shape.checkpoint else None,
        round_robin=shape.round_robin,
        in_hours=shape.in_hours,
    )


def _checkpoint(shape: CheckpointShape) -> Checkpoint:
    return Checkpoint(
        id=shape.id,
        role=shape.role,
        reason=shape.reason,
        decide_within=shape.decide_within,
        deputy=shape.deputy,
    )
