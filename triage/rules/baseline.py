"""Where a decision starts before any rule: the strongest of what people, the source and the model said.

For both labels the order is the same. A person's override of this incident comes first, then a
person's correction of its pattern, then what somebody chose already, then a model that does not
abstain, then the catalogue, and last a fallback that always answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from triage.domain.catalogue import Catalogue, Team
from triage.domain.decision import (
    Alternative,
    DecisionSource,
    LabelSuggestion,
    PriorityDecision,
    Standing,
    Suggestion,
    TeamDecision,
    TriageOverride,
)
from triage.domain.incident import Incident
from triage.domain.priority import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is known when a decision starts. ``words``: the team that the catalogue's own words suggest."""

    incident: Incident
    suggestion: Suggestion
    words: LabelSuggestion
    override: TriageOverride | None
    correction: TriageOverride | None
    standing: Standing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """``doubts`` are reasons for a reviewer to look."""

    priority: PriorityDecision
    team: TeamDecision
    doubts: tuple[str, ...]


def baseline(said: Said, catalogue: Catalogue) -> Baseline:
    doubts: list[str] = []
    priority = _priority(said, catalogue, doubts)
    team = _team(said, catalogue, doubts)
    if said.standing is not None:
        priority, team = _stand_by(said.standing, priority, team, catalogue)
    return Baseline(priority=priority, team=team, doubts=tuple(doubts))


_PEOPLE = (DecisionSource.OVERRIDE, DecisionSource.CORRECTION)


def _stand_by(
    standing: Standing, priority: PriorityDecision, team: TeamDecision, catalogue: Catalogue
) -> tuple[PriorityDecision, TeamDecision]:
    """What is decided already on an open incident stands, unless people say otherwise or it is more urgent now."""
    if priority.source not in _PEOPLE and standing.priority.is_more_urgent_than(priority.value):
        priority = replace(
            priority,
            value=standing.priority,
            label=catalogue.label_of(standing.priority),
            source=standing.priority_source,
            probability=None,
        )
    if team.source not in _PEOPLE and team.value != standing.team:
        team = replace(team, value=standing.team, source=standing.team_source, probability=None)
    return priority, team


def _priority(said: Said, catalogue: Catalogue, doubts: list[str]) -> PriorityDecision:
    value, source = _priority_value(said, catalogue, doubts)
    suggested = said.suggestion.priority
    if source not in _PEOPLE:
        value, source = _raise(suggested, value, source, catalogue, doubts)
    return PriorityDecision(
        value=value,
        label=catalogue.label_of(value),
        source=source,
        probability=_probability_of(value, suggested, catalogue) if source is DecisionSource.MODEL else None,
        abstained=suggested.abstained,
        alternatives=_priority_alternatives(suggested, value, source, catalogue),
    )


def _priority_value(said: Said, catalogue: Catalogue, doubts: list[str]) -> tuple[Priority, DecisionSource]:
    for person, source in _people(said):
        if person.priority is not None:
            return person.priority, source
    stated = _stated_priority(said.incident, catalogue)
    suggested = said.suggestion.priority
    model = catalogue.find_priority(suggested.concluded)
    if suggested.value is not None and model is None:
        doubts.append("the model's priority is not a word of the catalogue")
    if model is None or suggested.abstained:
        if model is not None:
            doubts.append("the model abstained on the priority")
        rated = _rated_priority(said, catalogue)
        if stated is not None or rated is None:
            return stated or (catalogue.default_priority, DecisionSource.FALLBACK)
        model = rated
    severity = catalogue.find_severity(said.incident.severity)
    if severity is not None and severity.floor.is_more_urgent_than(model):
        doubts.append("the model's priority is below the reported severity's floor")
        return severity.floor, DecisionSource.REPORTED
    return model, DecisionSource.MODEL


def _rated_priority(said: Said, catalogue: Catalogue) -> Priority | None:
    """What the organisation's matrix makes of impact and urgency, where what nobody stated is suggested by a model
    that does not abstain."""
    words = [
        stated if stated is not None else (None if suggested.abstained else suggested.concluded)
        for stated, suggested in (
            (said.incident.impact, said.suggestion.impact),
            (said.incident.urgency, said.suggestion.urgency),
        )
    ]
    return catalogue.find_matrix_priority(*words)


def _raise(
    suggested: LabelSuggestion, value: Priority, source: DecisionSource, catalogue: Catalogue, doubts: list[str]
) -> tuple[Priority, DecisionSource]:
    """The bound on missed urgent incidents holds for all of them, also where the model abstains otherwise."""
    least = catalogue.find_priority(suggested.concluded) if suggested.raised else None
    if least is None or not least.is_more_urgent_than(value):
        return value, source
    doubts.append("raised, so that no more urgent incidents are missed than was promised")
    return least, DecisionSource.MODEL


def _probability_of(value: Priority, suggested: LabelSuggestion, catalogue: Catalogue) -> float | None:
    """Of the label that ``value`` stands for; None where the matrix made it of two others."""
    return suggested.concluded_probability if catalogue.find_priority(suggested.concluded) is value else None


def _stated_priority(incident: Incident, catalogue: Catalogue) -> tuple[Priority, DecisionSource] | None:
    """The more urgent of what the matrix makes of impact and urgency and of what severity was reported."""
    matrix = catalogue.find_matrix_priority(incident.impact, incident.urgency)
    reported = catalogue.find_priority(incident.severity)
    if matrix is not None and (reported is None or not reported.is_more_urgent_than(matrix)):
        return matrix, DecisionSource.MATRIX
    return (reported, DecisionSource.REPORTED) if reported is not None else None


def _priority_alternatives(
    suggested: LabelSuggestion, value: Priority, source: DecisionSource, catalogue: Catalogue
) -> tuple[Alternative, ...]:
    """The model's other priorities in our own order of words; words of one priority are added up."""
    summed: dict[Priority, float] = {}
    for label, probability in _labelled(suggested):
        priority = catalogue.find_priority(label)
        if priority is not None:
            summed[priority] = summed.get(priority, 0.0) + probability
    if source is DecisionSource.MODEL:
        summed.pop(value, None)
    ordered = sorted(summed.items(), key=lambda item: (-item[1], item[0].rank))
    return tuple(Alternative(value=p.value, probability=round(q, 6)) for p, q in ordered)


def _team(said: Said, catalogue: Catalogue, doubts: list[str]) -> TeamDecision:
    team, source = _team_value(said, catalogue, doubts)
    suggested = said.suggestion.team
    words = said.words
    return TeamDecision(
        value=team.id,
        source=source,
        probability=suggested.probability if source is DecisionSource.MODEL else None,
        abstained=suggested.abstained and (words.value is None or words.abstained),
        alternatives=tuple(_team_alternatives(suggested, team, catalogue)),
    )


def _team_value(said: Said, catalogue: Catalogue, doubts: list[str]) -> tuple[Team, DecisionSource]:
    for person, source in _people(said):
        if person.team is not None:
            return catalogue.answering_team(person.team), source
    incident, suggested = said.incident, said.suggestion.team
    owner = catalogue.find_service(incident.service, incident.environment)
    second = said.suggestion.second_look
    if second is not None and second.looks_wrong:
        doubts.append("the team somebody chose looks wrong")
    assigned = catalogue.find_team(incident.assigned_team)
    if assigned is not None and assigned.active:
        if owner is not None and catalogue.answering_team(owner.owner).id != assigned.id:
            doubts.append("the team somebody chose does not own the service")
        return assigned, DecisionSource.REPORTED
    if incident.assigned_team is not None:
        doubts.append("the team somebody chose is not an active team of the catalogue")
    model = catalogue.find_team(suggested.value)
    if suggested.value is not None and (model is None or not model.active):
        doubts.append("the model's team is not an active team of the catalogue")
    elif model is not None and not suggested.abstained:
        return model, DecisionSource.MODEL
    if model is not None and suggested.abstained:
        doubts.append("the model abstained on the team")
    if owner is not None:
        return catalogue.answering_team(owner.owner), DecisionSource.CATALOGUE
    by_words = catalogue.find_team(said.words.value)
    if by_words is not None and not said.words.abstained:
        return catalogue.answering_team(by_words.id), DecisionSource.CATALOGUE
    doubts.append("no team could be suggested")
    return catalogue.answering_team(None), DecisionSource.FALLBACK


def _team_alternatives(suggested: LabelSuggestion, chosen: Team, catalogue: Catalogue) -> Iterator[Alternative]:
    seen = {chosen.id}
    for label, probability in _labelled(suggested):
        team = catalogue.find_team(label)
        name = team.id if team is not None else label
        if name not in seen:
            seen.add(name)
            yield Alternative(value=name, probability=round(probability, 6))


def _people(said: Said) -> Iterator[tuple[TriageOverride, DecisionSource]]:
    if said.override is not None:
        yield said.override, DecisionSource.OVERRIDE
    if said.correction is not None:
        yield said.correction, DecisionSource.CORRECTION


def _labelled(suggested: LabelSuggestion) -> Iterator[tuple[str, float]]:
    if suggested.value is not None and suggested.probability is not None:
        yield suggested.value, suggested.probability
    for alternative in suggested.alternatives:
        yield alternative.value, alternative.probability
