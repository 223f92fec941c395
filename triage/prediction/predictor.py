"""A bundle's suggestions: pure given incidents and embeddings, each incident for itself."""

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from triage.domain.decision import Alternative, FeatureWeight, LabelSuggestion, SecondLook, Suggestion
from triage.domain.incident import Incident
from triage.prediction.bundle import Bundle, open_bundle
from triage.prediction.encoder import Embeddings, Encoder, Pieces
from triage.prediction.explanation import Explainer, Spelling
from triage.prediction.features import FeatureVector, extract, fact_names
from triage.prediction.head import Head, Probabilities
from triage.prediction.recent import Recent
from triage.prediction.text import incident_text

PRIORITY = "priority"
TEAM = "team"
SECOND_LOOK = "second_look"
IMPACT = "impact"
URGENCY = "urgency"

ALTERNATIVES = 5
_FEATURES = 8
_LATELY = 2_048
"""Suggestions kept: at some 5 KB each, text included, about 10 MB."""


class Predictor:
    """The heads of one bundle, asked about a batch. ``suggest`` neither encodes nor remembers."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.encoder: Encoder = bundle.encoder
        self._spelling = Spelling(bundle.encoder)
        self._priority = bundle.heads.get(PRIORITY)
        self._team = bundle.heads.get(TEAM)
        self._second_look = bundle.heads.get(SECOND_LOOK)
        self._impact = bundle.heads.get(IMPACT)
        self._urgency = bundle.heads.get(URGENCY)
        self._lately: Recent[Hashable, Suggestion] = Recent(_LATELY)

    @classmethod
    def open(cls, folder: Path, workers: int | None = None) -> "Predictor":
        """Raises ``BundleError`` as ``open_bundle`` does."""
        return cls(open_bundle(folder, workers))

    @property
    def version(self) -> str:
        return self.bundle.version

    @property
    def encoder_version(self) -> str:
        return self.bundle.manifest.encoder_version

    def suggest(self, incidents: Sequence[Incident], embeddings: Embeddings) -> list[Suggestion]:
        """``embeddings`` of shape (n, dimensions), the encoder's for each incident's ``incident_text``."""
        return [self._suggest_again(one, row) for one, row in zip(incidents, embeddings, strict=True)]

    def _suggest_again(self, incident: Incident, embedding: Embeddings) -> Suggestion:
        """In a storm the same alert comes thousands of times, and says the same each time."""
        # Of an incident with more facts than are read, each kind of head reads others.
        facts = (fact_names(incident, "plain"), fact_names(incident, "assigned"), fact_names(incident, "unrated"))
        key = (incident_text(incident), *facts, *_stated(incident), embedding.tobytes())
        found = self._lately.find([key]).get(key)
        if found is None:
            found = self._suggest_one(incident, embedding)
            self._lately.keep({key: found})
        return found

    def close(self) -> None:
        self.encoder.close()

    def _suggest_one(self, incident: Incident, embedding: Embeddings) -> Suggestion:
        if not self.bundle.heads:
            return Suggestion(bundle=self.version)
        pieces = self.encoder.pieces_of(incident_text(incident))
        plain = extract(incident, pieces, embedding)
        explainer = Explainer(self._spelling, pieces)
        priority, priority_features = _ask(self._priority, plain, explainer)
        look = None
        if self._second_look is not None and incident.assigned_team:
            assigned = extract(incident, pieces, embedding, "assigned")
            team, team_features = _ask(self._second_look, assigned, explainer)
            look = _second_look(incident.assigned_team, self._second_look, assigned, team)
        else:
            team, team_features = _ask(self._team, plain, explainer)
        impact, urgency = self._rate(incident, pieces, embedding)
        return Suggestion(
            priority=priority,
            team=team,
            impact=impact,
            urgency=urgency,
            features=_loudest(team_features, priority_features),
            second_look=look,
            bundle=self.version,
        )

    def _rate(
        self, incident: Incident, pieces: Pieces, embedding: Embeddings
    ) -> tuple[LabelSuggestion, LabelSuggestion]:
        """Impact and urgency, each where nobody stated it."""
        wanted = [
            head if stated is None else None
            for head, stated in ((self._impact, incident.impact), (self._urgency, incident.urgency))
        ]
        if not any(wanted):
            return LabelSuggestion(), LabelSuggestion()
        vector = extract(incident, pieces, embedding, "unrated")
        impact, urgency = (
            LabelSuggestion() if head is None else suggestion_of(head, head.probabilities(head.row(vector)))
            for head in wanted
        )
        return impact, urgency


def _stated(incident: Incident) -> tuple[str | None, ...]:
    """What decides which heads are asked, also where an incident has more facts than are read."""
    return incident.impact, incident.urgency, incident.assigned_team


def _ask(
    head: Head | None, vector: FeatureVector, explainer: Explainer
) -> tuple[LabelSuggestion, tuple[FeatureWeight, ...]]:
    if head is None:
        return LabelSuggestion(), ()
    row = head.row(vector)
    probabilities = head.probabilities(row)
    top = int(probabilities.argmax())
    return suggestion_of(head, probabilities), explainer.explain(head, vector, row, top)


def suggestion_of(head: Head, probabilities: Probabilities) -> LabelSuggestion:
    """The most probable label, the next ones, whether it is probable enough to act alone, and what is concluded;
    ``probabilities`` of shape (k,)."""
    order = np.argsort(-probabilities, kind="stable")
    told = order[: ALTERNATIVES + 1]
    value, *others = (head.labels[at] for at in told.tolist())
    probability, *less_probable = probabilities[told].tolist()
    conclusion = head.settings.conclusion
    threshold = conclusion.thresholds.of(value)
    row = probabilities[None, :]
    chosen = int(conclusion.choose(row, head.labels)[0])
    return LabelSuggestion(
        value=value,
        probability=probability,
        abstained=threshold is None or probability < threshold,
        threshold=threshold,
        alternatives=tuple(
            Alternative(value=other, probability=p) for other, p in zip(others, less_probable, strict=True)
        ),
        choice=_choice(head, chosen, probabilities) if head.labels[chosen] != value else None,
        raised=bool(conclusion.raised(row, head.labels)[0]),
        likely=_likely(head, row, order),
    )


def _choice(head: Head, at: int, probabilities: Probabilities) -> Alternative:
    return Alternative(value=head.labels[at], probability=float(probabilities[at]))


def _likely(head: Head, row: Probabilities, order: NDArray[np.intp]) -> tuple[str, ...]:
    """The promised set, most probable first."""
    sets = head.settings.conclusion.sets
    if sets is None:
        return ()
    inside = sets.sets(row)[0]
    return tuple(head.labels[at] for at in order.tolist() if inside[at])


def _second_look(assigned_team: str, head: Head, vector: FeatureVector, suggested: LabelSuggestion) -> SecondLook:
    """A team the head has never seen has probability 0: it may be new, so only a sure other team says "wrong"."""
    at = head.find_label(assigned_team)
    agrees = at is not None and head.labels[at] == suggested.value
    probability = float(head.probabilities(head.row(vector))[at]) if at is not None else 0.0
    doubt = head.settings.conclusion.doubt
    unlikely = not suggested.abstained if at is None else doubt is not None and 1.0 - probability >= doubt
    return SecondLook(
        assigned_team=assigned_team,
        probability=probability,
        better_team=None if agrees else suggested.value,
        better_probability=None if agrees else suggested.probability,
        looks_wrong=not agrees and unlikely,
    )


def _loudest(*groups: tuple[FeatureWeight, ...]) -> tuple[FeatureWeight, ...]:
    """The heaviest features of all heads; one that spoke to two of them is told once, with its greater weight."""
    heaviest: dict[str, FeatureWeight] = {}
    for feature in (feature for group in groups for feature in group):
        known = heaviest.get(feature.feature)
        if known is None or known.weight < feature.weight:
            heaviest[feature.feature] = feature
    return tuple(sorted(heaviest.values(), key=lambda f: (-f.weight, f.feature))[:_FEATURES])
