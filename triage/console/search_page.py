"""One search over incidents, patterns, what mended them, and whom and what the catalogue knows."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from triage.console.filters import word_of
from triage.console.pattern_words import called
from triage.console.routing import PageRoute, is_part, page
from triage.console.visiting import service_of, visitor_of
from triage.domain.catalogue import Catalogue, Service, Team, fold
from triage.domain.provenance import HISTORY
from triage.serving.parts import Parts
from triage.store.lists import IncidentLists
from triage.store.pattern_glances import PatternGlances
from triage.store.patterns import PatternFilter
from triage.store.searching import Searching, words_of

router = APIRouter(route_class=PageRoute, include_in_schema=False)

FEW, MANY = 5, 50
GROUPS = {
    "incidents": "Incidents",
    "patterns": "Patterns",
    "fixes": "Fixes",
    "runbooks": "Runbooks and teams",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A service or a team of the catalogue. ``whose``: the team that answers for it; ``at``: its incidents."""

    kind: str
    name: str
    says: str
    whose: str | None
    runbook: str | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What was found of one kind; ``more``: whether there is more than is shown."""

    key: str
    title: str
    found: list[Any]
    more: bool


@router.get("/search")
def search(request: Request, q: str = "", only: str = "") -> Response:
    """``only``: one of GROUPS, of which more is shown then. With the words of which nothing can be looked for,
    nothing is found."""
    visitor = visitor_of(request)
    parts, catalogue = service_of(request).parts, visitor.catalogue
    asked = word_of(q) or ""
    chosen = only if only in GROUPS else None
    words = words_of(asked)
    groups: list[Group] = []
    named = None
    if words:
        limit = MANY if chosen else FEW
        groups = [_group(parts, catalogue, key, asked, limit) for key in GROUPS if chosen in (None, key)]
        named = Searching(parts.database).find_named(asked)
    context = {
        "asked": asked,
        "words": words,
        "only": chosen,
        "titles": GROUPS,
        "history": HISTORY,
        "groups": [group for group in groups if group.found],
        "named": named,
        "catalogue": catalogue,
        "address": lambda **more: "/search?" + urlencode({"q": asked, **more}),
        "listed": "/incidents?" + urlencode({"q": asked, "state": "all"}),
        "patterns_listed": "/patterns?" + urlencode({"q": asked, "seen": "all"}),
    }
    return page(request, visitor, "_search.html" if is_part(request) else "search.html", context)


def _group(parts: Parts, catalogue: Catalogue, key: str, asked: str, limit: int) -> Group:
    find = {"incidents": _incidents, "patterns": _patterns, "fixes": _fixes, "runbooks": _places}[key]
    found = find(parts, catalogue, asked, limit + 1)
    return Group(key=key, title=GROUPS[key], found=found[:limit], more=len(found) > limit)


def _incidents(parts: Parts, _: Catalogue, asked: str, limit: int) -> list[Any]:
    ids = Searching(parts.database).find_incidents(asked, limit)
    rows = {row.id: row for row in IncidentLists(parts.database).get_many(ids)}
    return [rows[one] for one in ids if one in rows]


def _patterns(parts: Parts, _: Catalogue, asked: str, limit: int) -> list[Any]:
    return list(parts.patterns.find(PatternFilter(words=words_of(asked), limit=limit)).patterns)


def _fixes(parts: Parts, catalogue: Catalogue, asked: str, limit: int) -> list[Any]:
    """Each with what its pattern is called."""
    fixes = Searching(parts.database).find_fixes(asked, limit)
    glances = PatternGlances(parts.database).get_many(one.pattern_id for one in fixes)
    names = {ident: called(glance, catalogue) for ident, glance in glances.items()}
    return [(one, names.get(one.pattern_id, one.title)) for one in fixes]


def _places(_: Parts, catalogue: Catalogue, asked: str, limit: int) -> list[Any]:
    """Those whose name begins so first, then those with a runbook."""
    words = [fold(word) for word in words_of(asked)]
    found = [
        (not fold(place.name).startswith(words[0]), place.runbook is None, place.name, place)
        for place, known in (*_services(catalogue), *_teams(catalogue))
        if all(word in known for word in words)
    ]
    return [place for *_, place in sorted(found, key=lambda one: one[:3])[:limit]]


def _services(catalogue: Catalogue) -> list[tuple[Place, str]]:
    """Each with all that it is known by, folded."""
    return [
        (_service(one, catalogue), _known_by(one, _owner(one, catalogue))) for one in catalogue.services.values()
    ]


def _teams(catalogue: Catalogue) -> list[tuple[Place, str]]:
    return [(_team(one), _known_by(one)) for one in catalogue.teams.values() if one.active]


def _service(service: Service, catalogue: Catalogue) -> Place:
    return Place(
        kind="service",
        name=service.name,
        says=service.description,
        whose=_owner(service, catalogue),
        runbook=service.runbook,
        at="/incidents?" + urlencode({"service": service.id}),
    )


def _team(team: Team) -> Place:
    at = "/incidents?" + urlencode({"team": team.id})
    return Place(kind="team", name=team.name, says=team.description, whose=None, runbook=None, at=at)


def _owner(service: Service, catalogue: Catalogue) -> str:
    return catalogue.team_name(service.owner)


def _known_by(one: Service | Team, *further: str) -> str:
    return fold(" ".join((one.id, one.name, *one.aliases, one.description, *further)))
