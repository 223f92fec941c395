"""Incidents that are another problem than their pattern: split off, or given back to what was merged."""

import uuid
from collections.abc import Mapping, Sequence

from triage.domain.memory import Looks
from triage.errors import Conflict, NotFound
from triage.memory.returning import return_newcomers
from triage.recurrence.fingerprint import words_of
from triage.recurrence.looking import look_at
from triage.recurrence.splitting import SplitPlan, plan_split
from triage.store.pattern_changes import Act, Alteration
from triage.store.pattern_history import Family, PatternChange
from triage.store.pattern_moves import (
    Held,
    Route,
    count_incidents,
    find_same_texts,
    hold_incidents,
    is_complete,
    read_routes,
    read_texts,
)
from triage.store.pattern_splits import split_off


def split_family(alteration: Alteration, family: Family, incidents: Sequence[str], act: Act) -> PatternChange:
    """These incidents become a pattern of their own; the whole of what was once merged becomes it again.

    Raises NotFound, and Conflict for incidents of another pattern, for all of them, and for those whose text is
    the very same as that of one that would stay.
    """
    db, members = alteration.db, list(family.members)
    moving = get_incidents(alteration, list(dict.fromkeys(incidents)))
    if foreign := [held.id for held in moving if held.pattern_id not in members]:
        raise Conflict(f"not incidents of this pattern: {', '.join(foreign)}")
    counts = count_incidents(db, members)
    if len(moving) == sum(counts.values()):
        raise Conflict("these are all of its incidents: nothing would be left to split them from")
    merge = _whole_of(alteration, family, moving, counts)
    if merge is not None:
        unmerge(alteration, merge, act)
        return alteration.get_change(merge.id)
    looks = {held.id: look_at(held.event) for held in moving}
    texts = read_texts(db, members, list(looks))
    staying = {held.id: look_at(held.event) for held in texts}
    _refuse_same_texts(looks, staying, find_same_texts(db, list(looks), members))
    plan = _plan(alteration, family, list(looks.values()), list(staying.values()))
    newest = next(iter(looks.values()))
    change_id = split_off(
        alteration,
        family,
        moving,
        {"id": str(uuid.uuid4()), "scope": newest.scope, "template": newest.template},
        exact=plan.exact,
        whole=plan.whole,
        told=plan.told,
        refused=plan.refused,
        known=_fingerprints(looks, staying) if is_complete(db, texts, members) else None,
        act=act,
    )
    return alteration.get_change(change_id)


def unmerge(alteration: Alteration, change: PatternChange, act: Act) -> None:
    """Undo a merge, and let what came in meanwhile go where it belongs."""
    alteration.unmerge(change, act)
    if forgotten := return_newcomers(alteration.db, change):
        alteration.add_detail(change.id, {"forgotten": forgotten})


def get_incidents(alteration: Alteration, incident_ids: Sequence[str]) -> list[Held]:
    """In no order. Raises NotFound naming those that are not stored."""
    found = hold_incidents(alteration.db, incident_ids)
    if missing := set(incident_ids) - {held.id for held in found}:
        raise NotFound(f"no such incident is stored: {', '.join(sorted(missing))}")
    return found


def _whole_of(
    alteration: Alteration, family: Family, moving: Sequence[Held], counts: Mapping[str, int]
) -> PatternChange | None:
    """The merge by which exactly these incidents and the others came to be one pattern."""
    patterns = {held.pattern_id for held in moving}
    for change in alteration.find_merges(family):
        merged = set(change.detail["members"])
        for side in (merged, set(family.members) - merged):
            if patterns <= side and sum(counts.get(member, 0) for member in side) == len(moving):
                return change
    return None


def _refuse_same_texts(looks: Mapping[str, Looks], staying: Mapping[str, Looks], same: Sequence[str]) -> None:
    moving = {look.fingerprint for look in looks.values()}
    alike = {*same, *(incident for incident, look in staying.items() if look.fingerprint in moving)}
    if alike:
        raise Conflict(
            "their text is the very same as that of incidents that would stay, so nothing tells them apart; split"
            f" these too, or none: {', '.join(sorted(alike))}"
        )


def _fingerprints(*looks: Mapping[str, Looks]) -> list[str]:
    return [look.fingerprint for some in looks for look in some.values()]


def _plan(alteration: Alteration, family: Family, looks: Sequence[Looks], staying: Sequence[Looks]) -> SplitPlan:
    routes = read_routes(alteration.db, {look.template_key for look in looks if look.template_key is not None})
    elsewhere = sorted({route.pattern_id for route in routes} - set(family.members))
    beside = [look_at(held.event) for held in read_texts(alteration.db, elsewhere, ())] if elsewhere else []
    # What is known elsewhere under a template must not be taken either, but does not make it a shared one.
    shared = {look.template_key for look in staying}
    others = [*staying, *(look for look in beside if look.template_key in shared)]
    return plan_split(looks, others, _led_by(routes, family, looks))


def _led_by(routes: Sequence[Route], family: Family, looks: Sequence[Looks]) -> dict[str, frozenset[str]]:
    """By which words texts of a template have come here, where they are in all of those that move."""
    led: dict[str, frozenset[str]] = {}
    for route in routes:
        if route.words is None or route.pattern_id not in family.members:
            continue
        texts = [words_of(look.text) for look in looks if look.template_key == route.template_key]
        if all(route.words <= words for words in texts):
            led[route.template_key] = led.get(route.template_key, frozenset()) | route.words
    return led
