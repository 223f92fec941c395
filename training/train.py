"""A history in, a trained bundle out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from threadpoolctl import threadpool_limits

from training.card import HeadSummary, TrainSummary, card_of
from training.encoder_export import DEFAULT_ENCODER, STEPS, export_encoder
from training.history.leaks import Leak
from training.history.patterns import describe_swallowed
from training.history.teams import known_among
from training.learning.encoded import Progress, encode_history
from training.learning.fit import HeadFit, fit_head, steps
from training.learning.heads import HEADS, EncodedHistory, lessons_for, not_taught
from training.recipes import Recipe
from training.starter import find_encoder
from triage.domain.catalogue import Catalogue
from triage.errors import HistoryError
from triage.history.rows import BadRow, HistoryRow, read_history
from triage.prediction.bundle_writer import BundleDraft, write_bundle
from triage.prediction.encoder import Encoder
from triage.prediction.manifest import ENCODER_FOLDER


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """``encoder`` None: the recipe's, else that of the best bundle in ``models``, else the default. ``source``
    None: every row. ``catalogue``: what is known of the teams. ``into``: where the bundle is written, if not
    to ``models``, which still has the encoder and the embeddings. ``heads``: only these are fitted; None: all."""

    history: Path
    models: Path
    recipe: Recipe
    created_at: datetime
    encoder: str | None = None
    source: str | None = None
    catalogue: Catalogue | None = None
    into: Path | None = None
    heads: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    folder: Path
    summary: TrainSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHistory:
    """The rows to learn from, and what became of the others."""

    name: str
    rows: Sequence[HistoryRow]
    bad_rows: tuple[BadRow, ...] = ()
    other_sources: int = 0


def train(request: TrainRequest, progress: Progress = lambda *_: None) -> TrainResult:
    """Write a trained bundle into ``request.models``.

    Raises ``HistoryError`` for a file that cannot be trained on or from which nothing can be learnt,
    ``BundleError`` where the encoder cannot be had, and ``GuaranteeRefused`` for a bound that cannot be promised.
    """
    if request.recipe.fine_tuning is not None:
        raise HistoryError(
            f"the recipe {request.recipe.name!r} asks for fine-tuning, which training cannot do yet"
        )
    history = read_for(request, progress)
    # Many small sums: more threads for each only wait for one another, and sum in another order every time.
    with threadpool_limits(limits=1):
        return train_rows(request, history, progress)


def read_for(request: TrainRequest, progress: Progress) -> ReadHistory:
    """The rows of the request's source. Raises ``HistoryError``."""
    history = read_history(request.history)
    progress("read", history.total, history.total)
    wanted = [row for row in history.rows if request.source in (None, row.incident.source)]
    if not wanted:
        sources = sorted({row.incident.source for row in history.rows})
        raise HistoryError(f"{request.history}: no row of this source; there are {', '.join(sources[:20])}")
    return ReadHistory(
        name=request.history.name,
        rows=wanted,
        bad_rows=tuple(history.bad_rows),
        other_sources=len(history.rows) - len(wanted),
    )


def train_rows(request: TrainRequest, history: ReadHistory, progress: Progress = lambda *_: None) -> TrainResult:
    """As ``train``, of rows that were read already."""
    recipe = request.recipe
    with _encoder_folder(request, progress) as encoder_folder:
        encoder = Encoder.open(encoder_folder)
        try:
            encoded = encode_history(
                history.rows,
                encoder,
                request.models,
                least_rows=recipe.min_label_rows,
                known=known_among(history.rows, request.catalogue),
                progress=progress,
            )
            fits, leaks = fit_heads(encoded, recipe, progress, request.catalogue, request.heads)
        finally:
            encoder.close()
        summary = _summary(history, encoded, encoder.settings.name, recipe, fits, leaks)
        heads = {name: fit.head for name, fit in fits.items() if fit.head is not None}
        if not heads:
            reasons = "; ".join(f"{name}: {fit.reason}" for name, fit in fits.items())
            raise HistoryError(f"{history.name}: nothing can be learnt from it: {reasons}")
        draft = BundleDraft(
            kind="trained",
            created_at=request.created_at,
            encoder_folder=encoder_folder,
            card=card_of(summary),
            heads=heads,
            recipe=recipe.describe(),
            trained_on=_trained_on(summary, encoded),
            quality={name: head.describe() for name, head in summary.heads.items()},
        )
        return TrainResult(folder=write_bundle(request.into or request.models, draft), summary=summary)


def fit_heads(
    history: EncodedHistory,
    recipe: Recipe,
    progress: Progress,
    catalogue: Catalogue | None = None,
    heads: Sequence[str] | None = None,
) -> tuple[dict[str, HeadFit], tuple[Leak, ...]]:
    """Every head that the history may teach, also those that it did not, and the leaks that were found."""
    fits: dict[str, HeadFit] = {}
    leaks: dict[str, Leak] = {}
    plans = [plan for plan in HEADS if heads is None or plan.name in heads]
    whole = steps(recipe) * len(plans)
    for plan in plans:
        lessons, found = lessons_for(plan, history, recipe.leave_out, catalogue)
        leaks.update((str(leak), leak) for leak in found)
        reason = not_taught(plan, lessons, history)
        if reason:
            fits[plan.name] = HeadFit(name=plan.name, reason=reason)
        else:
            fits[plan.name] = fit_head(lessons, recipe, lambda: progress("fit", 1, whole))
    return fits, tuple(leaks.values())


@contextmanager
def _encoder_folder(request: TrainRequest, progress: Progress) -> Iterator[Path]:
    wanted = request.encoder or request.recipe.encoder
    found = find_encoder(request.models, wanted)
    if found is not None:
        yield found
        return
    with TemporaryDirectory(prefix="triage-encoder-") as scratch:
        folder = Path(scratch) / ENCODER_FOLDER
        export_encoder(folder, wanted or DEFAULT_ENCODER, lambda _: progress("export", 1, len(STEPS)))
        yield folder


def _summary(
    history: ReadHistory,
    encoded: EncodedHistory,
    encoder: str,
    recipe: Recipe,
    fits: dict[str, HeadFit],
    leaks: tuple[Leak, ...],
) -> TrainSummary:
    moments = [row.incident.occurred_at for row in history.rows if row.incident.occurred_at is not None]
    return TrainSummary(
        history=history.name,
        bad_rows=tuple(f"line {bad.line}: {bad.reason}" for bad in history.bad_rows),
        other_sources=history.other_sources,
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
        encoder=encoder,
        recipe=recipe.name,
        cleaning=encoded.cleaned.report,
        leaks=leaks,
        warnings=_warnings(encoded),
        heads={name: HeadSummary.of(fit, recipe.seed) for name, fit in fits.items()},
    )


def _warnings(encoded: EncodedHistory) -> tuple[str, ...]:
    swallowed = describe_swallowed(encoded.groups)
    mentioned = tuple(line for found in encoded.mentions for line in found.lines())
    return mentioned if swallowed is None else (f"{swallowed[:1].upper()}{swallowed[1:]}.", *mentioned)


def _trained_on(summary: TrainSummary, encoded: EncodedHistory) -> dict[str, Any]:
    ids = sha256("\n".join(row.id for row in encoded.rows).encode("utf-8", "surrogatepass")).hexdigest()
    return {
        "history": summary.history,
        "ids_sha256": ids,
        "rows": summary.cleaning.kept,
        "bad_rows": len(summary.bad_rows),
        "other_sources": summary.other_sources,
        "first_at": summary.first_at.isoformat() if summary.first_at else None,
        "last_at": summary.last_at.isoformat() if summary.last_at else None,
        "cleaning": summary.cleaning.describe(),
        "leaks": [str(leak) for leak in summary.leaks],
    }
