"""A history through two policies: who is woken, by which incidents, and what changes."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.rules import conftest
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.escalation.state import Page
from triage.rehearsal.backtest import Answering, Past, backtest
from triage.rehearsal.comparison import compare, draw_comparison, totals
from triage.rehearsal.repeats import Repeats
from triage.rehearsal.virtual import Known

START = datetime(2027, 2, 1, 11, 0, tzinfo=UTC)
ALL_ANSWER = Answering(within=timedelta(minutes=2), missed=0.0)
NOBODY_ANSWERS = Answering(missed=1.0)
NIGHT_RULE = ("night", "{suppress: it can wait}", "priority == 'P3' && time.hour < 6")


def past(number: int, hours: float, **changes) -> Past:
    at = START + timedelta(hours=hours)
    defaults = {
        "id": f"i{number}",
        "incident": Incident(title="Something is wrong", service="shop"),
        "opened_at": at,
        "resolved_at": at + timedelta(hours=1),
        "known": Known(priority=Priority.P3),
    }
    return Past(**{**defaults, **changes})


HISTORY = [past(1, 0), past(2, 16), past(3, 40, known=Known(priority=Priority.P1)), past(4, 17)]
"""At 11:00, 03:00, 03:00 (a P1) and 04:00 UTC; bob is on call until 8 February."""


def test_ledger_counts_pages_and_nights_by_the_clock_of_whoever_is_woken(configured):
    ledger = backtest(configured().rulebook, HISTORY, ALL_ANSWER)
    bob = ledger.burdens["bob"]
    assert (bob.pages, bob.woken, len(bob.nights)) == (4, 3, 2)
    assert bob.busiest == 2
    found = totals(ledger)
    assert (found.incidents, found.pages, found.woken_incidents, found.unanswered) == (4, 4, 3, 0)
    assert found.told_after_seconds == 0


def test_where_nobody_answers_every_step_and_the_desk_are_told(configured):
    ledger = backtest(configured().rulebook, [past(1, 0, resolved_at=None)], NOBODY_ANSWERS)
    assert {name: burden.pages for name, burden in ledger.burdens.items()} == {"bob": 2, "eve": 1, "ann": 1 + 3}
    assert ledger.fates["i1"].unanswered


def test_order_of_the_history_does_not_matter(configured):
    rulebook = configured().rulebook
    assert backtest(rulebook, HISTORY).fates == backtest(rulebook, reversed(HISTORY)).fates


def test_same_policy_changes_nothing(configured):
    rulebook = configured().rulebook
    found = compare(backtest(rulebook, HISTORY), backtest(rulebook, HISTORY))
    assert (found.before, found.told_otherwise, found.reroutes) == (found.after, 0, ())
    assert "Nobody's load changes." in draw_comparison(found, rulebook.catalogue)


def test_comparison_tells_who_is_woken_less_and_by_what(configured):
    today, other = configured().rulebook, configured(NIGHT_RULE).rulebook
    found = compare(backtest(today, HISTORY, ALL_ANSWER), backtest(other, HISTORY, ALL_ANSWER))
    bob = next(change for change in found.people if change.person == "bob")
    assert (bob.before.woken, bob.after.woken) == (3, 1)
    assert found.no_longer_woken == ("i2", "i4")
    assert (found.before.suppressed, found.after.suppressed) == (0, 2)
    assert found.quieter_p1 == ()
    drawn = draw_comparison(found, other.catalogue)
    assert "woken or paged less" in drawn
    assert "Nobody is woken or paged more." in drawn


def test_p1_that_would_be_told_to_nobody_is_pointed_out_first(configured):
    today = configured().rulebook
    other = configured(("hush", "{suppress: it can wait}", "time.hour < 6")).rulebook
    found = compare(backtest(today, HISTORY, ALL_ANSWER), backtest(other, HISTORY, ALL_ANSWER))
    assert found.quieter_p1 == ("i3",)
    assert "LOOK FIRST: P1s that are told later or to nobody: i3" in draw_comparison(found, other.catalogue)


def test_another_alert_of_an_open_incident_pages_nobody_again(configured):
    joined = past(9, 0.5, joins="i1")
    ledger = backtest(configured().rulebook, [HISTORY[0], joined], ALL_ANSWER)
    assert ledger.burdens["bob"].pages == 1
    late = past(9, 3, joins="i1")
    assert backtest(configured().rulebook, [HISTORY[0], late], ALL_ANSWER).burdens["bob"].pages == 2


def test_pages_a_shift_are_counted_over_all_incidents(configured, monkeypatch):
    limited = configured().catalogue.schedules["ops"]
    assert limited.limits.pages_a_shift is None
    text = conftest.SMALL_CATALOGUE.replace(
        "starts_on: 2027-01-04}", "starts_on: 2027-01-04, limits: {pages_a_shift: 2}}"
    )
    monkeypatch.setattr(conftest, "SMALL_CATALOGUE", text)
    ledger = backtest(configured().rulebook, HISTORY, ALL_ANSWER)
    assert {name: burden.pages for name, burden in ledger.burdens.items()} == {"bob": 2, "eve": 2}


def test_luck_is_drawn_by_incident_and_person_and_as_often_as_said():
    answering = Answering(missed=0.3)
    page = Page(person="bob", target="oncall:ops", number=1, attempt=1, answer_by=START)
    answered = [answering.answers(f"i{n}", page) for n in range(4000)]
    assert answered == [answering.answers(f"i{n}", page) for n in range(4000)]
    assert 0.67 < sum(answered) / len(answered) < 0.73


@pytest.mark.parametrize(("title", "known"), [("disk 3 FULL", True), ("Disk 7 full", False)])
def test_repeats_count_what_has_the_same_title(title, known):
    repeats = Repeats()
    repeats.next("a", Incident(title="Disk 3 full", service="db"), START)
    found = repeats.next("b", Incident(title=title, service="db"), START + timedelta(minutes=30))
    assert (found.occurrences["1h"] == 2, found.flags == ("novel",)) == (known, not known)
    later = repeats.next("c", Incident(title=title, service="db"), START + timedelta(hours=2))
    assert later.occurrences["1h"] == 1
    assert later.total == (3 if known else 2)
