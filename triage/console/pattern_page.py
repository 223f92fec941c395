"""One pattern: how it comes, what mends it, what people made of it, and what can be changed."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from triage.console.filters import word_of
from triage.console.incident_page import SILENCED_FOR
from triage.console.pattern_words import ChangeLine, called, changes_of, chart_of, life_words
from triage.console.routing import PageRoute, page
from triage.console.templating import local_moment
from triage.console.visiting import Visitor, service_of, visitor_of
from triage.domain.access import Role
from triage.domain.pattern import PatternLife
from triage.domain.provenance import HISTORY
from triage.memory.patterns import PatternStory, PatternSummary
from triage.memory.reshaping import mark_of
from triage.serving.parts import Parts
from triage.store.pattern_glances import PatternGlances
from triage.store.pattern_history import PatternChange
from triage.store.pattern_page import Latest, Member
from triage.store.patterns import PatternFilter

router = APIRouter(prefix="/patterns/{pattern_id}", route_class=PageRoute, include_in_schema=False)

SHOWN = 10
"""Incidents, before somebody asks for all that there are."""
MOST_TITLES = 40
MOST_OTHERS = 8
MOST_WORDS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLine:
    """``merged``: the change by which it came here, None of the pattern itself."""

    member: Member
    name: str
    where: str
    merged: PatternChange | None


@dataclass(frozen=True, slots=True)
class TitleLine:
    """A title of the newest incidents, and how many have it."""

    key: str
    title: str
    incidents: int


@router.get("")
def show(request: Request, pattern_id: str) -> Response:
    visitor = visitor_of(request)
    parts, query = service_of(request).parts, request.query_params
    at = local_moment(query["at"], visitor.zone, "at") if query.get("at") else None
    story = parts.patterns.get(pattern_id, min(at, visitor.now) if at else None)
    context = {**_told(parts, visitor, story), **_shape(parts, visitor, story), "at": at, "query": query}
    context |= others_of(parts, visitor, story, query.get("other", ""))
    everything = query.get("incidents") == "all"
    context["shown"] = story.facts.incidents if everything else story.facts.incidents[:SHOWN]
    return page(request, visitor, "pattern.html", context)


@router.get("/others")
def show_others(request: Request, pattern_id: str, other: str = "") -> Response:
    """Patterns that may be the same problem, by words, for a page that is open."""
    visitor = visitor_of(request)
    parts = service_of(request).parts
    return page(
        request,
        visitor,
        "_pattern_others.html",
        others_of(parts, visitor, parts.patterns.get(pattern_id), other),
    )


def _told(parts: Parts, visitor: Visitor, story: PatternStory) -> dict[str, Any]:
    """What is known of it."""
    facts, life, root = story.facts, story.life, story.facts.members[0]
    newest = next(iter(facts.incidents), None)
    return {
        "story": story,
        "root": root,
        "here": f"/patterns/{root.id}",
        "catalogue": visitor.catalogue,
        "reviewer": visitor.may(Role.REVIEWER),
        "is_member": story.asked.lower().replace("-", "") != root.id.replace("-", ""),
        "life": life,
        "life_words": life_words(life),
        "chart": chart_of(life, visitor.catalogue.timezone) if _has_chart(life) else None,
        "first_seen_at": min(member.first_seen_at for member in facts.members),
        "last_seen_at": max(member.last_seen_at for member in facts.members),
        "occurrences": sum(member.occurrences for member in facts.members),
        "environments": Counter(one.environment for one in facts.incidents if one.environment),
        "newest": newest,
        "history": HISTORY,
        "silent": [one for one in facts.silences if one.is_active(visitor.now)],
        "over": [one for one in facts.silences if not one.is_active(visitor.now)],
        "silenced_for": SILENCED_FOR,
        "name_mark": mark_of(root.name),
        "fix_mark": mark_of(root.known_fix),
        "titles": titles_of(facts.incidents)[:MOST_TITLES],
    }


def _has_chart(life: PatternLife) -> bool:
    return len(life.chart) > 1


def _shape(parts: Parts, visitor: Visitor, story: PatternStory) -> dict[str, Any]:
    """What belongs to it, what does not, and who said so."""
    facts, catalogue = story.facts, visitor.catalogue
    members = [one for one in facts.members if one.occurrences or one.id == story.root]
    named = {one.pattern_id for one in facts.changes} | {one.other_id for one in facts.changes if one.other_id}
    glances = PatternGlances(parts.database).get_many(
        [*named, *facts.different, *(one.id for one in members)], alone=True
    )
    names = {ident: called(glance, catalogue) for ident, glance in glances.items()}
    lines = changes_of(facts.changes, [one.id for one in facts.members], names, catalogue)
    return {
        "members": [_member(one, story, names) for one in members],
        "changes": lines,
        "different": _different(facts.different, names, lines),
        "reasons": {one.id: one for one in facts.changes},
    }


def _member(member: Member, story: PatternStory, names: Mapping[str, str]) -> MemberLine:
    merges = (one for one in story.facts.changes if one.kind == "merge" and one.undone_at is None)
    merged = next((one for one in merges if member.id in one.detail["members"]), None)
    where = " · ".join(filter(None, json.loads(member.scope)))
    return MemberLine(member=member, name=names[member.id], where=where, merged=merged)


def _different(
    different: Mapping[str, str], names: Mapping[str, str], lines: Sequence[ChangeLine]
) -> list[tuple[str, str, str, ChangeLine | None]]:
    """(identifier, name, the change by which, and that change where it is among those that are shown)."""
    by_id = {line.id: line for line in lines}
    return [(one, names.get(one, "a pattern"), change, by_id.get(change)) for one, change in different.items()]


def others_of(parts: Parts, visitor: Visitor, story: PatternStory, words: str) -> dict[str, Any]:
    """Patterns to choose from, found by ``words``, else those of the same service."""
    said = word_of(words)
    newest = next(iter(story.facts.incidents), None)
    service = newest.service if newest is not None and not said else None
    found: Sequence[PatternSummary] = ()
    if said or service:
        asked = PatternFilter(words=tuple((said or "").split())[:MOST_WORDS], limit=MOST_OTHERS + 1)
        found = [one for one in parts.patterns.find(asked, service).patterns if one.row.id != story.root]
    return {
        "others": found[:MOST_OTHERS],
        "words": said,
        "apart": set(story.facts.different),
        "catalogue": visitor.catalogue,
    }


def titles_of(incidents: Sequence[Latest]) -> list[TitleLine]:
    """Each title once, the most frequent first; incidents of one title are mostly told apart together."""
    counts = Counter(one.title for one in incidents)
    return [TitleLine(key_of(title), title, count) for title, count in counts.most_common()]


def key_of(title: str) -> str:
    return hashlib.sha256(title.encode()).hexdigest()[:16]
