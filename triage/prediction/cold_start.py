"""A team before there is any history: whose words in the catalogue does this incident speak?

Two kinds of evidence are added up. Shared words, and shared pieces of words, weigh by how few teams use them:
they are precise, and technical words are the same in every language. Embeddings of whole phrases find what is
said in other words. Neither is calibrated, so a suggestion has no probability, and it abstains when the best
team's evidence is weak or another's is nearly as good.
"""

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from triage.domain.catalogue import Catalogue, fold
from triage.domain.decision import DecisionSource, FeatureWeight, LabelSuggestion
from triage.domain.incident import Incident
from triage.prediction.catalogue_words import PhraseKind, grams_of, phrases_of, words_of
from triage.prediction.encoder import Embeddings, Encoder
from triage.prediction.text import incident_text

LEAST_EVIDENCE = 0.4
LEAST_MARGIN = 0.2

_ENOUGH = 1.0
"""So much worth in shared words makes 63 % of full evidence; more adds less and less."""

_WORTH = {PhraseKind.NAME: 1.0, PhraseKind.DESCRIPTION: 0.7, PhraseKind.EXAMPLE: 0.4}
"""What a word is worth by where it stands: a description is chosen with more care than an example."""

_PART = 0.8
"""What shared pieces of a word are worth against the whole word."""

_NAMED = 0.5
"""What it adds to mention a team or a service by its whole name."""

_NEAR = 0.3
"""Below this cosine a phrase is no evidence at all."""

_MEANING_SHARE = 1.0
_MOST_FEATURES = 5

Rarities = dict[str, dict[int, float]]


class ColdStart:
    """Reads and encodes the catalogue's words once; then a suggestion costs no encoding of its own."""

    def __init__(self, catalogue: Catalogue, encoder: Encoder) -> None:
        phrases = phrases_of(catalogue)
        self._teams = sorted({phrase.team for phrase in phrases})
        number = {team: at for at, team in enumerate(self._teams)}
        used = [
            (number[phrase.team], word, _WORTH[phrase.kind])
            for phrase in phrases
            for word in words_of(phrase.text)
        ]
        self._words = _rarities(len(number), used)
        self._grams = _rarities(
            len(number), ((team, gram, weight) for team, word, weight in used for gram in grams_of(word))
        )
        self._names = {
            f" {fold(p.text)} ": number[p.team] for p in phrases if p.kind is PhraseKind.NAME and len(p.text) > 2
        }
        sentences = [phrase for phrase in phrases if phrase.kind is not PhraseKind.NAME]
        self._phrases = [phrase.text for phrase in sentences]
        self._phrase_team = [number[phrase.team] for phrase in sentences]
        self._meaning: NDArray[np.float32] = encoder.encode(self._phrases).astype(np.float32)

    def suggest_team(
        self, incident: Incident, embedding: Embeddings
    ) -> tuple[LabelSuggestion, tuple[FeatureWeight, ...]]:
        """A team's id, and the words and phrases that matched; ``embedding`` is of the incident's text.

        ``value`` None where nothing matched at all. The weights are this method's own evidence, not log-odds.
        """
        words = self._shared_words(incident)
        meaning = self._near_phrases(embedding)
        evidence = [
            1.0
            - math.exp(-sum(words[team].values()) / _ENOUGH)
            + _MEANING_SHARE * max(meaning[team].values(), default=0.0)
            for team in range(len(self._teams))
        ]
        best, *others = sorted(range(len(self._teams)), key=lambda team: -evidence[team]) or [-1]
        if best < 0 or evidence[best] <= 0.0:
            return LabelSuggestion(source=DecisionSource.CATALOGUE), ()
        second = evidence[others[0]] if others else 0.0
        strong = evidence[best] >= LEAST_EVIDENCE and evidence[best] - second >= LEAST_MARGIN
        suggestion = LabelSuggestion(
            value=self._teams[best], abstained=not strong, source=DecisionSource.CATALOGUE
        )
        return suggestion, _heaviest(words[best], meaning[best])

    def _shared_words(self, incident: Incident) -> defaultdict[int, dict[str, float]]:
        """For each team, what it shares with the incident and how rare that is among teams."""
        text = " ".join(filter(None, (incident_text(incident), incident.service, incident.kind)))
        found: defaultdict[int, dict[str, float]] = defaultdict(dict)
        for word in dict.fromkeys(words_of(text)):
            if word in self._words:
                for team, rarity in self._words[word].items():
                    found[team][f"word: {word}"] = rarity
            else:
                for team, rarity in self._shared_parts(word).items():
                    found[team][f"part of word: {word}"] = _PART * rarity
        folded = f" {fold(text)} "
        for name, team in self._names.items():
            if name in folded:
                found[team][f"name: {name.strip()}"] = _NAMED
        return found

    def _shared_parts(self, word: str) -> dict[int, float]:
        """For each team, the rarity of the word's pieces that it knows, times the share of the word they cover."""
        pieces = set(grams_of(word))
        found: defaultdict[int, float] = defaultdict(float)
        for piece in pieces:
            for team, rarity in self._grams.get(piece, {}).items():
                found[team] += rarity / len(pieces)
        return found

    def _near_phrases(self, embedding: Embeddings) -> defaultdict[int, dict[str, float]]:
        """For each team, its phrases that mean something like the incident, from 0 (not near) to 1 (the same)."""
        found: defaultdict[int, dict[str, float]] = defaultdict(dict)
        cosines = self._meaning @ embedding.astype(np.float32)
        for at in np.flatnonzero(cosines > _NEAR):
            nearness = (float(cosines[at]) - _NEAR) / (1.0 - _NEAR)
            found[self._phrase_team[at]][f"like: {self._phrases[at]}"] = nearness
        return found


def _rarities(teams: int, used: Iterable[tuple[int, str, float]]) -> Rarities:
    """By word, for each team that uses it: its rarity among teams, from near 0 (all use it) to 1 (only this one),
    times the weight of its best use."""
    by_word: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for team, word, weight in used:
        by_word[word][team] = max(weight, by_word[word].get(team, 0.0))
    return {
        word: {
            team: weight * math.log((teams + 1) / len(weights)) / math.log(teams + 1)
            for team, weight in weights.items()
        }
        for word, weights in by_word.items()
    }


def _heaviest(words: dict[str, float], phrases: dict[str, float]) -> tuple[FeatureWeight, ...]:
    """Words in their own measure, and the nearest phrase alone, since the others only repeat it."""
    weights = dict(words)
    weights.update(
        sorted(((name, _MEANING_SHARE * near) for name, near in phrases.items()), key=lambda i: -i[1])[:1]
    )
    ordered = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_MOST_FEATURES]
    return tuple(FeatureWeight(feature=name, weight=round(weight, 4)) for name, weight in ordered)
