"""What a recipe or a bundle is worth on incidents that it has not seen, beside baselines, people and a rival."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from training.evaluation.baselines import BASELINES, baseline_rows
from training.evaluation.intervals import Interval, compare_judged
from training.evaluation.judging import PEOPLE, common, judge, judge_people, labelled
from training.evaluation.measures import measure
from training.evaluation.plots import LearningPoint
from training.evaluation.promises import promise_lines
from training.evaluation.report import Report, Rival, TargetReport
from training.history.teams import known_among
from training.honest import Parts, honest_bundle, split_history, stand_in, without_recurring
from training.learning.encoded import Progress, encode_history
from training.learning.heads import HEADS, EncodedHistory, HeadPlan, lessons_for
from training.learning.judged import UNKNOWN, Judged
from training.recipes import Recipe
from training.train import ReadHistory, TrainRequest, read_for
from triage.errors import HistoryError
from triage.prediction.bundle import Bundle
from triage.prediction.predictor import SECOND_LOOK, TEAM
from triage.rules.configuration import Configuration

_CURVE = (0.125, 0.25, 0.5)
_MOST_BASELINE_ROWS = 50_000
_REPETITIONS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateRequest:
    """``train``: history, models, recipe … as for a training. ``version``: a bundle to evaluate; None: what the
    recipe makes. ``rival``: a bundle to compare with. ``share``: the last part of the time that judges.
    ``curve``: also learn from an eighth, a quarter and a half. ``rules``: what the rule layer makes of it."""

    train: TrainRequest
    version: str | None = None
    rival: str | None = None
    share: float = 0.2
    curve: bool = True
    baselines: bool = True
    rules: Configuration | None = None
    titles: bool = True


def evaluate(request: EvaluateRequest, progress: Progress = lambda *_: None) -> Report:
    """Raises ``HistoryError`` where nothing is left to judge on, ``BundleError`` and ``NotFound`` for a bundle,
    and ``GuaranteeRefused`` as a training does."""
    history = read_for(request.train, progress)
    with threadpool_limits(limits=1), ExitStack() as stack:
        parts = split_history(history.rows, request.share, request.train.recipe.seed)
        ours, made = stack.enter_context(honest_bundle(request.train, history, parts, request.version, progress))
        encoded = _encode(request, history, ours, progress)
        parts = without_recurring(parts, encoded)
        judged = judge(ours, encoded, parts.judging)
        rows = {plan.name: labelled(plan, encoded, parts.judging) for plan in HEADS}
        if not judged:
            raise HistoryError(f"{history.name}: no row of the part that judges has a label that the bundle gives")
        rivals: dict[str, dict[str, Judged]] = {}
        notes = []
        if request.rival is not None:
            other, how = stack.enter_context(honest_bundle(request.train, history, parts, request.rival, progress))
            rivals[f"incumbent {request.rival}"] = judge(
                other, _encode(request, history, other, progress), parts.judging
            )
            notes.append(f"The incumbent {request.rival} was judged as {how}.")
        curves = (
            _curves(request, history, parts, encoded, progress)
            if request.curve and request.version is None
            else {}
        )
        targets = [
            _target_report(request, encoded, parts, judged[plan.name], rivals, curves.get(plan.name, ()))
            for plan in HEADS
            if plan.name in judged
        ]
        return Report(
            bundle=made if request.version is None else f"{request.version}, judged as {made}",
            history=f"{history.name}, {len(parts.learnt):,} rows before the part that judges, which has "
            f"{len(parts.judging):,}",
            created_at=request.train.created_at,
            recipe=ours.manifest.recipe,
            targets=targets,
            guarantees=promise_lines(ours, judged, encoded, rows, request.rules),
            cleaning=[*notes, *encoded.cleaned.report.lines()],
            leaks=list(ours.manifest.trained_on.get("leaks", ())),
            titles=_titles(encoded, parts.judging) if request.titles else None,
        )


def _encode(request: EvaluateRequest, history: ReadHistory, bundle: Bundle, progress: Progress) -> EncodedHistory:
    return encode_history(
        history.rows,
        bundle.encoder,
        request.train.models,
        least_rows=1,
        known=known_among(history.rows, request.train.catalogue),
        progress=progress,
    )


def _target_report(
    request: EvaluateRequest,
    history: EncodedHistory,
    parts: Parts,
    judged: Judged,
    rivals: dict[str, dict[str, Judged]],
    curve: Sequence[LearningPoint],
) -> TargetReport:
    seed = request.train.recipe.seed
    plan = next(one for one in HEADS if one.name == judged.target)
    others: list[tuple[str, Any, Judged]] = [
        (name, "incumbent", found[judged.target]) for name, found in rivals.items() if judged.target in found
    ]
    people = judge_people(history, parts.judging, judged.target) if judged.target in (TEAM, SECOND_LOOK) else None
    if people is not None:
        others.append((PEOPLE, "people", people))
    if request.baselines:
        others += [(name, "baseline", found) for name, found in _baselines(plan, history, parts, judged)]
    return TargetReport(
        figures=measure(judged, seed=seed, repetitions=_REPETITIONS),
        rows=parts.words(),
        rivals=[
            Rival(
                name=name,
                kind=kind,
                figures=measure(found, seed=seed, repetitions=_REPETITIONS // 5),
                paired=compare_judged(found, judged, seed=seed, repetitions=_REPETITIONS),
            )
            for name, kind, found in others
        ],
        learning_curve=[*curve, _point(len(parts.learnt), judged, seed)] if curve else (),
    )


def _baselines(
    plan: HeadPlan, history: EncodedHistory, parts: Parts, judged: Judged
) -> Iterator[tuple[str, Judged]]:
    """On the same rows, from the same ones, without the facts that spell the answer."""
    lessons, leaks = lessons_for(plan, history)
    left_out = {leak.key for leak in leaks if leak.dropped} | ({plan.target} & lessons.task.without)
    names, words = lessons.task.names, history.cleaned.labels[plan.target]

    def read(rows: NDArray[np.int64]) -> Any:
        return baseline_rows(
            [history.rows[at] for at in rows.tolist()],
            [words[at] for at in rows.tolist()],
            names,
            history.matrix.meaning[rows],
            plan.scope,
            left_out,
        )

    learnt = read(labelled(plan, history, parts.learnt)).thinned(_MOST_BASELINE_ROWS)
    chosen = labelled(plan, history, parts.judging)
    asked = read(chosen)
    for name, fit_predict in BASELINES.items():
        probabilities = fit_predict(learnt, asked, names)
        yield (
            name,
            Judged(
                target=judged.target,
                labels=names,
                probabilities=probabilities,
                truth=np.where(asked.truth < 0, UNKNOWN, asked.truth),
                acting=np.zeros(len(chosen), dtype=np.bool_),
                chosen=probabilities.argmax(axis=1),
                **common(history, chosen),
            ),
        )


def _curves(
    request: EvaluateRequest, history: ReadHistory, parts: Parts, encoded: EncodedHistory, progress: Progress
) -> dict[str, list[LearningPoint]]:
    """What the recipe would have reached with the newest eighth, quarter and half of the rows to learn from."""
    found: dict[str, list[LearningPoint]] = {}
    by_time = parts.learnt[np.argsort(encoded.moments[parts.learnt], kind="stable")]
    for share in _CURVE:
        some = replace(parts, learnt=np.sort(by_time[-int(len(by_time) * share) :]))
        try:
            with stand_in(request.train, history, some, _unpromised(request.train.recipe), progress) as bundle:
                for name, judged in judge(bundle, encoded, parts.judging).items():
                    point = _point(len(some.learnt), judged, request.train.recipe.seed)
                    found.setdefault(name, []).append(point)
        except HistoryError:
            continue  # so few rows teach nothing, which the curve shows by starting later
    return found


def _unpromised(recipe: Recipe) -> Recipe:
    return replace(recipe, max_p1_miss=None, coverage=None)


def _point(rows: int, judged: Judged, seed: int) -> LearningPoint:
    accuracy: Interval = measure(judged, seed=seed, repetitions=200).accuracy
    return LearningPoint(rows=rows, score=accuracy.value, low=accuracy.low, high=accuracy.high)


def _titles(history: EncodedHistory, rows: NDArray[np.int64]) -> dict[str, str]:
    return {history.rows[at].id: history.rows[at].incident.title for at in rows.tolist()}
