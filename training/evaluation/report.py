"""An evaluation as one object: for programs by ``describe``, for people by ``report_html``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from training.evaluation import plots, sentences
from training.evaluation.intervals import PairedFigures
from training.evaluation.measures import TargetFigures
from training.evaluation.plots import LearningPoint

OURS = "this bundle"
_ABOUT = {
    "priority": "how urgent an incident is",
    "team": "which team should own it",
    "second_look": "which team should own it, knowing whom somebody chose already",
    "impact": "how much is affected",
    "urgency": "how soon something must happen",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another model on the same rows. ``paired``: ours as the candidate, this one as the incumbent."""

    name: str
    kind: Literal["baseline", "incumbent", "people"]
    figures: TargetFigures
    paired: PairedFigures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    """Of one head. ``rows``: which rows it was judged on, in words, such as "the last 20 % by time"."""

    figures: TargetFigures
    rows: str
    rivals: Sequence[Rival] = ()
    learning_curve: Sequence[LearningPoint] = ()

    @property
    def title(self) -> str:
        return self.figures.target.replace("_", " ").capitalize()

    @property
    def about(self) -> str:
        return _ABOUT.get(self.figures.target, "")

    def models(self) -> dict[str, TargetFigures]:
        """Ours first."""
        return {OURS: self.figures} | {rival.name: rival.figures for rival in self.rivals}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``bundle``: its version. ``history``: what was learnt from, in words. ``recipe``: as its ``describe``
    gives it. ``guarantees``, ``cleaning``, ``leaks``: ready lines. ``titles``: of incidents by id, shown beside
    the worst mistakes in the page and nowhere else, since they are incident text."""

    bundle: str
    history: str
    created_at: datetime
    recipe: Mapping[str, Any]
    targets: Sequence[TargetReport]
    guarantees: Sequence[str] = ()
    cleaning: Sequence[str] = ()
    leaks: Sequence[str] = ()
    titles: Mapping[str, str] | None = field(default=None, repr=False)

    def describe(self) -> dict[str, Any]:
        """JSON-able, for programs: times as RFC 3339, no incident text."""
        return {
            "bundle": self.bundle,
            "history": self.history,
            "created_at": self.created_at.isoformat(),
            "recipe": _plain(dict(self.recipe)),
            "guarantees": list(self.guarantees),
            "cleaning": list(self.cleaning),
            "leaks": list(self.leaks),
            "targets": {one.figures.target: _described(one) for one in self.targets},
        }


def report_html(report: Report) -> str:
    """One page that needs nothing else: style and drawings within, no script, no address to load from."""
    pages = Environment(
        loader=PackageLoader("training.evaluation", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = (sentences.percent, sentences.with_interval, sentences.points, sentences.p)
    pages.filters |= {word.__name__: word for word in words}
    style = Markup(pages.get_template("style.css").render())  # noqa: S704  our own file
    return pages.get_template("report.html").render(
        report=report,
        style=style,
        views=[_view(at, one) for at, one in enumerate(report.targets)],
        recipe=list(_flat(report.recipe)),
        ours=OURS,
    )


def _view(at: int, target: TargetReport) -> dict[str, Any]:
    """What the page shows of one head: its words and its drawings."""
    found, models = target.figures, target.models()
    # The number keeps names unique where two targets are alike.
    name = f"t{at}"
    compared = dict(islice(models.items(), 6))
    return {
        "name": name,
        "target": target,
        "found": found,
        "models": models,
        "sentences": sentences.sentences(found),
        "drift": sentences.drift(found),
        "calibration": sentences.calibration(found),
        "compared": [rival for rival in target.rivals if rival.paired],
        "changed": [rival for rival in target.rivals if rival.kind == "incumbent" and rival.paired],
        "model_plot": plots.model_plot(f"{name}-models", models) if len(models) > 1 else None,
        "reliability": plots.reliability_plot(f"{name}-reliability", found.calibration),
        "coverage": plots.coverage_plot(f"{name}-coverage", compared),
        "confusion": plots.confusion_plot(f"{name}-confusion", found.confusion),
        "classes": plots.class_plot(f"{name}-classes", found.classes) if found.labels else None,
        "time": plots.time_plot(f"{name}-time", found.periods) if found.periods else None,
        "learning": (
            plots.learning_plot(f"{name}-learning", target.learning_curve)
            if len(target.learning_curve) > 1
            else None
        ),
    }


def _described(target: TargetReport) -> dict[str, Any]:
    return {
        "rows": target.rows,
        "figures": _plain(asdict(target.figures)),
        "calibration_near_floor": target.figures.calibration.near_floor,
        "drift_alarm": target.figures.drift is not None and target.figures.drift.alarm,
        "rivals": {
            rival.name: {
                "kind": rival.kind,
                "figures": _plain(asdict(rival.figures)),
                "paired": _plain(asdict(rival.paired)) | {"verdict": rival.paired.verdict}
                if rival.paired
                else None,
            }
            for rival in target.rivals
        },
        "learning_curve": [asdict(one) for one in target.learning_curve],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def _flat(recipe: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """Nested keys joined by points."""
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{within}{key}.")
        else:
            yield f"{within}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
