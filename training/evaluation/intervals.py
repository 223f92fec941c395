"""How sure a figure is: intervals of 95 %, and whether two classifiers differ on the same rows."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse, stats

from training.evaluation.resampling import Resamples
from training.evaluation.scores import f1_columns, log_losses, macro_f1_of, rank_of_truth
from training.learning.judged import UNKNOWN, Flags, Judged, Numbers, Values
from triage.errors import HistoryError

LEVEL = 0.95
_SHOWN_LABELS = 12


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChange:
    """Of ``rows`` of a true label, how many the candidate has right that the incumbent had not, and the
    reverse."""

    label: str
    rows: int
    fixed: int
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedFigures:
    """A candidate beside an incumbent on the same rows. Every difference is candidate minus incumbent.

    ``p_exact``, ``p_mid``: McNemar's test, which takes rows for independent; the intervals do not.
    ``acting_right`` and ``acting_wrong``: shares of all rows on which the head acts alone and is right or wrong.
    ``log_loss`` (less is better) is None where no row's label is known to both. ``cost``: both by the candidate's
    costs, None without them.
    """

    target: str
    rows: int
    incumbent_accuracy: float
    candidate_accuracy: float
    fixed: int
    broken: int
    accuracy: Interval
    p_exact: float
    p_mid: float
    macro_f1: Interval
    top_3: Interval
    log_loss: Interval | None
    coverage: Interval
    acting_right: Interval
    acting_wrong: Interval
    cost: Interval | None
    by_label: tuple[LabelChange, ...]

    @property
    def verdict(self) -> Literal["better", "worse", "even"]:
        """Of the accuracy: ``even`` where the interval holds zero, so that the rows do not tell."""
        if self.accuracy.low > 0:
            return "better"
        return "worse" if self.accuracy.high < 0 else "even"


def percentile_interval(value: float, draws: Values, *, centred: bool = False) -> Interval:
    """From bootstrap ``draws``, shape (repetitions,). ``centred``: their mean is moved to ``value``, for a
    statistic that resampling alone raises."""
    shift = value - float(draws.mean()) if centred else 0.0
    low, high = np.quantile(draws, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)) + shift
    return Interval(value, float(low), float(high))


def clopper_pearson(hits: int, rows: int) -> Interval | None:
    """The exact binomial interval of a share (Clopper and Pearson, 1934), which holds at least 95 % of the time
    where rows are independent; None of no rows."""
    if rows == 0:
        return None
    tail = (1 - LEVEL) / 2
    low = float(stats.beta.ppf(tail, hits, rows - hits + 1)) if hits else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, rows - hits)) if hits < rows else 1.0
    return Interval(hits / rows, low, high)


def mean_interval(scores: Values | Flags, resamples: Resamples) -> Interval:
    """Of the mean of a score a row, shape (n,); of the mean difference where the scores are differences."""
    values = scores.astype(np.float64)
    totals = resamples.totals(np.stack((values, np.ones(len(values))), axis=1))
    return percentile_interval(float(values.mean()), totals[:, 0] / totals[:, 1])


def paired_difference(
    first: Values | Flags, second: Values | Flags, groups: Numbers, *, seed: int = 0, repetitions: int = 1000
) -> Interval:
    """Mean of ``second`` minus ``first``, scores of the same rows, both shape (n,); patterns are drawn, rows of
    one together, and both scores of a row stay with each other."""
    resamples = Resamples(groups, seed=seed, repetitions=repetitions)
    return mean_interval(second.astype(np.float64) - first.astype(np.float64), resamples)


def mcnemar(first_right: Flags, second_right: Flags) -> tuple[float, float]:
    """Two-sided p of "both are right equally often", from the rows on which just one is: exact, and mid-p, which
    is less cautious and still holds its level (Fagerland, Lydersen and Laake, 2013)."""
    fixed = int((second_right & ~first_right).sum())
    broken = int((first_right & ~second_right).sum())
    fewer, changed = min(fixed, broken), fixed + broken
    tail = float(stats.binom.cdf(fewer, changed, 0.5))
    return min(1.0, 2 * tail), min(1.0, 2 * tail - float(stats.binom.pmf(fewer, changed, 0.5)))


def compare_judged(
    incumbent: Judged, candidate: Judged, *, seed: int = 0, repetitions: int = 1000
) -> PairedFigures:
    """On the rows that both judged, found by id; where ids repeat, the first of each. Labels are matched by their
    words, whatever their order. A row's truth is what the candidate takes it for, or the incumbent where only that
    knows the label.

    Raises ``HistoryError`` where they have no row in common.
    """
    old, new = _aligned(incumbent, candidate)
    words = tuple(dict.fromkeys((*candidate.labels, *incumbent.labels)))
    number = {word: at for at, word in enumerate(words)}
    # One more at the end, so that UNKNOWN stays what it is.
    old_number = np.array([*(number[word] for word in incumbent.labels), UNKNOWN])
    new_number = np.array([*(number[word] for word in candidate.labels), UNKNOWN])
    old_truth, truth = old_number[incumbent.truth[old]], new_number[candidate.truth[new]]
    truth = np.where(truth == UNKNOWN, old_truth, truth)
    old_said, new_said = old_number[incumbent.chosen[old]], new_number[candidate.chosen[new]]
    was, now = old_said == truth, new_said == truth
    acted, acts = incumbent.acting[old], candidate.acting[new]
    resamples = Resamples(candidate.groups[new], seed=seed, repetitions=repetitions)

    def difference(first: Values | Flags, second: Values | Flags) -> Interval:
        return mean_interval(second.astype(np.float64) - first.astype(np.float64), resamples)

    p_exact, p_mid = mcnemar(was, now)
    return PairedFigures(
        target=candidate.target,
        rows=len(truth),
        incumbent_accuracy=float(was.mean()),
        candidate_accuracy=float(now.mean()),
        fixed=int((now & ~was).sum()),
        broken=int((was & ~now).sum()),
        accuracy=difference(was, now),
        p_exact=p_exact,
        p_mid=p_mid,
        macro_f1=_macro_f1_difference(truth, old_said, new_said, len(words), resamples),
        top_3=difference(_among_first(incumbent, old, 3), _among_first(candidate, new, 3)),
        log_loss=_log_loss_difference(incumbent, old, candidate, new, seed, repetitions),
        coverage=difference(acted, acts),
        acting_right=difference(acted & was, acts & now),
        acting_wrong=difference(acted & ~was, acts & ~now),
        cost=_cost_difference(candidate, truth, old_said, new_said, new, seed, repetitions),
        by_label=_by_label(words, truth, was, now),
    )


def _aligned(incumbent: Judged, candidate: Judged) -> tuple[Numbers, Numbers]:
    """Row numbers in each of the rows that both have, in the candidate's order."""
    if incumbent.ids == candidate.ids:
        rows = np.arange(len(candidate.ids))
        return rows, rows
    _, old, new = np.intersect1d(np.array(incumbent.ids), np.array(candidate.ids), return_indices=True)
    if len(new) == 0:
        raise HistoryError("the two were judged on different rows: no id is in both")
    order = np.argsort(new)
    return old[order], new[order]


def _among_first(judged: Judged, rows: Numbers, k: int) -> Flags:
    return rank_of_truth(judged.probabilities[rows], judged.truth[rows]) < k


def _macro_f1_difference(
    truth: Numbers, first: Numbers, second: Numbers, width: int, resamples: Resamples
) -> Interval:
    columns = sparse.hstack((f1_columns(truth, first, width), f1_columns(truth, second, width)), format="csr")

    def difference(totals: Values) -> Values:
        return macro_f1_of(totals[..., 3 * width :]) - macro_f1_of(totals[..., : 3 * width])

    value = float(difference(np.asarray(columns.sum(axis=0), dtype=np.float64)))
    return percentile_interval(value, difference(resamples.totals(columns)))


def _log_loss_difference(
    incumbent: Judged, old: Numbers, candidate: Judged, new: Numbers, seed: int, repetitions: int
) -> Interval | None:
    first = log_losses(incumbent.probabilities[old], incumbent.truth[old])
    second = log_losses(candidate.probabilities[new], candidate.truth[new])
    both = ~(np.isnan(first) | np.isnan(second))
    if not both.any():
        return None
    groups = candidate.groups[new][both]
    return paired_difference(first[both], second[both], groups, seed=seed, repetitions=repetitions)


def _cost_difference(
    candidate: Judged,
    truth: Numbers,
    first: Numbers,
    second: Numbers,
    new: Numbers,
    seed: int,
    repetitions: int,
) -> Interval | None:
    """The candidate's labels come first among all words, so its costs hold for numbers below their count."""
    width = len(candidate.labels)
    known = (truth != UNKNOWN) & (truth < width) & (first < width)
    if candidate.costs is None or not known.any():
        return None
    costs, groups = candidate.costs, candidate.groups[new][known]
    of_first, of_second = costs[truth[known], first[known]], costs[truth[known], second[known]]
    return paired_difference(of_first, of_second, groups, seed=seed, repetitions=repetitions)


def _by_label(words: tuple[str, ...], truth: Numbers, was: Flags, now: Flags) -> tuple[LabelChange, ...]:
    """The labels of which most rows changed sides."""
    width, known = len(words), truth != UNKNOWN
    rows = np.bincount(truth[known], minlength=width)
    fixed = np.bincount(truth[known & now & ~was], minlength=width)
    broken = np.bincount(truth[known & was & ~now], minlength=width)
    most = np.argsort(-(fixed + broken), kind="stable")[:_SHOWN_LABELS]
    return tuple(
        LabelChange(label=words[at], rows=int(rows[at]), fixed=int(fixed[at]), broken=int(broken[at]))
        for at in most
        if fixed[at] + broken[at]
    )
