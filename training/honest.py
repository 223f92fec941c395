"""Rows that judge, and bundles that have not seen them: themselves, or a stand-in made by the same recipe."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.model_selection import GroupShuffleSplit

from training.history.patterns import pattern_groups
from training.learning.encoded import Progress
from training.learning.heads import EncodedHistory, moments_of
from training.learning.split import known_before, later_rows
from training.recipes import Recipe, recipe_of
from training.train import ReadHistory, TrainRequest, train_rows
from triage.errors import BundleError, GuaranteeRefused, HistoryError
from triage.history.rows import HistoryRow
from triage.prediction.bundle import Bundle, open_bundle
from triage.prediction.collection import get_bundle
from triage.prediction.text import incident_text

_LEAST_DATED = 0.8
_LEAST_LATER = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """``learnt``: rows whose label was known before ``cut``; ``judging``: the later ones, of patterns that are not
    among them. ``cut`` None: split by pattern, for want of dates."""

    learnt: NDArray[np.int64]
    judging: NDArray[np.int64]
    cut: np.datetime64 | None

    def words(self) -> str:
        if self.cut is None:
            return "a fifth of the patterns, drawn, for want of dates"
        when = np.datetime_as_string(self.cut, unit="m").replace("T", " ")
        return f"those from {when} UTC on whose pattern was not seen before"


def split_history(rows: Sequence[HistoryRow], share: float, seed: int) -> Parts:
    """By time where most rows have one, else by drawing that share of the patterns. Raises ``HistoryError`` where
    either part would be too small."""
    moments = moments_of([row.incident.occurred_at for row in rows])
    if (~np.isnat(moments)).sum() < _LEAST_DATED * len(rows):
        groups = pattern_groups(rows, [incident_text(row.incident) for row in rows])
        if len(np.unique(groups)) < _LEAST_LATER:
            raise HistoryError(f"{len(rows)} rows of {len(np.unique(groups))} patterns; too few to split")
        splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
        learnt, judging = next(splitter.split(rows, groups=groups))
        return Parts(learnt=np.sort(learnt), judging=np.sort(judging), cut=None)
    later, cut = later_rows(moments, share)
    known_at = moments_of([row.known_at for row in rows])
    learnt = np.flatnonzero(known_before(moments, known_at, cut))
    if len(later) < _LEAST_LATER or len(learnt) < _LEAST_LATER:
        raise HistoryError(
            f"{len(learnt)} rows to learn from and {len(later)} later ones to judge on; each needs {_LEAST_LATER}"
        )
    return Parts(learnt=learnt, judging=np.sort(later), cut=cut)


@contextmanager
def honest_bundle(
    request: TrainRequest, history: ReadHistory, parts: Parts, version: str | None, progress: Progress
) -> Iterator[tuple[Bundle, str]]:
    """The bundle itself where it was trained on nothing of what judges; else a stand-in, made by the same recipe
    of the rows before; and which of the two it is."""
    if version is None:
        with stand_in(request, history, parts, request.recipe, progress) as bundle:
            yield bundle, f"a stand-in by the recipe {request.recipe.name!r}"
        return
    bundle = open_bundle(get_bundle(request.models, version))
    if not bundle.heads:
        bundle.encoder.close()
        raise HistoryError(
            f"{version} is a starter bundle: it has no heads to judge; use `evaluate` for a candidate"
        )
    last_at = bundle.manifest.trained_on.get("last_at")
    seen_until = moments_of([datetime.fromisoformat(last_at)])[0] if last_at else None
    if seen_until is not None and parts.cut is not None and seen_until < parts.cut:
        try:
            yield bundle, "itself"
        finally:
            bundle.encoder.close()
        return
    bundle.encoder.close()
    with stand_in(request, history, parts, _recipe_of(bundle), progress) as bundle:
        yield bundle, "a stand-in by its recipe, since it has seen what judges"


def _recipe_of(bundle: Bundle) -> Recipe:
    try:
        return recipe_of(bundle.manifest.recipe)
    except ValidationError as error:
        raise BundleError(
            bundle.version,
            "a bundle that has not seen what judges, or one by a recipe that is known here",
            "neither",
        ) from error


@contextmanager
def stand_in(
    request: TrainRequest, history: ReadHistory, parts: Parts, recipe: Recipe, progress: Progress
) -> Iterator[Bundle]:
    """What the recipe makes of the rows to learn from, in a folder that is gone afterwards. A bound that so few
    rows cannot promise is left out, since it is the heads that are judged."""
    rows = [history.rows[at] for at in parts.learnt.tolist()]
    with TemporaryDirectory(prefix="triage-evaluate-") as scratch:
        into = replace(request, recipe=recipe, into=Path(scratch))
        try:
            result = train_rows(into, replace(history, rows=rows), progress)
        except GuaranteeRefused:
            unpromised = replace(into, recipe=replace(recipe, max_p1_miss=None))
            result = train_rows(unpromised, replace(history, rows=rows), progress)
        bundle = open_bundle(result.folder)
        try:
            yield bundle
        finally:
            bundle.encoder.close()


def without_recurring(parts: Parts, history: EncodedHistory) -> Parts:
    """With the rows to judge on whose pattern is not among those to learn from."""
    if parts.cut is None:
        return parts
    known = np.isin(history.groups[parts.judging], history.groups[parts.learnt])
    new = parts.judging[~known]
    return replace(parts, judging=new if len(new) else parts.judging)
