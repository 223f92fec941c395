"""From a case to a decision: pure, so that the service, a replay and a rehearsal conclude the same.

No clock, no database. Everything that the conclusion rests on is in the case or in the versions of
the bundle and the configuration that the decider holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage import __version__
from triage.domain.catalogue import Catalogue
from triage.domain.decision import (
    Decision,
    DecisionInputs,
    DecisionSource,
    Explanation,
    FeatureWeight,
    LabelSuggestion,
    PriorityDecision,
    Review,
    Suggestion,
    TeamDecision,
    Versions,
)
from triage.prediction.cold_start import ColdStart
from triage.prediction.predictor import Predictor
from triage.rules.baseline import Baseline, Said, baseline
from triage.rules.chooser import RuleFacts, RuleOutcome
from triage.rules.configuration import Configuration

Embedding = NDArray[np.float16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One incident to decide on. ``embedding``: of its text by the decider's encoder, shape (dimensions,),
    or None when there was no encoder."""

    inputs: DecisionInputs
    embedding: Embedding | None = None
    decision_id: str | None = None
    incident_id: str | None = None


class Decider:
    """The bundle and the configuration in force. ``predictor`` None: prediction abstains, rules decide alone."""

    def __init__(
        self, configuration: Configuration, predictor: Predictor | None, cold_start: ColdStart | None
    ) -> None:
        self.configuration = configuration
        self.predictor = predictor
        self.cold_start = cold_start

    @property
    def catalogue(self) -> Catalogue:
        return self.configuration.catalogue

    @property
    def versions(self) -> Versions:
        return Versions(
            bundle=self.predictor.version if self.predictor else "none",
            policy=self.configuration.rulebook.version,
            catalogue=self.catalogue.version,
            code=__version__,
        )

    def decide(self, cases: Sequence[Case]) -> list[Decision]:
        """One decision per case, in order. A case's decision does not depend on the others."""
        suggestions = self._suggest(cases)
        return [self._conclude(case, suggestion) for case, suggestion in zip(cases, suggestions, strict=True)]

    def _suggest(self, cases: Sequence[Case]) -> list[Suggestion]:
        found = [Suggestion() for _ in cases]
        places = [place for place, case in enumerate(cases) if case.embedding is not None]
        if self.predictor is None or not places:
            return found
        embeddings = np.stack([embedding for place in places if (embedding := cases[place].embedding) is not None])
        suggested = self.predictor.suggest([cases[place].inputs.incident for place in places], embeddings)
        for place, suggestion in zip(places, suggested, strict=True):
            found[place] = suggestion
        return found

    def _conclude(self, case: Case, suggestion: Suggestion) -> Decision:
        catalogue = self.catalogue
        words, matched = self._words(case, suggestion)
        said = Said(
            incident=case.inputs.incident,
            suggestion=suggestion,
            words=words,
            override=case.inputs.override,
            correction=case.inputs.correction,
            standing=case.inputs.standing,
        )
        start = baseline(said, catalogue)
        outcome = self.configuration.rulebook.decide(
            RuleFacts(
                incident=case.inputs.incident,
                service=catalogue.find_service(case.inputs.incident.service, case.inputs.incident.environment),
                suggestion=suggestion,
                recurrence=case.inputs.recurrence,
                priority=start.priority.value,
                priority_source=start.priority.source,
                team=start.team.value,
                team_source=start.team.source,
                now=case.inputs.now,
                opened_at=case.inputs.opened_at,
                before=case.inputs.standing,
                progress=case.inputs.progress,
                silence=case.inputs.silence,
                oncall_overrides=case.inputs.oncall_overrides,
            )
        )
        similar = tuple(x for x in (case.inputs.recurrence.of, *case.inputs.recurrence.related) if x is not None)
        degraded = tuple(dict.fromkeys((*case.inputs.degraded, *suggestion.degraded)))
        reasons = _reasons(start, outcome, degraded)
        return Decision(
            decision_id=case.decision_id,
            incident_id=case.incident_id,
            decided_at=case.inputs.now,
            priority=_final_priority(start.priority, outcome, catalogue),
            team=_final_team(start.team, outcome),
            recurrence=case.inputs.recurrence,
            escalation=outcome.path,
            review=Review(required=bool(reasons), reasons=reasons),
            explanation=Explanation(
                features=suggestion.features or matched, similar=similar, rules=tuple(outcome.fired)
            ),
            versions=self.versions,
            second_look=suggestion.second_look,
            degraded=degraded,
            notes=outcome.notes,
            rule_faults=outcome.faults,
        )

    def _words(self, case: Case, suggestion: Suggestion) -> tuple[LabelSuggestion, tuple[FeatureWeight, ...]]:
        """What the catalogue's own words say of the team, where no model speaks for itself."""
        if self.cold_start is None or case.embedding is None or not suggestion.team.abstained:
            return LabelSuggestion(source=DecisionSource.CATALOGUE), ()
        return self.cold_start.suggest_team(case.inputs.incident, case.embedding)


def _reasons(start: Baseline, outcome: RuleOutcome, degraded: tuple[str, ...]) -> tuple[str, ...]:
    faults = tuple(f"a condition could not be evaluated: {fault}" for fault in outcome.faults)
    missing = tuple(f"decided without {part}" for part in degraded)
    return tuple(dict.fromkeys((*start.doubts, *outcome.review_reasons, *faults, *missing)))


def _final_priority(start: PriorityDecision, outcome: RuleOutcome, catalogue: Catalogue) -> PriorityDecision:
    if outcome.priority is start.value:
        return start
    return PriorityDecision(
        value=outcome.priority,
        label=catalogue.label_of(outcome.priority),
        source=outcome.priority_source,
        abstained=start.abstained,
        alternatives=start.alternatives,
    )


def _final_team(start: TeamDecision, outcome: RuleOutcome) -> TeamDecision:
    if outcome.team == start.value:
        return start
    return TeamDecision(
        value=outcome.team,
        source=outcome.team_source,
        abstained=start.abstained,
        alternatives=start.alternatives,
    )
