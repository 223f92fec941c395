"""What came in while two patterns were merged, once the merge is undone: it goes where its text leads now."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from triage.domain.memory import Looks
from triage.recurrence.fingerprint import words_of
from triage.recurrence.looking import look_at
from triage.store.database import Db
from triage.store.pattern_history import PatternChange
from triage.store.pattern_moves import (
    Route,
    find_counted_elsewhere,
    forget_texts,
    is_complete,
    move_incidents,
    read_newcomers,
    read_routes,
    read_texts,
    route_keys,
)

WAITED_AT_MOST = timedelta(minutes=1)
"""What was received before a merge may be written after it, having waited for it: no statement waits as long."""


def return_newcomers(db: Db, merge: PatternChange) -> dict[str, list[str]]:
    """Let incidents and occurrences that were written under the root meanwhile count where they belong.

    What the root had before stays, wherever its text would lead by now. Returns the exact texts that were
    forgotten, by pattern.
    """
    root, parted = merge.pattern_id, set(merge.detail["members"])
    newcomers = read_newcomers(db, root, merge.made_at - WAITED_AT_MOST)
    opened = {held.id: look_at(held.event) for held in newcomers}
    digests = {digest for look in opened.values() for digest in look.digests}
    routes: dict[str, list[Route]] = {}
    for route in read_routes(db, digests):
        routes.setdefault(route.template_key, []).append(route)
    led = {incident_id: _led_to(look, routes) for incident_id, look in opened.items()}
    moves = {incident_id: to for incident_id, to in led.items() if to is not None and to in parted}
    move_incidents(db, moves, [root])
    for incident_id, to in moves.items():
        route_keys(db, [opened[incident_id].fingerprint], to, [root])
    counted = find_counted_elsewhere(db, sorted(parted), root)
    move_incidents(db, counted, [root])
    if not (moves or counted):
        return {}
    # Of texts that joined an incident there are only digests, all of them written under the root. Which these are
    # is known only where every incident's own text is.
    texts = read_texts(db, [root], ())
    if not is_complete(db, texts, [root]):
        return {}
    return forget_texts(db, [root], [look_at(held.event).fingerprint for held in texts])


def _led_to(look: Looks, routes: Mapping[str, Sequence[Route]]) -> str | None:
    """By its template; a text without one by what it says exactly."""
    if look.template_key is None:
        return next((route.pattern_id for route in routes.get(look.fingerprint, ())), None)
    words, found = words_of(look.text), routes.get(look.template_key, ())
    by_words = [route for route in found if route.words is not None and route.words <= words]
    by_words.sort(key=lambda route: -len(route.words or ()))
    whole = [route for route in found if route.words is None and not route.refused]
    return next((route.pattern_id for route in (*by_words, *whole)), None)
