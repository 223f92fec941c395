"""The catalogue's own words by team: what its teams and services are called, do, and are asked about."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from triage.domain.catalogue import Catalogue, Service, Team

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-zåäöü0-9])(?=[A-ZÅÄÖÜ])|(?<=[A-Z])(?=[A-Z][a-z])")
_LEAST_WORD = 3
_GRAM = 5

# Words that say nothing about whose an incident is, in the languages incidents are most often written in here.
_EMPTY_WORDS = """
the and for are was were has have had not but can cannot from with without that this these those its
our your all any out off into over under after before since when while who which what more than then
there here they them alert alerts alarm error errors fail fails failed failing failure failures
issue issues problem problems incident team service services system systems user users customer
customers new old high low very too our och att det som för med till har inte den ett kan när efter
från sedan eller men alla var vid fel våra und der die das ein eine einer ist sind nicht mit von für
auf dem den des nach seit bei kann können wird werden oder aber alle haben fehler kein keine unsere
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())


class PhraseKind(Enum):
    NAME = "name"
    DESCRIPTION = "description"
    EXAMPLE = "example"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One text of the catalogue that speaks for ``team``, and what it is."""

    team: str
    text: str
    kind: PhraseKind


def phrases_of(catalogue: Catalogue) -> list[Phrase]:
    """Every active team's and its services' words. The triage desk has none: it is where nothing else speaks."""
    phrases = [
        phrase
        for team in catalogue.teams.values()
        if team.active and team.id != catalogue.triage_desk
        for phrase in _entry(team.id, team)
    ]
    for service in catalogue.services.values():
        owner = catalogue.answering_team(service.owner)
        if owner.id != catalogue.triage_desk:
            phrases += _entry(owner.id, service)
    return phrases


def words_of(text: str) -> list[str]:
    """Folded words of at least three letters that say something, camel case taken apart."""
    parts = (part for word in _WORD.findall(text) for part in _CAMEL.split(word))
    return [w for w in (part.casefold() for part in parts) if len(w) >= _LEAST_WORD and w not in _EMPTY]


def grams_of(word: str) -> Iterator[str]:
    """Pieces of five letters: what ``Zahlungsverkehr`` and ``zahlung`` share. A short word has none."""
    return (word[at : at + _GRAM] for at in range(len(word) - _GRAM + 1))


def _entry(team_id: str, entry: Team | Service) -> Iterator[Phrase]:
    for name in dict.fromkeys((entry.id, entry.name, *entry.aliases)):
        yield Phrase(team_id, name, PhraseKind.NAME)
    if entry.description:
        yield Phrase(team_id, f"{entry.name}: {entry.description}", PhraseKind.DESCRIPTION)
    for example in entry.examples:
        yield Phrase(team_id, example, PhraseKind.EXAMPLE)
