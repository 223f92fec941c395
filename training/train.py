"""A history in, a trained bundle out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from training.card import TrainSummary, card_of
from training.embedding import EmbeddingCache
from training.encoder_export import DEFAULT_ENCODER, STEPS, export_encoder
from training.history.leaks import Leak
from training.history.rows import HistoryRow, read_history
from training.learning.fit import HeadFit, fit_head, nothing_learnt
from training.learning.heads import HEADS, EncodedHistory, teaches, training_rows
from training.recipes import Recipe
from training.starter import find_encoder
from triage.errors import HistoryError
from triage.prediction.bundle_writer import BundleDraft, write_bundle
from triage.prediction.encoder import Encoder
from triage.prediction.manifest import ENCODER_FOLDER
from triage.prediction.text import incident_text

CACHE_FOLDER = ".cache"

MACHINE_SOURCES = frozenset(
    {"model", "rule", "matrix", "catalogue", "reported", "fallback", "machine", "automatic"}
)
"""Where a label came from when no person gave it. Trained on, a model would learn its own echo."""

Progress = Callable[[str, int, int], None]
"""Told the phase, how much more of it is done, and how much there is in all; a phase need not reach its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """``encoder`` None: that of the best bundle in ``models``, else the default. ``source`` None: every row."""

    history: Path
    models: Path
    recipe: Recipe
    created_at: datetime
    encoder: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    folder: Path
    summary: TrainSummary


def train(request: TrainRequest, progress: Progress = lambda *_: None) -> TrainResult:
    """Write a trained bundle into ``request.models``.

    Raises ``HistoryError`` for a file that cannot be trained on or from which nothing can be learnt, and
    ``BundleError`` where the encoder cannot be had.
    """
    rows, facts = _read(request, progress)
    with _encoder_folder(request, progress) as encoder_folder:
        encoder = Encoder.open(encoder_folder)
        try:
            texts = [incident_text(row.incident) for row in rows]
            cache = EmbeddingCache(request.models / CACHE_FOLDER, encoder)
            embeddings = cache.embed(texts, lambda n: progress("embed", n, len(texts)))
            history = EncodedHistory(rows=rows, texts=texts, embeddings=embeddings, encoder=encoder)
            fits, leaks = _fit_heads(history, request.recipe, progress)
        finally:
            encoder.close()
        summary = TrainSummary(
            **facts, encoder=encoder.settings.name, recipe=request.recipe.name, leaks=leaks, fits=fits
        )
        heads = {name: fit.head for name, fit in fits.items() if fit.head is not None}
        if not heads:
            reasons = "; ".join(f"{name}: {fit.reason}" for name, fit in fits.items())
            raise HistoryError(f"{request.history}: nothing can be learnt from it: {reasons}")
        draft = BundleDraft(
            kind="trained",
            created_at=request.created_at,
            encoder_folder=encoder_folder,
            card=card_of(summary),
            heads=heads,
            recipe=request.recipe.describe(),
            trained_on=_trained_on(summary),
            quality={name: fit.describe() for name, fit in fits.items()},
        )
        return TrainResult(folder=write_bundle(request.models, draft), summary=summary)


def _read(request: TrainRequest, progress: Progress) -> tuple[list[HistoryRow], dict[str, Any]]:
    """The rows to train on, and what the summary says about the others."""
    history = read_history(request.history)
    progress("read", history.total, history.total)
    wanted = [row for row in history.rows if request.source in (None, row.incident.source)]
    if not wanted:
        sources = sorted({row.incident.source for row in history.rows})
        raise HistoryError(f"{request.history}: no row of this source; there are {', '.join(sources[:20])}")
    rows = [row for row in wanted if (row.label_source or "").casefold() not in MACHINE_SOURCES]
    if not rows:
        raise HistoryError(f"{request.history}: only a machine gave its labels")
    moments = [row.incident.occurred_at for row in rows if row.incident.occurred_at is not None]
    return rows, {
        "history": request.history.name,
        "rows": len(rows),
        "bad_rows": tuple(f"line {bad.line}: {bad.reason}" for bad in history.bad_rows),
        "machine_labelled": len(wanted) - len(rows),
        "other_sources": len(history.rows) - len(wanted),
        "first_at": min(moments, default=None),
        "last_at": max(moments, default=None),
    }


@contextmanager
def _encoder_folder(request: TrainRequest, progress: Progress) -> Iterator[Path]:
    found = find_encoder(request.models, request.encoder)
    if found is not None:
        yield found
        return
    with TemporaryDirectory(prefix="triage-encoder-") as scratch:
        folder = Path(scratch) / ENCODER_FOLDER
        export_encoder(folder, request.encoder or DEFAULT_ENCODER, lambda _: progress("export", 1, len(STEPS)))
        yield folder


def _fit_heads(
    history: EncodedHistory, recipe: Recipe, progress: Progress
) -> tuple[dict[str, HeadFit], tuple[Leak, ...]]:
    fits: dict[str, HeadFit] = {}
    leaks: dict[str, Leak] = {}
    steps = recipe.folds + 2
    for plan in HEADS:
        reason = teaches(plan, history)
        if reason:
            fits[plan.name] = nothing_learnt(plan.target, reason)
        else:
            rows, found = training_rows(plan, history)
            leaks.update((str(leak), leak) for leak in found)
            fits[plan.name] = fit_head(rows, recipe, lambda: progress("fit", 1, steps * len(HEADS)))
    return fits, tuple(leaks.values())


def _trained_on(summary: TrainSummary) -> dict[str, Any]:
    return {
        "history": summary.history,
        "rows": summary.rows,
        "bad_rows": len(summary.bad_rows),
        "machine_labelled": summary.machine_labelled,
        "other_sources": summary.other_sources,
        "first_at": summary.first_at.isoformat() if summary.first_at else None,
        "last_at": summary.last_at.isoformat() if summary.last_at else None,
        "leaks": [str(leak) for leak in summary.leaks],
    }
