"""Answers that take long are kept for a moment, and nobody waits for the same one twice."""

import threading
from collections.abc import Iterator

import pytest

from triage.errors import StoreUnavailable
from triage.serving.lately import FRESH_FOR, MOST, SHOWN_FOR, Lately

PATIENCE = 10.0


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lately(clock: Clock) -> Iterator[Lately]:
    made = Lately(clock)
    yield made
    made.close()


class Work:
    """Counts how often it was done; ``gate`` holds it up."""

    def __init__(self) -> None:
        self.times = 0
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> int:
        assert self.gate.wait(PATIENCE)
        self.times += 1
        return self.times


def test_within_a_minute_the_same_is_answered(lately: Lately, clock: Clock) -> None:
    work = Work()
    assert lately.ask("figures", work, PATIENCE) == 1
    clock.now += FRESH_FOR - 1
    assert lately.ask("figures", work, PATIENCE) == 1
    assert lately.ask("other figures", work, PATIENCE) == 2


def test_later_the_last_one_is_shown_while_a_newer_one_is_worked_out(lately: Lately, clock: Clock) -> None:
    work = Work()
    assert lately.ask("figures", work, PATIENCE) == 1
    clock.now += FRESH_FOR
    assert lately.ask("figures", work, 0) == 1
    assert lately.ask("something else, which waits its turn", work, PATIENCE) == 3
    assert lately.ask("figures", work, 0) == 2


def test_what_is_too_old_is_not_shown(lately: Lately, clock: Clock) -> None:
    work = Work()
    lately.ask("figures", work, PATIENCE)
    clock.now += SHOWN_FOR
    work.gate.clear()
    assert lately.ask("figures", work, 0.01) is None
    work.gate.set()
    assert lately.ask("figures", work, PATIENCE) == 2


def test_nobody_waits_longer_than_their_patience_and_nothing_is_begun_twice(lately: Lately) -> None:
    work = Work()
    work.gate.clear()
    assert [lately.ask("figures", work, 0.01) for _ in range(3)] == [None] * 3
    work.gate.set()
    assert lately.ask("figures", work, PATIENCE) == 1


def test_a_failure_is_told_and_not_kept(lately: Lately) -> None:
    def fail() -> int:
        raise StoreUnavailable("the database went away")

    with pytest.raises(StoreUnavailable):
        lately.ask("figures", fail, PATIENCE)
    assert lately.ask("figures", Work(), PATIENCE) == 1


def test_not_more_is_kept_than_there_is_room_for(lately: Lately) -> None:
    work = Work()
    for number in range(MOST + 1):
        lately.ask(number, work, PATIENCE)
    assert lately.ask(0, work, PATIENCE) == MOST + 2
    assert lately.ask(MOST, work, PATIENCE) == MOST + 1
