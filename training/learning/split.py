"""Which rows a head is fitted on and which it is judged on, so that no figure rests on what was not known yet."""

import warnings
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from training.recipes import SplitRecipe

Rows = NDArray[np.int64]
Moments = NDArray[np.datetime64]
"""datetime64[s]; NaT where unknown."""

_LEAST_DATED_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """``held_out`` is judged by what was fitted on ``fitted``: rows of the same numbering, both ascending.
    ``new``, beside ``held_out``: whether nothing of the row's pattern was fitted on."""

    fitted: Rows
    held_out: Rows
    new: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """``by`` time: each fold's held-out rows come after its fitted ones, and the last fold is the test part; by
    pattern: every row is held out once, and is new, but where without it and those beside it a single label would
    be left. No folds: there is no such split. ``unknown_yet``: rows left out of a fit since their label was not
    known yet."""

    by: Literal["time", "pattern"]
    folds: tuple[Fold, ...]
    unknown_yet: int = 0

    @property
    def judged(self) -> tuple[Fold, ...]:
        """The folds whose held-out rows may judge: of a split by time the last, which is later than all else."""
        return self.folds[-1:] if self.by == "time" else self.folds


def split_rows(
    labels: Rows, groups: Rows, moments: Moments, known_at: Moments, recipe: SplitRecipe, seed: int
) -> Split:
    """All of shape (n,): label numbers (-1: left to rules), pattern numbers, when each happened, when its label
    became known (NaT: at once)."""
    dated = ~np.isnat(moments)
    times = np.unique(moments[dated])
    if dated.sum() >= max(recipe.least_dated, _LEAST_DATED_SHARE * len(labels)) and len(times) > recipe.blocks:
        split = _taught(labels, _by_time(groups, moments, known_at, recipe))
        if all(_teaches(labels, fold) for fold in split.folds):
            return split
    return _taught(labels, _by_pattern(labels, groups, recipe, seed))


def _taught(labels: Rows, split: Split) -> Split:
    """Nothing is fitted on a row whose label is left to rules."""
    folds = tuple(replace(fold, fitted=fold.fitted[labels[fold.fitted] >= 0]) for fold in split.folds)
    return replace(split, folds=folds)


def later_rows(moments: Moments, share: float) -> tuple[Rows, np.datetime64]:
    """The rows of the last ``share`` of those with a date, in order of time, and when the first of them
    happened."""
    order = np.argsort(moments, kind="stable")
    order = order[: len(order) - int(np.isnat(moments).sum())]
    cut = int(len(order) * (1 - share))
    return order[cut:], moments[order[cut]]


def known_before(moments: Moments, known_at: Moments, cut: np.datetime64) -> NDArray[np.bool_]:
    """Which rows happened, and had their label known, before ``cut``. NaT in ``known_at``: known at once."""
    with np.errstate(invalid="ignore"):
        known: NDArray[np.bool_] = (moments < cut) & (np.isnat(known_at) | (known_at <= cut))
    return known


def _by_time(groups: Rows, moments: Moments, known_at: Moments, recipe: SplitRecipe) -> Split:
    order = np.argsort(moments, kind="stable")
    dated = len(order) - int(np.isnat(moments).sum())
    starts = [dated - round(dated * recipe.block_share * at) for at in range(recipe.blocks, 0, -1)]
    folds, unknown_yet = [], 0
    for start, end in zip(starts, [*starts[1:], dated], strict=True):
        cut = moments[order[start]]
        fitted = np.flatnonzero(known_before(moments, known_at, cut))
        earlier = int((moments < cut).sum())
        held_out = np.sort(order[start:end])
        new = ~np.isin(groups[held_out], groups[fitted])
        folds.append(Fold(fitted=fitted, held_out=held_out, new=new))
        unknown_yet += earlier - len(fitted)
    return Split(by="time", folds=tuple(folds), unknown_yet=unknown_yet)


def _by_pattern(labels: Rows, groups: Rows, recipe: SplitRecipe, seed: int) -> Split:
    """Labels spread evenly, rows of one pattern together."""
    # Not more folds than the most frequent label has rows, which the splitter refuses.
    count = min(recipe.folds, len(np.unique(groups)), int(np.bincount(labels[labels >= 0]).max(initial=0)))
    if count < 2:
        return Split(by="pattern", folds=())
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Labels with fewer rows than folds are expected: they are in some folds only.
        warnings.simplefilter("ignore", UserWarning)
        splits = list(splitter.split(np.zeros(len(labels)), labels, groups))
    folds = [
        Fold(fitted=fitted, held_out=held_out, new=np.ones(len(held_out), dtype=np.bool_))
        for fitted, held_out in splits
    ]
    return Split(by="pattern", folds=tuple(fold for fold in folds if _teaches(labels, fold)))


def _teaches(labels: Rows, fold: Fold) -> bool:
    known = labels[fold.fitted]
    return len(np.unique(known[known >= 0])) > 1 and bool((labels[fold.held_out] >= 0).any())
