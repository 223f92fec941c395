"""Whatever people do to patterns, in whichever order: nothing is lost, and undoing the newest first works."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.fixtures_store import Desk
from triage.corrections import Corrections
from triage.errors import Conflict
from triage.memory.reshaping import Changed, Reshaping
from triage.store.incidents import Incidents
from triage.store.pattern_changes import PatternChanges

STEPS = 60
HOSTS, FILLS = ("web1", "web2", "web3"), (90, 91, 92)
TITLES = [f"Disk of host {host} full at {fill}%" for host in HOSTS for fill in FILLS]
TITLES += [f"Queue depth is {items} items" for items in (7, 8, 9)] + ["Door is open", "Replica lags", "12 / 34"]

INVARIANTS = {
    "every family has a root that is its own": "SELECT m.id FROM pattern AS m JOIN pattern AS p ON p.id = m.root"
    " WHERE p.root <> p.id",
    "the row counts what occurred": "SELECT id FROM pattern AS p WHERE occurrences <>"
    " (SELECT count(*) FROM occurrence WHERE pattern_id = p.id)",
    "the beats count what occurred": "SELECT id FROM pattern AS p WHERE occurrences <>"
    " (SELECT coalesce(sum(occurrences), 0) FROM pattern_beat WHERE pattern_id = p.id)",
    "no beat counts nothing": "SELECT at FROM pattern_beat WHERE occurrences <= 0",
    "an occurrence counts in its incident's family": "SELECT o.id FROM occurrence AS o"
    " JOIN incident AS i ON i.id = o.incident_id JOIN pattern AS a ON a.id = o.pattern_id"
    " JOIN pattern AS b ON b.id = i.pattern_id WHERE a.root <> b.root",
    "a word of a person counts in its incident's family": "SELECT o.id FROM triage_override AS o"
    " JOIN incident AS i ON i.id = o.incident_id JOIN pattern AS a ON a.id = o.pattern_id"
    " JOIN pattern AS b ON b.id = i.pattern_id WHERE a.root <> b.root",
    "only roots differ": "SELECT one FROM pattern_difference AS d JOIN pattern AS a ON a.id = one"
    " JOIN pattern AS b ON b.id = other WHERE a.root <> a.id OR b.root <> b.id",
}


class Reviewers:
    """They act at random, and are refused now and then."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)
        self.reshaping = Reshaping(PatternChanges(desk.database), desk.clock)
        self.corrections = Corrections(Incidents(desk.database), lambda: desk.active, desk.clock)
        self.done: list[str] = []
        self.refused = 0

    def read(self, statement: str) -> list[Any]:
        with self.desk.database.connection() as db:
            return [str(next(iter(row.values()))) for row in db.execute(statement.encode()).fetchall()]

    def step(self) -> None:
        self.desk.clock.advance(minutes=1)
        act = self.chance.choice([self.fire, self.fire, self.merge, self.split, self.differ, self.undo])
        try:
            act()
        except Conflict:
            self.refused += 1
        for fact, exceptions in INVARIANTS.items():
            assert self.read(exceptions) == [], f"{fact}, after {act.__name__}"

    def fire(self) -> None:
        received = self.desk.fire(title=self.chance.choice(TITLES))
        if self.chance.random() < 0.3:
            self.corrections.override(received.incident.id, "ann", priority="P2", team=None)
        if self.chance.random() < 0.7:
            self.corrections.resolve(received.incident.id, "ann", None)

    def merge(self) -> None:
        one, other = (self.chance.choice(self.read("SELECT id FROM pattern ORDER BY 1")) for _ in range(2))
        self.note(self.reshaping.merge(one, other, "ann", anyway=self.chance.random() < 0.5))

    def split(self) -> None:
        pattern = self.chance.choice(self.read("SELECT id FROM pattern ORDER BY 1"))
        named = self.read(
            "SELECT id FROM incident WHERE pattern_id IN (SELECT id FROM pattern WHERE root ="
            f" (SELECT root FROM pattern WHERE id = '{pattern}')) ORDER BY opened_at"
        )
        self.note(self.reshaping.split(pattern, self.chance.sample(named, min(len(named), 2)), "ann"))

    def differ(self) -> None:
        pattern, other = (self.chance.choice(self.read("SELECT id FROM pattern ORDER BY 1")) for _ in range(2))
        incident = self.chance.choice(self.read("SELECT id FROM incident ORDER BY opened_at"))
        asked = {"incident": incident} if self.chance.random() < 0.5 else {"pattern": other}
        self.note(self.reshaping.tell_apart(pattern, "ann", **asked))

    def undo(self) -> None:
        if self.done:
            self.reshaping.undo(self.chance.choice(self.done), "ann")

    def note(self, changed: Changed) -> None:
        self.done.append(changed.change.id)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_whatever_people_do_to_patterns(desk: Desk, seed: int) -> None:
    reviewers = Reviewers(desk, seed)
    for title in TITLES:
        reviewers.corrections.resolve(desk.fire(title=title).incident.id, "ann", None)
    for _ in range(STEPS):
        reviewers.step()
    assert len(reviewers.done) > 5
    in_force = "SELECT id FROM pattern_change WHERE undone_at IS NULL ORDER BY id DESC LIMIT 1"
    while newest := reviewers.read(in_force):
        reviewers.reshaping.undo(newest[0], "bob")
    for fact, exceptions in INVARIANTS.items():
        assert reviewers.read(exceptions) == [], fact
    assert reviewers.read("SELECT template_key FROM pattern_split") == []
    assert reviewers.read("SELECT digest FROM pattern_key WHERE refused") == []
    assert reviewers.read("SELECT one FROM pattern_difference") == []
    assert reviewers.read("SELECT id FROM pattern WHERE occurrences > 0 AND root <> id") == []


def test_what_comes_in_while_patterns_are_changed_is_counted_once(desk: Desk) -> None:
    reviewers = Reviewers(desk, 0)
    one, other = (desk.fire(title=title).incident.pattern_id for title in ("Door is open", "Replica lags"))

    def send(title: str) -> int:
        return sum(desk.fire(title=title).counted for _ in range(25))

    def change(_: str) -> int:
        for _ in range(12):
            changed = reviewers.reshaping.merge(one, other, "ann")
            reviewers.reshaping.undo(changed.change.id, "ann")
        return 0

    with ThreadPoolExecutor(3) as pool:
        counted = list(
            pool.map(lambda act, title: act(title), [send, send, change], ["Door is open", "Replica lags", ""])
        )
    for fact, exceptions in INVARIANTS.items():
        assert reviewers.read(exceptions) == [], fact
    assert counted == [25, 25, 0]
    # Which of the two an occurrence joined depends on what was merged at that moment.
    assert reviewers.read("SELECT sum(occurrences) FROM pattern") == ["52"]
