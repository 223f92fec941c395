"""Bundles as a person compares them: what each head is worth, what is promised, and what it never learnt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.console.charts import Chart, heat_of
from triage.console.models_charts import charts_of
from triage.domain.catalogue import Catalogue
from triage.prediction.collection import BundleState
from triage.prediction.head import HeadSettings
from triage.prediction.manifest import Manifest
from triage.prediction.measured import Confusion, Estimate, Measured, find_measured
from triage.prediction.predictor import IMPACT, PRIORITY, SECOND_LOOK, TEAM, URGENCY

TITLES = {
    PRIORITY: "Priority",
    TEAM: "Owning team",
    SECOND_LOOK: "Second look at a chosen team",
    IMPACT: "Impact",
    URGENCY: "Urgency",
}
ENOUGH = 20
"""Held-out incidents of a label from which its figures say something."""


@dataclass(frozen=True, slots=True)
class Scarce:
    """A label with too few examples, and what that means for it."""

    label: str
    rows: int
    why: str


@dataclass(frozen=True, slots=True)
class Promise:
    """Of the head ``title``, ``said`` in one sentence; ``terms``: by what, from how many, on which condition;
    ``bounds_missed``: it is about urgent incidents that are missed."""

    title: str
    said: str
    terms: tuple[str, ...]
    bounds_missed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadView:
    """``settings`` is None where the history taught no such head, and ``reason`` says why. ``brief``: figures that
    every bundle has; ``measured``: those with curves, None in bundles of before they were kept."""

    name: str
    title: str
    settings: HeadSettings | None
    reason: str | None
    brief: Mapping[str, Any]
    measured: Measured | None
    left_out: Mapping[str, int]
    split_by: str | None

    @property
    def promises(self) -> list[Promise]:
        if self.settings is None:
            return []
        conclusion = self.settings.conclusion
        found = []
        for promise in (conclusion.raising, conclusion.sets):
            if promise is not None:
                lines = list(promise.lines())
                said = next(line for line in lines if line.startswith("Promise"))
                terms = tuple(line for line in lines if line != said)
                found.append(Promise(self.title, said, terms, promise is conclusion.raising))
        return found

    @property
    def scarce(self) -> list[Scarce]:
        """Never learnt, never trusted to act alone, or too few to judge, the scarcest first."""
        rows = [Scarce(label, n, "never learnt: left to the rules") for label, n in self.left_out.items()]
        judged = {one.label: one for one in self.measured.by_label} if self.measured is not None else {}
        thresholds = self.settings.conclusion.thresholds if self.settings is not None else None
        for label in self.settings.labels if self.settings is not None else ():
            found = judged.get(label)
            seen = found.rows if found is not None else 0
            if thresholds is not None and thresholds.of(label) is None:
                rows.append(Scarce(label, seen, "never acts alone: its suggestions were not right often enough"))
            elif self.measured is not None and seen < ENOUGH:
                rows.append(Scarce(label, seen, "too few held out to judge it by"))
        return sorted(rows, key=lambda one: (one.rows, one.label))

    @property
    def charts(self) -> list[Chart]:
        return charts_of(self.measured) if self.measured is not None else []

    @property
    def confusion(self) -> list[tuple[str, list[tuple[int, int, bool]]]]:
        """By true label a row of (incidents, shade by share of the row, right)."""
        return list(_shaded(self.measured.confusion)) if self.measured is not None else []


def heads_of(manifest: Manifest) -> list[HeadView]:
    """Those that there are, then those that its history did not teach."""
    found = [_head(name, manifest) for name in TITLES if name in manifest.heads or name in manifest.quality]
    return sorted(found, key=lambda head: head.settings is None)


def _head(name: str, manifest: Manifest) -> HeadView:
    said = manifest.quality.get(name)
    quality: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    return HeadView(
        name=name,
        title=TITLES[name],
        settings=manifest.heads.get(name),
        reason=quality.get("reason"),
        brief=quality.get("held_out") or {},
        measured=find_measured(manifest.quality, name),
        left_out=quality.get("left_out") or {},
        split_by=quality.get("split_by"),
    )


def _shaded(found: Confusion) -> Iterator[tuple[str, list[tuple[int, int, bool]]]]:
    for true, row in zip(found.true, found.matrix, strict=True):
        whole = sum(row) or 1
        yield (
            true,
            [(rows, heat_of(rows, whole), true == said) for said, rows in zip(found.said, row, strict=True)],
        )


@dataclass(frozen=True, slots=True)
class Beside:
    """A figure of this bundle, and of the one in force."""

    head: str
    figure: str
    this: Estimate | None
    that: Estimate | None


def beside(this: Sequence[HeadView], that: Sequence[HeadView]) -> list[Beside]:
    """Of heads that both have; each was measured on its own held-out incidents."""
    others = {head.name: head.measured for head in that}
    found = []
    for head in this:
        one, other = head.measured, others.get(head.name)
        if one is None or other is None:
            continue
        found += [
            Beside(head.title, "right", one.accuracy, other.accuracy),
            Beside(head.title, "acts alone on", one.acting, other.acting),
            Beside(head.title, "right of those", one.precision_acting, other.precision_acting),
        ]
        if one.missed is not None or other.missed is not None:
            found.append(Beside(head.title, f"missed of the {one.most_urgent}", one.missed, other.missed))
    return found


def mover(by: str, catalogue: Catalogue) -> str:
    """Who moved a pointer: a person's name, ``name, in a shell``, or the service itself."""
    kind, _, name = by.partition(":")
    if by == "triage":
        return "the service itself"
    if kind == "shell":
        return f"{name}, in a shell"
    who = name if kind == "person" else by
    return catalogue.person_name(who) if who in catalogue.people else name or by


def summary_of(state: BundleState) -> Mapping[str, HeadView]:
    """The heads of a usable bundle by name."""
    return {head.name: head for head in heads_of(state.manifest)} if state.manifest is not None else {}
