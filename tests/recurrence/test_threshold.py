"""Choosing from which similarity on an earlier incident is linked."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from triage.recurrence.binomial import at_most, links_needed
from triage.recurrence.threshold import (
    THRESHOLDS,
    Curve,
    Judged,
    Point,
    Verdict,
    choose,
    measure,
)

TARGET = 0.05
SEEDS = 40
BY_CHANCE = 0.2


def wrong_share(similarity: np.ndarray) -> np.ndarray:
    """How probably a link of this similarity is wrong."""
    return 1 / (1 + np.exp(40 * (similarity - 0.7)))


def drawn(seed: int, texts: int, *, judged: float = 1.0, teams: float = 0.0) -> list[Judged]:
    """A sample of which people judged a share, and of the others a share has teams on both sides."""
    random = np.random.default_rng(seed)
    similarity = random.beta(5, 2, texts)
    wrong = random.random(texts) < wrong_share(similarity)
    told, known = random.random(texts) < judged, random.random(texts) < teams
    agree = ~wrong | (random.random(texts) < BY_CHANCE)
    return [
        Judged(
            similarity=float(similarity[place]),
            verdict=(Verdict.DIFFERENT if wrong[place] else Verdict.SAME) if told[place] else Verdict.UNKNOWN,
            same_team=bool(agree[place]) if known[place] else None,
        )
        for place in range(texts)
    ]


def runners_up(seed: int, texts: int) -> list[Judged]:
    """Wrong links, a little less alike than the best."""
    random = np.random.default_rng((seed, 1))
    similarity, agree = random.beta(4, 3, texts), random.random(texts) < BY_CHANCE
    return [Judged(similarity=float(similarity[p]), same_team=bool(agree[p])) for p in range(texts)]


def links(count: int, similarity: float = 0.9, **told: object) -> list[Judged]:
    return [Judged(similarity=similarity, **told)] * count  # type: ignore[arg-type]


def others(count: int, agreeing: int) -> list[Judged]:
    """Runners-up, by which agreement by chance is measured."""
    return [Judged(similarity=0.8, same_team=place < agreeing) for place in range(count)]


def point_at(curve: Curve, threshold: float) -> Point:
    return next(point for point in curve.points if point.threshold == threshold)


@pytest.mark.parametrize(("hits", "of"), [(0, 1), (0, 59), (3, 60), (40, 50), (250, 10_000)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.999])
def test_a_bound_is_clopper_and_pearsons(hits: int, of: int, confidence: float) -> None:
    assert at_most(hits, of, confidence) == pytest.approx(
        stats.beta.ppf(confidence, hits + 1, of - hits), abs=1e-6
    )


def test_nothing_seen_and_nothing_but_hits_bound_nothing() -> None:
    assert at_most(0, 0, 0.95) == at_most(7, 7, 0.95) == 1.0


def test_fifty_nine_right_links_show_that_five_in_a_hundred_are_wrong_at_most() -> None:
    assert links_needed(0.05, 0.95) == 59
    assert at_most(0, 59, 0.95) <= 0.05 < at_most(0, 58, 0.95)


@pytest.mark.parametrize(("judged", "teams"), [(1.0, 0.0), (0.0, 1.0), (0.3, 0.7)])
@pytest.mark.parametrize("texts", [300, 1_000])
def test_what_is_chosen_keeps_to_the_target_in_95_of_100_samples(judged: float, teams: float, texts: int) -> None:
    all_texts = np.random.default_rng(0).beta(5, 2, 400_000)
    wrong = wrong_share(all_texts)
    true = {threshold: wrong[all_texts >= threshold].mean() for threshold in THRESHOLDS}
    chosen = [
        choose(
            measure(drawn(seed, texts, judged=judged, teams=teams), runners_up(seed, texts), texts), TARGET
        ).threshold
        for seed in range(SEEDS)
    ]
    broken = sum(threshold is not None and true[threshold] > TARGET for threshold in chosen)
    assert broken <= stats.binom.ppf(0.999, SEEDS, 0.05)


def test_with_enough_verdicts_what_is_chosen_is_near_the_best() -> None:
    chosen = [choose(measure(drawn(seed, 1_500), [], 1_500), TARGET).threshold for seed in range(10)]
    assert all(threshold is not None and 0.70 <= threshold <= 0.80 for threshold in chosen)


def test_too_few_are_refused_with_how_many_are_needed() -> None:
    choice = choose(measure(links(40, verdict=Verdict.SAME), [], 100), TARGET)
    assert choice.threshold is None
    assert choice.reason == "needs 72 links that people or their teams judge, there are 40"


def test_none_is_chosen_where_too_many_are_wrong_everywhere() -> None:
    sample = [*links(300, verdict=Verdict.SAME), *links(100, verdict=Verdict.DIFFERENT)]
    choice = choose(measure(sample, [], 500), TARGET)
    assert choice.threshold is None
    assert "no threshold is known to keep wrong links at or below 5.0%" in choice.reason


@pytest.mark.parametrize("sample", [[], links(3)])
def test_without_anything_to_go_by_nothing_is_concluded(sample: Sequence[Judged]) -> None:
    curve = measure(sample, [], 10)
    assert choose(curve, TARGET).threshold is None
    assert point_at(curve, 0.9).links == len(sample)


def test_a_verdict_counts_and_not_the_teams() -> None:
    sample = links(100, verdict=Verdict.SAME, same_team=False)
    assert point_at(measure(sample, [], 100), 0.9).wrong == 0.0
    sample = links(100, verdict=Verdict.DIFFERENT, same_team=True, same_resolution=True)
    assert point_at(measure(sample, [], 100), 0.9).wrong == 1.0


def test_what_agrees_by_chance_is_allowed_for() -> None:
    told = [*links(90, same_team=True), *links(10, same_team=False)]
    curve = measure(told, others(60, 30), 100)
    assert point_at(curve, 0.9).chance.rate == pytest.approx(0.5)
    assert point_at(curve, 0.9).wrong == pytest.approx(0.1 / 0.5)


def test_agreement_by_chance_is_of_those_that_read_about_as_much_alike() -> None:
    alike = [Judged(similarity=0.85, same_team=place < 54) for place in range(60)]
    unlike = [Judged(similarity=0.3, same_team=False)] * 500
    point = point_at(measure(links(100, same_team=True), [*unlike, *alike], 100), 0.9)
    assert (point.chance.agreeing, point.chance.pairs) == (54, 60)


def test_runners_up_that_people_called_the_same_are_no_wrong_links() -> None:
    right = [Judged(similarity=0.85, same_team=True, verdict=Verdict.SAME)] * 60
    point = point_at(measure(links(100, same_team=True), [*right, *others(60, 6)], 100), 0.9)
    assert (point.chance.agreeing, point.chance.pairs) == (6, 60)


def test_lookalikes_of_one_team_are_not_taken_for_the_same_problem() -> None:
    """As alerting rules are: each unlike the others, and 94 of 100 lookalikes belong to one team."""
    random = np.random.default_rng(7)
    sample = [Judged(similarity=0.9, same_team=bool(random.random() < 0.94)) for _ in range(500)]
    near = [Judged(similarity=0.85, same_team=bool(random.random() < 0.92)) for _ in range(500)]
    curve = measure(sample, near, 500)
    assert choose(curve, TARGET).threshold is None
    bound = point_at(curve, 0.9).wrong_at_most
    assert bound is not None
    assert bound > 0.9


def test_where_everybody_is_one_team_it_tells_nothing() -> None:
    curve = measure(links(200, same_team=True), others(100, 100), 200)
    assert point_at(curve, 0.9).wrong_at_most == 1.0
    assert choose(curve, TARGET).threshold is None


def test_links_of_which_nothing_is_known_count_as_wrong() -> None:
    point = point_at(measure([*links(90, verdict=Verdict.SAME), *links(10)], [], 100), 0.9)
    assert point.wrong == pytest.approx(0.1)
    assert point.wrong_at_most is not None
    assert point.wrong_at_most > 0.1
    assert (point.by_people, point.by_proxy, point.untold) == (90, 0, 10)


def test_links_without_teams_are_like_those_with_teams() -> None:
    sample = [*links(90, same_team=True), *links(10, same_team=False), *links(100)]
    assert point_at(measure(sample, others(200, 0), 400), 0.9).wrong == pytest.approx(0.1)


def test_only_right_merges_of_a_few_do_not_speak_for_the_others() -> None:
    sample = [*links(100, 0.6, verdict=Verdict.SAME), *links(500, 0.6)]
    assert choose(measure(sample, others(300, 60), 900), TARGET).threshold is None


def test_one_resolution_is_agreement_whatever_the_teams() -> None:
    assert Judged(similarity=1.0, same_team=False, same_resolution=True).agrees is True
    assert Judged(similarity=1.0, same_team=True, same_resolution=False).agrees is True
    assert Judged(similarity=1.0, same_team=None, same_resolution=False).agrees is False
    assert Judged(similarity=1.0).agrees is None


def test_bounds_widen_with_the_confidence_asked_for() -> None:
    sample = drawn(3, 500)
    usual, strict = (point_at(measure(sample, [], 500, confidence=c), 0.75).wrong_at_most for c in (0.95, 0.999))
    assert usual is not None
    assert strict is not None
    assert usual < strict
