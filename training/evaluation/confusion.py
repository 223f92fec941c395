"""Which labels are taken for which, and the mistakes that were made with most confidence."""

from dataclasses import dataclass

import numpy as np

from training.learning.judged import UNKNOWN, Judged, Numbers

MOST_LABELS = 20
_PAIRS = 15
_MISTAKES = 20

OTHERS = "all others"
NOT_KNOWN = "not known to the head"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusedPair:
    """``share``: of the rows that are ``true``."""

    true: str
    said: str
    rows: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionFigures:
    """``matrix[i][j]``: rows that are ``true[i]`` and were said to be ``said[j]``. Up to 20 labels, in the
    head's order or that of urgency; of more, the 20 with most mistakes, and ``all others`` together. A last row
    holds the labels the head does not know, where there are any. ``pairs``: the most
    frequent mistakes between labels it knows."""

    true: tuple[str, ...]
    said: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    pairs: tuple[ConfusedPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """A wrong conclusion. ``true`` is None for a label the head does not know, and so is ``true_probability``."""

    id: str
    true: str | None
    said: str
    probability: float
    true_probability: float | None
    acting: bool


def confusion(judged: Judged) -> ConfusionFigures:
    width = len(judged.labels)
    # Row ``width`` holds the labels the head does not know.
    truth = np.where(judged.truth == UNKNOWN, width, judged.truth)
    pairs, rows = np.unique(truth * width + judged.chosen, return_counts=True)
    true, said = np.divmod(pairs, width)
    place, names = _places(judged, true, said, rows)
    rest = len(names)
    matrix = np.zeros((rest + 2, rest + 1), dtype=np.int64)
    np.add.at(matrix, (place[true], np.minimum(place[said], rest)), rows)
    all_shown = rest == width
    keep_rows = [at for at in range(rest + 2) if at < rest or (at == rest and not all_shown) or matrix[at].any()]
    matrix = matrix[keep_rows][:, : rest if all_shown else rest + 1]
    titles = (*names, OTHERS, NOT_KNOWN)
    return ConfusionFigures(
        true=tuple(titles[at] for at in keep_rows),
        said=names if all_shown else (*names, OTHERS),
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        pairs=_pairs(judged, true, said, rows),
    )


def worst_mistakes(judged: Judged) -> tuple[Mistake, ...]:
    """The wrong conclusions of highest probability, at most 20."""
    wrong = np.flatnonzero(~judged.right)
    confidence = judged.confidence
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")[:_MISTAKES]]
    mistakes = []
    for at in worst.tolist():
        truth = int(judged.truth[at])
        mistakes.append(
            Mistake(
                id=judged.ids[at],
                true=None if truth == UNKNOWN else judged.labels[truth],
                said=judged.labels[int(judged.chosen[at])],
                probability=float(confidence[at]),
                true_probability=None if truth == UNKNOWN else float(judged.probabilities[at, truth]),
                acting=bool(judged.acting[at]),
            )
        )
    return tuple(mistakes)


def _places(judged: Judged, true: Numbers, said: Numbers, rows: Numbers) -> tuple[Numbers, tuple[str, ...]]:
    """Where each label stands in the matrix, shape (k + 1,), and the names of those with a place of their own."""
    width = len(judged.labels)
    order = judged.order if judged.order is not None and len(judged.order) == width else range(width)
    shown = np.array(order, dtype=np.int64)
    if width > MOST_LABELS:
        wrong = np.where(true == said, 0, rows)
        mistakes = np.bincount(true, weights=wrong, minlength=width + 1)[:width]
        mistakes = mistakes + np.bincount(said, weights=wrong, minlength=width)
        most = np.argsort(-mistakes, kind="stable")[:MOST_LABELS]
        shown = shown[np.isin(shown, most)]
    place = np.full(width + 1, len(shown), dtype=np.int64)
    place[width] = len(shown) + 1
    place[shown] = np.arange(len(shown))
    return place, tuple(judged.labels[at] for at in shown)


def _pairs(judged: Judged, true: Numbers, said: Numbers, rows: Numbers) -> tuple[ConfusedPair, ...]:
    width = len(judged.labels)
    of_true = np.bincount(true, weights=rows, minlength=width + 1)
    wrong = np.flatnonzero((true != said) & (true != width))
    most = wrong[np.argsort(-rows[wrong], kind="stable")[:_PAIRS]]
    return tuple(
        ConfusedPair(
            true=judged.labels[int(true[at])],
            said=judged.labels[int(said[at])],
            rows=int(rows[at]),
            share=float(rows[at] / of_true[true[at]]),
        )
        for at in most
    )
