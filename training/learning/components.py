"""The ways to score a label that are compared in every run: by words, meaning, metadata, names, neighbours.

A linear component is one row of coefficients a label. Scores of two components may be added with weights, since a
constant added to all labels of a row changes no probability (a logarithmic opinion pool; Genest & Zidek, 1986,
Combining Probability Distributions), so a weighted sum of linear components is again a linear head.
"""

import threading
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from training.learning.matrix import Blocks
from training.recipes import ComponentRecipe
from triage.prediction.features import Numbers
from triage.prediction.neighbours import Neighbours, NeighbourSettings

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]

NAME_SCALE = 5.0
"""Brings the cosine of a text and a label's name to the size of the other components' scores."""

# liblinear draws from one random generator for the whole process: two fits at once would not be the same again.
_ONE_AT_A_TIME = threading.Lock()

_MOST_NEIGHBOURS = 20_000
_NEIGHBOURS = NeighbourSettings(count=30, sharpness=12.0, floor=0.05, weight=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a component learns from: rows in a head's columns, their labels below ``width``, and the labels' own
    ``names`` in the same columns."""

    rows: Blocks
    labels: Labels
    width: int
    names: Blocks


class Component(Protocol):
    def scores(self, rows: Blocks) -> Scores:
        """Shape (n, width), with mean 0 over the labels of a row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearComponent:
    """Coefficients of shape (width, columns) for each block, and the intercept (width,); their mean over the
    labels is 0. ``unseen``: labels without a row, which are as unlikely as the least likely of the others."""

    words: Numbers
    facts: Numbers
    meaning: Numbers
    intercept: Numbers
    unseen: NDArray[np.bool_]

    def scores(self, rows: Blocks) -> Scores:
        found = rows.words @ self.words.T + rows.facts @ self.facts.T + rows.meaning @ self.meaning.T
        scores: Scores = np.asarray(found, dtype=np.float64) + self.intercept
        if self.unseen.any():
            scores[:, self.unseen] = scores[:, ~self.unseen].min(axis=1, keepdims=True)
        return scores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NeighbourComponent:
    votes: Neighbours

    def scores(self, rows: Blocks) -> Scores:
        found = self.votes.scores(rows.meaning)
        scores: Scores = found - found.mean(axis=1, keepdims=True)
        return scores


def fit_component(recipe: ComponentRecipe, lesson: Lesson, seed: int) -> Component | None:
    """None where the rows have nothing that this component reads, or fewer than two labels."""
    if len(np.unique(lesson.labels)) < 2 or not _has_anything(recipe, lesson):
        return None
    if recipe.method == "names":
        return _names(recipe, lesson)
    if recipe.method == "neighbours":
        return _neighbours(lesson)
    return _linear(recipe, lesson, seed)


def _has_anything(recipe: ComponentRecipe, lesson: Lesson) -> bool:
    """One column at least that differs from row to row."""
    rows = lesson.rows
    blocks = {
        "words": _differs(rows.words),
        "facts": _differs(rows.facts),
        "meaning": len(rows) > 1 and bool(np.any(rows.meaning[1:] != rows.meaning[0])),
    }
    return any(blocks[block] for block in recipe.blocks)


def _differs(block: csr_matrix) -> bool:
    """Whether some rows have a column that others lack."""
    counts = np.bincount(block.indices, minlength=block.shape[1])
    return bool(np.any((counts > 0) & (counts < block.shape[0])))


def _linear(recipe: ComponentRecipe, lesson: Lesson, seed: int) -> LinearComponent:
    rows = lesson.rows
    scale = {"words": 1.0, "facts": recipe.fact_weight, "meaning": 1.0}
    parts = {name: getattr(rows, name) * np.float32(scale[name]) for name in recipe.blocks}
    classifier = _classifier(recipe, seed)
    with warnings.catch_warnings():
        # What is not converged yet is judged as it is, on rows that it has not seen.
        warnings.simplefilter("ignore", ConvergenceWarning)
        with _ONE_AT_A_TIME if recipe.method == "linear_svm" else nullcontext():
            classifier.fit(_together(list(parts.values())), lesson.labels)
    coef, intercept = _of_all_labels(classifier, lesson.width)
    widths = {name: getattr(rows, name).shape[1] for name in ("words", "facts", "meaning")}
    blocks = {name: np.zeros((lesson.width, width), dtype=np.float32) for name, width in widths.items()}
    at = 0
    for name in parts:
        blocks[name] = (coef[:, at : at + widths[name]] * scale[name]).astype(np.float32)
        at += widths[name]
    unseen = np.bincount(lesson.labels, minlength=lesson.width) == 0
    return LinearComponent(**blocks, intercept=intercept.astype(np.float32), unseen=unseen)


def _classifier(recipe: ComponentRecipe, seed: int) -> Any:
    if recipe.method == "logistic":
        return LogisticRegression(C=recipe.strength, max_iter=200, tol=1e-3)
    # Dual: twice as fast as primal on every history measured, and a tighter tolerance changed no prediction.
    return LinearSVC(C=recipe.strength, dual=True, random_state=seed, max_iter=5_000, tol=1e-2)


def _together(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else hstack([csr_matrix(part) for part in parts], format="csr")


def _of_all_labels(classifier: Any, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients and intercepts with a row for each label, mean 0 over those that were seen."""
    coef, intercept = classifier.coef_, np.atleast_1d(classifier.intercept_)
    if len(classifier.classes_) == 2:
        # Two labels share one score; half of it for the one and against the other is the same softmax.
        coef, intercept = np.concatenate((-coef, coef)) / 2, np.concatenate((-intercept, intercept)) / 2
    every, starts = np.zeros((width, coef.shape[1])), np.zeros(width)
    every[classifier.classes_] = coef - coef.mean(axis=0)
    starts[classifier.classes_] = intercept - intercept.mean()
    return every, starts


def _names(recipe: ComponentRecipe, lesson: Lesson) -> LinearComponent:
    blocks = {
        name: np.zeros((lesson.width, getattr(lesson.rows, name).shape[1]), dtype=np.float32)
        for name in ("words", "facts", "meaning")
    }
    for name in recipe.blocks:
        found = getattr(lesson.names, name)
        found = np.asarray(found.todense() if hasattr(found, "todense") else found) * NAME_SCALE
        blocks[name] = (found - found.mean(axis=0)).astype(np.float32)
    nothing = np.zeros(lesson.width, dtype=np.bool_)
    return LinearComponent(**blocks, intercept=np.zeros(lesson.width, dtype=np.float32), unseen=nothing)


def _neighbours(lesson: Lesson) -> NeighbourComponent:
    """The newest rows, one for each meaning and label: a storm of equal ones votes once."""
    meaning = lesson.rows.meaning.astype(np.float16)
    seen = np.column_stack((meaning.view(np.uint16), lesson.labels.astype(np.uint16)))
    _, newest = np.unique(seen[::-1], axis=0, return_index=True)
    kept = np.sort(len(meaning) - 1 - newest)[-_MOST_NEIGHBOURS:]
    votes = Neighbours(_NEIGHBOURS, meaning[kept], lesson.labels[kept].astype(np.uint16), lesson.width)
    return NeighbourComponent(votes=votes)
