"""What came in while two patterns were merged, once the merge is undone: it goes where its text leads now."""

from collections.abc import Mapping, Sequence

from triage.domain.memory import Looks
from triage.recurrence.fingerprint import words_of
from triage.recurrence.looking import look_at
from triage.store.database import Db
from triage.store.pattern_history import PatternChange
from triage.store.pattern_moves import (
    Route,
    find_counted_elsewhere,
    forget_texts,
    move_incidents,
    read_newest,
    read_routes,
    read_texts,
    route_keys,
)


def return_newcomers(db: Db, merge: PatternChange) -> None:
    """Let incidents and occurrences that were written under the root meanwhile count where they belong."""
    root, parted = merge.pattern_id, set(merge.detail["members"])
    opened = {held.id: look_at(held.event) for held in read_newest(db, root)}
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
    if moves or counted:
        # Of texts that joined an incident there are only digests, all of them written under the root.
        known = [look_at(held.event).fingerprint for held in read_texts(db, [root], ())]
        forget_texts(db, [root], known)


def _led_to(look: Looks, routes: Mapping[str, Sequence[Route]]) -> str | None:
    """By its template; a text without one by what it says exactly."""
    if look.template_key is None:
        return next((route.pattern_id for route in routes.get(look.fingerprint, ())), None)
    words, found = words_of(look.text), routes.get(look.template_key, ())
    by_words = [route for route in found if route.words is not None and route.words <= words]
    by_words.sort(key=lambda route: -len(route.words or ()))
    whole = [route for route in found if route.words is None and not route.refused]
    return next((route.pattern_id for route in (*by_words, *whole)), None)
