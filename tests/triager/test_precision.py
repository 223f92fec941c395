"""Estimates of how right the machine is: intervals, agreement, and what became better since somebody corrected."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.estimate import Z, wilson
from triage.precision import agreement_of, precision_of, since_corrected
from triage.store.assessments import Assessment
from triage.store.judgements import Judged, Pair

NOW = datetime(2026, 3, 9, tzinfo=UTC)


def judged(day: int, *, said: str = "a", is_right: bool = True, acts: bool = True) -> Judged:
    return Judged(
        incident_id="",
        opened_at=NOW + timedelta(days=day),
        suggested_priority="P3",
        suggested_team=said,
        acts_priority=True,
        acts_team=acts,
        priority="P3",
        team=said if is_right else "other",
        made_at=NOW + timedelta(days=day, hours=1),
    )


def pair(first: str, second: str) -> Pair:
    one, other = (
        Assessment(id="1", incident_id="i", made_by=by, made_at=NOW, priority="P3", team=team)
        for by, team in (("ann", first), ("bob", second))
    )
    return Pair(incident_id="i", first=one, second=other, title="t", settled=False)


def test_only_what_the_machine_acted_on_counts() -> None:
    found = precision_of([judged(0), judged(1, is_right=False), judged(2, is_right=False, acts=False)], "team")
    assert (found.n, found.value) == (2, 0.5)


def test_the_interval_holds_the_true_share_in_95_of_100_cases() -> None:
    drawn = random.Random(1)
    held = 0
    for _ in range(2_000):
        found = wilson(sum(drawn.random() < 0.8 for _ in range(60)), 60)
        held += found.low <= 0.8 <= found.high
    assert 0.93 < held / 2_000 < 0.97


def test_what_became_better_is_parted_by_when_somebody_first_corrected_the_team() -> None:
    earlier = [judged(day, is_right=day != 3) for day in range(4)]
    later = [judged(day) for day in range(5, 9)]
    found = next(one for one in since_corrected([*earlier, *later]) if one.team == "a")
    assert found.since == earlier[3].made_at
    assert (found.before.n, found.before.value) == (4, 0.75)
    assert (found.after.n, found.after.value) == (4, 1.0)


def test_kappa_is_cohens_with_his_interval() -> None:
    """45 and 15, 25 and 15 of 100: 0.6 agree, 0.54 by chance."""
    pairs = [pair("a", "a")] * 45 + [pair("a", "b")] * 15 + [pair("b", "a")] * 25 + [pair("b", "b")] * 15
    found = agreement_of(pairs, "team")
    assert found.share.value == 0.6
    assert found.kappa == pytest.approx(0.06 / 0.46)
    half = Z * (0.6 * 0.4 / 100) ** 0.5 / 0.46
    assert (found.kappa_low, found.kappa_high) == pytest.approx((0.06 / 0.46 - half, 0.06 / 0.46 + half))


def test_agreement_of_nothing_or_beyond_no_chance_says_so() -> None:
    assert agreement_of([], "team").kappa is None
    assert agreement_of([pair("a", "a")] * 3, "team").kappa is None
    assert agreement_of([pair("a", "a")] * 3, "team").share.value == 1.0
