"""One head: fitted, calibrated and judged on rows it has not seen."""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from training.learning.calibration import (
    Labels,
    Scores,
    abstains,
    calibration_error,
    choose_thresholds,
    fit_temperature,
    softmax,
)
from training.learning.matrix import build_matrix, learn_columns
from training.recipes import Recipe
from triage.prediction.bundle_writer import FittedHead
from triage.prediction.columns import Columns
from triage.prediction.features import FactScope, FeatureVector
from triage.prediction.head import HeadSettings, Probabilities

_LATER_SHARE = 0.2
_LEAST_LATER_ROWS = 20
_LEAST_DATED = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """Rows of one target: what each says, its label, ``groups``: equal where two rows say the same, so that a copy
    is never in both the rows fitted on and the rows judged on, and ``moments``: when each happened, if known."""

    target: str
    scope: FactScope
    vectors: Sequence[FeatureVector]
    labels: Sequence[str]
    groups: Sequence[bytes]
    moments: Sequence[datetime | None]
    left_out_facts: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadQuality:
    """On held-out rows. ``coverage``: the share on which the head does not abstain; ``accuracy_acting`` is None
    where it always does. ``majority``: the accuracy of always saying the most frequent label."""

    rows: int
    labels: int
    accuracy: float
    macro_f1: float
    majority: float
    coverage: float
    accuracy_acting: float | None
    calibration_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The rows that are used, labels as numbers. A score of shape (n, ``width``) has a column for each label."""

    vectors: Sequence[FeatureVector]
    labels: Labels
    width: int
    left_out: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFit:
    """``head`` is None where nothing could be learnt, and ``reason`` says why. ``left_out``: labels with too few
    rows, and how many they had. ``quality`` is from cross-validation over the whole history; ``later`` is from its
    last fifth, by a classifier fitted on the time before: the more honest one, None where rows have no dates."""

    target: str
    head: FittedHead | None
    quality: HeadQuality | None
    later: HeadQuality | None
    left_out: dict[str, int]
    reason: str | None = None

    def describe(self) -> dict[str, Any]:
        """As the manifest records it."""
        return {
            "reason": self.reason,
            "left_out": self.left_out,
            "across": asdict(self.quality) if self.quality else None,
            "later": asdict(self.later) if self.later else None,
        }


def nothing_learnt(target: str, reason: str, left_out: dict[str, int] | None = None) -> HeadFit:
    return HeadFit(target=target, head=None, quality=None, later=None, left_out=left_out or {}, reason=reason)


def fit_head(rows: TrainingRows, recipe: Recipe, progress: Callable[[], None] = lambda: None) -> HeadFit:
    """``progress`` is called after each of at most ``recipe.folds`` + 2 fits."""
    counts = Counter(rows.labels)
    left_out = {label: n for label, n in sorted(counts.items()) if n < recipe.min_label_rows}
    names = tuple(sorted(counts.keys() - left_out.keys()))
    kept = [at for at, label in enumerate(rows.labels) if label not in left_out]
    groups = [rows.groups[at] for at in kept]
    reason = _nothing_to_learn(len(kept), names, len(set(groups)), recipe)
    if reason:
        return nothing_learnt(rows.target, reason, left_out)
    number = {name: at for at, name in enumerate(names)}
    used = _Rows(
        vectors=[rows.vectors[at] for at in kept],
        labels=np.array([number[rows.labels[at]] for at in kept], dtype=np.int64),
        width=len(names),
        left_out=rows.left_out_facts,
    )
    folds = _folds(used.labels, groups, recipe)
    scores = _held_out_scores(used, folds, recipe, progress)
    temperature = fit_temperature(scores, used.labels)
    probabilities = softmax(scores, temperature)
    settings = HeadSettings(
        target=rows.target,
        labels=names,
        scope=rows.scope,
        temperature=temperature,
        thresholds=choose_thresholds(probabilities, used.labels, names, recipe.target_precision),
        word_weight=recipe.word_weight,
        fact_weight=recipe.fact_weight,
        meaning_weight=recipe.meaning_weight,
    )
    later = _quality_later(used, [rows.moments[at] for at in kept], probabilities, settings, recipe)
    progress()
    columns = learn_columns(used.vectors, recipe, used.left_out)
    classifier = _classifier(recipe).fit(build_matrix(used.vectors, columns), used.labels)
    progress()
    return HeadFit(
        target=rows.target,
        head=FittedHead(settings=settings, content=_content(classifier, columns)),
        quality=_quality_across(probabilities, used.labels, names, folds, recipe),
        later=later,
        left_out=left_out,
    )


def _nothing_to_learn(rows: int, names: Sequence[str], groups: int, recipe: Recipe) -> str | None:
    if not names:
        return f"no label has {recipe.min_label_rows} rows"
    if rows < recipe.min_rows:
        return f"{rows} usable rows; at least {recipe.min_rows} are needed"
    if len(names) < 2:
        return f"only {names[0]!r} has {recipe.min_label_rows} rows or more; there is nothing to tell apart"
    if groups < 2:
        return "all rows read the same"
    return None


def _classifier(recipe: Recipe) -> Any:
    weight = "balanced" if recipe.balanced else None
    if recipe.classifier == "logistic":
        return LogisticRegression(C=recipe.strength, class_weight=weight, max_iter=300)
    # Dual: twice as fast as primal on every history measured, and a tighter tolerance changed no prediction.
    return LinearSVC(
        C=recipe.strength, class_weight=weight, dual=True, random_state=recipe.seed, max_iter=5_000, tol=1e-2
    )


def _folds(labels: Labels, groups: Sequence[bytes], recipe: Recipe) -> Labels:
    """The fold of each row: labels spread evenly, rows of one group together."""
    numbers = {group: at for at, group in enumerate(dict.fromkeys(groups))}
    splitter = StratifiedGroupKFold(min(recipe.folds, len(numbers)), shuffle=True, random_state=recipe.seed)
    folds = np.zeros(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        # Labels with fewer rows than folds are expected: they are in some folds only.
        warnings.simplefilter("ignore", UserWarning)
        splits = splitter.split(np.zeros(len(labels)), labels, [numbers[group] for group in groups])
        for fold, (_, held_out) in enumerate(splits):
            folds[held_out] = fold
    return folds


def _held_out_scores(rows: _Rows, folds: Labels, recipe: Recipe, progress: Callable[[], None]) -> Scores:
    """Scores of shape (n, labels), each row's by a classifier that saw neither the row nor a copy of it."""
    scores = np.zeros((len(rows.labels), rows.width))
    for fold in np.unique(folds):
        held_out = np.flatnonzero(folds == fold)
        scores[held_out] = _scores_of(rows, np.flatnonzero(folds != fold), held_out, recipe)
        progress()
    return scores


def _scores_of(rows: _Rows, seen: Labels, held_out: Labels, recipe: Recipe) -> Scores:
    """Scores of the rows ``held_out`` by a classifier fitted on the rows ``seen``, words and facts included."""
    present = np.unique(rows.labels[seen])
    if len(present) < 2:
        return np.zeros((len(held_out), rows.width))
    vectors = [rows.vectors[at] for at in seen]
    columns = learn_columns(vectors, recipe, rows.left_out)
    classifier = _classifier(recipe).fit(build_matrix(vectors, columns), rows.labels[seen])
    found = classifier.decision_function(build_matrix([rows.vectors[at] for at in held_out], columns))
    if found.ndim == 1:
        found = np.stack((-found, found), axis=1) / 2
    # A label that the seen rows did not hold is as unlikely as the least likely that they did.
    scores = np.repeat(found.min(axis=1, keepdims=True), rows.width, axis=1).astype(np.float64)
    scores[:, present] = found
    return scores


def _quality_across(
    probabilities: Probabilities, labels: Labels, names: Sequence[str], folds: Labels, recipe: Recipe
) -> HeadQuality:
    """With thresholds chosen on the other folds, so that those are judged on rows they were not chosen on."""
    silent = np.zeros(len(labels), dtype=np.bool_)
    for fold in np.unique(folds):
        here = folds == fold
        thresholds = choose_thresholds(probabilities[~here], labels[~here], names, recipe.target_precision)
        silent[here] = abstains(probabilities[here], names, thresholds)
    return _quality(probabilities, labels, silent)


def _quality_later(
    rows: _Rows,
    moments: Sequence[datetime | None],
    probabilities: Probabilities,
    settings: HeadSettings,
    recipe: Recipe,
) -> HeadQuality | None:
    """Fitted on the first four fifths of the time, judged on the last. Thresholds come from held-out predictions
    within those four fifths; only the temperature, one number, has seen the rest."""
    dated = sorted((moment, at) for at, moment in enumerate(moments) if moment is not None)
    if len(dated) < _LEAST_DATED * len(moments) or len(dated) < _LEAST_LATER_ROWS / _LATER_SHARE:
        return None
    order = np.array([at for _, at in dated], dtype=np.int64)
    cut = int(len(order) * (1 - _LATER_SHARE))
    seen, later = order[:cut], order[cut:]
    thresholds = choose_thresholds(
        probabilities[seen], rows.labels[seen], settings.labels, recipe.target_precision
    )
    found = softmax(_scores_of(rows, seen, later, recipe), settings.temperature)
    return _quality(found, rows.labels[later], abstains(found, settings.labels, thresholds))


def _quality(probabilities: Probabilities, labels: Labels, silent: NDArray[np.bool_]) -> HeadQuality:
    suggested = probabilities.argmax(axis=1)
    right, acting = suggested == labels, ~silent
    return HeadQuality(
        rows=len(labels),
        labels=len(np.unique(labels)),
        accuracy=float(right.mean()),
        macro_f1=float(f1_score(labels, suggested, labels=np.unique(labels), average="macro", zero_division=0)),
        majority=float(np.bincount(labels).max() / len(labels)),
        coverage=float(acting.mean()),
        accuracy_acting=float(right[acting].mean()) if acting.any() else None,
        calibration_error=calibration_error(probabilities, labels),
    )


def _content(classifier: Any, columns: Columns) -> dict[str, Any]:
    """What the head's file will hold. float32 is what serving computes in, at half the size."""
    classifier.coef_ = classifier.coef_.astype(np.float32)
    classifier.intercept_ = np.atleast_1d(classifier.intercept_).astype(np.float32)
    return {
        "classifier": classifier,
        "word_ids": columns.word_ids,
        "rarity": columns.rarity,
        "fact_ids": columns.fact_ids,
    }
