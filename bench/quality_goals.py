"""What is to be reached on each set, and whether it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from bench.quality_measures import Measured
from bench.quality_promises import Promise
from bench.quality_rivals import PEOPLE
from bench.quality_sets import Target
from training.evaluation.drift_alarm import tail
from training.evaluation.intervals import Interval, clopper_pearson, mean_interval
from training.evaluation.resampling import Resamples
from training.learning.judged import Judged

TOLERATED_ERROR = 0.01
LEAST_CHANCE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``reached`` is None where nothing could be said."""

    goal: str
    measured: str
    wanted: str
    reached: bool | None

    @property
    def word(self) -> str:
        return {True: "reached", False: "missed", None: "not measured"}[self.reached]


Goal = Callable[[Measured], Verdict]


def verdicts(measured: Measured) -> list[Verdict]:
    goals = GOALS.get((measured.asked.name, measured.question.target), ())
    always = (
        (calibrated, held) if measured.asked.exchangeable and measured.question.target == "team" else (calibrated,)
    )
    return [goal(measured) for goal in (*goals, *always)]


def top_3_of(least: float) -> Goal:
    def goal(measured: Measured) -> Verdict:
        found = measured.figures.top_3
        return Verdict(goal="top-3", measured=f"{found:.3f}", wanted=f"≥ {least}", reached=found >= least)

    return goal


def accuracy_of(least: float) -> Goal:
    def goal(measured: Measured) -> Verdict:
        found = measured.figures.accuracy
        return Verdict(goal="top-1", measured=between(found), wanted=f"≥ {least}", reached=found.value >= least)

    return goal


def macro_f1_of(least: float) -> Goal:
    def goal(measured: Measured) -> Verdict:
        found = measured.figures.macro_f1
        return Verdict(goal="macro-F1", measured=between(found), wanted=f"≥ {least}", reached=found.value >= least)

    return goal


def not_below(name: str) -> Goal:
    def goal(measured: Measured) -> Verdict:
        found = measured.rival(name).paired.accuracy
        return Verdict(
            goal=f"top-1 less {name}",
            measured=signed(found),
            wanted="not below: the interval does not end below 0",
            reached=found.high >= 0,
        )

    return goal


def above(name: str) -> Goal:
    def goal(measured: Measured) -> Verdict:
        found = measured.rival(name).paired.accuracy
        return Verdict(
            goal=f"top-1 less {name}",
            measured=signed(found),
            wanted="above: the interval begins above 0",
            reached=found.low > 0,
        )

    return goal


def acting(coverage: float, precision: float) -> Goal:
    """By thresholds chosen in training, before any test row was seen."""

    def goal(measured: Measured) -> Verdict:
        found = measured.figures.coverage
        right = found.precision
        return Verdict(
            goal="acts alone on, right of these",
            measured=f"{found.acting.value:.3f}, {between(right) if right else 'none'}",
            wanted=f"≥ {coverage}, ≥ {precision}",
            reached=right is not None and found.acting.value >= coverage and right.value >= precision,
        )

    return goal


def flags(share: float, precision: float) -> Goal:
    def goal(measured: Measured) -> Verdict:
        look = measured.look
        if look is None:
            return Verdict(goal="flags", measured="", wanted="", reached=None)
        wrong = look.assigned != measured.ours.truth
        flagged = int(look.flagged.sum())
        hits = int((look.flagged & wrong).sum())
        found, right = clopper_pearson(hits, int(wrong.sum())), clopper_pearson(hits, flagged)
        return Verdict(
            goal="wrong assignments flagged, flags right",
            measured=f"{between(found) if found else 'none'}, {between(right) if right else 'none'}",
            wanted=f"≥ {share}, ≥ {precision}",
            reached=bool(found and right) and hits >= share * wrong.sum() and hits >= precision * flagged,
        )

    return goal


def calibrated(measured: Measured) -> Verdict:
    """Rows of several splits are taken for independent ones, which makes the floor, if anything, too low."""
    found = measured.figures.calibration
    return Verdict(
        goal="calibration error",
        measured=between(found.error),
        wanted=f"≤ {found.floor:.3f} of a perfect model (95 %) + {TOLERATED_ERROR}",
        reached=found.error.value <= found.floor + TOLERATED_ERROR,
    )


def held(measured: Measured) -> Verdict:
    """Sets of teams against the law of coverage under exchangeability, which knows the luck of the calibration
    part too. A pattern counts once: its rows are no independent cases."""
    promise = measured.promise
    if promise is None:
        return Verdict(goal="sets hold the truth", measured="none in the output", wanted="", reached=None)
    cases = len(np.unique(measured.ours.groups))
    lost = int((~promise.held).mean() * cases)
    chance = tail(lost, cases, promise.units, promise.allowed)
    return Verdict(
        goal=f"sets of {promise.coverage:g} hold the truth",
        measured=share_held(promise, measured.ours),
        wanted=f"≥ {promise.coverage:g}, or less by chance: p {chance:.2g} ≥ {LEAST_CHANCE}",
        reached=bool(promise.held.mean() >= promise.coverage or chance >= LEAST_CHANCE),
    )


def share_held(promise: Promise, judged: Judged) -> str:
    found = mean_interval(promise.held, Resamples(judged.groups, seed=0, repetitions=1_000))
    return f"{between(found)}, {promise.sizes.mean():.1f} labels each"


def between(found: Interval) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def signed(found: Interval) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


GOALS: Mapping[tuple[str, Target], tuple[Goal, ...]] = {
    ("servicenow", "team"): (not_below(PEOPLE), top_3_of(0.88), acting(0.18, 0.90)),
    ("servicenow", "second_look"): (accuracy_of(0.74), flags(0.30, 0.80)),
    ("sap_rules", "team"): (macro_f1_of(0.955),),
    ("sap_rules", "priority"): (macro_f1_of(0.72),),
    ("sap_rules_text", "team"): (macro_f1_of(0.90),),
    ("gcp_status", "team"): (above("TF-IDF + linear SVM"), top_3_of(0.90)),
}
