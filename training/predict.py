"""A file of incidents in, one suggestion a line out, in the history's own words."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.domain.decision import LabelSuggestion, Suggestion
from triage.errors import NotFound
from triage.history.rows import HistoryRow, read_history
from triage.prediction.bundle import find_latest
from triage.prediction.predictor import Predictor
from triage.prediction.text import incident_text

_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictSummary:
    """``acting``: how many suggestions did not abstain, by target; absent where the bundle has no such head."""

    version: str
    rows: int
    bad_rows: tuple[str, ...]
    acting: dict[str, int]


def predict(
    models: Path, version: str | None, source: Path, target: Path, progress: Callable[[int, int], None]
) -> PredictSummary:
    """Write ``target``, complete or not at all. ``progress`` is told how many more rows are done, and of how many.

    Raises ``BundleError`` or ``NotFound`` for the bundle, ``HistoryError`` for the file.
    """
    history = read_history(source, require_labels=False)
    predictor = Predictor.open(_bundle(models, version))
    scratch = target.with_name(f".{target.name}.writing")
    acting: dict[str, int] = {}
    try:
        with scratch.open("w", encoding="utf-8") as file:
            for start in range(0, len(history.rows), _BATCH):
                batch = history.rows[start : start + _BATCH]
                for row, suggestion in zip(batch, _suggest(predictor, batch), strict=True):
                    file.write(json.dumps(as_line(row.id, suggestion), ensure_ascii=False) + "\n")
                    _count(acting, suggestion)
                progress(len(batch), len(history.rows))
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)
        predictor.close()
    bad = tuple(f"line {row.line}: {row.reason}" for row in history.bad_rows)
    return PredictSummary(version=predictor.version, rows=len(history.rows), bad_rows=bad, acting=acting)


def as_line(incident_id: str, suggestion: Suggestion) -> dict[str, Any]:
    """One output object: ``priority`` and ``team`` are null where the history had no such labels, ``impact`` and
    ``urgency`` are there where the head was asked. ``choice`` is what is concluded, ``value`` the most
    probable."""
    line: dict[str, Any] = {
        "id": incident_id,
        "priority": _target(suggestion.priority),
        "team": _target(suggestion.team),
    }
    for name, rating in (("impact", suggestion.impact), ("urgency", suggestion.urgency)):
        if rating.value is not None:
            line[name] = _target(rating)
    look = suggestion.second_look
    if look is not None:
        line["second_look"] = {
            "assigned_team": look.assigned_team,
            "probability": look.probability,
            "better_team": look.better_team,
            "better_probability": look.better_probability,
            "looks_wrong": look.looks_wrong,
        }
    return line


def _bundle(models: Path, version: str | None) -> Path:
    if version is not None:
        folder = models / version
        if folder.parent != models or not folder.is_dir():
            raise NotFound(f"no bundle {version!r} in {models}")
        return folder
    latest = find_latest(models)
    if latest is None:
        raise NotFound(f"no bundle in {models}; make one with: python -m training starter --models {models}")
    return latest


def _suggest(predictor: Predictor, rows: list[HistoryRow]) -> list[Suggestion]:
    incidents = [row.incident for row in rows]
    return predictor.suggest(incidents, predictor.encoder.encode([incident_text(one) for one in incidents]))


def _target(suggestion: LabelSuggestion) -> dict[str, Any] | None:
    if suggestion.value is None:
        return None
    found: dict[str, Any] = {
        "value": suggestion.value,
        "probability": suggestion.probability,
        "abstained": suggestion.abstained,
        "alternatives": [{"value": a.value, "probability": a.probability} for a in suggestion.alternatives],
        "choice": suggestion.concluded,
    }
    if suggestion.raised:
        found["raised"] = True
    if suggestion.likely:
        found["set"] = list(suggestion.likely)
    return found


def _count(acting: dict[str, int], suggestion: Suggestion) -> None:
    for target, found in (("priority", suggestion.priority), ("team", suggestion.team)):
        if found.value is not None:
            acting[target] = acting.get(target, 0) + (not found.abstained)
