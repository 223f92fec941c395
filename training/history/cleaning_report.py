"""What cleaning a history did, in numbers: for people, and for a bundle's manifest. Labels, columns and line
numbers may be in it; incident text never is."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

_SHOWN = 12
_KEPT_LABELS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Rows with the same text and facts and not the same label: the first ``lines`` and all the ``labels``."""

    lines: tuple[int, ...]
    labels: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradictions:
    """``rows`` in ``groups`` of the same text and facts with more than one label. ``ceiling`` is the accuracy of
    saying each group's most frequent label, which nothing that reads only text and facts can exceed here."""

    rows: int
    share: float
    groups: int
    ceiling: float
    examples: tuple[Contradiction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InactiveTeam:
    """``last_at`` is None for a team that only the catalogue calls inactive and no row dates."""

    rows: int
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedLabel:
    into: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCleaning:
    """``rows`` are trained on for this target, with ``labels`` labels. Of those left out, ``unlabelled`` counts
    rows whose label was a word for none too (``no_label_words``). ``respelled``: a spelling and what it became."""

    target: str
    rows: int
    labels: int
    unlabelled: int
    not_final: int
    no_label_words: Mapping[str, int]
    respelled: Mapping[str, str]
    inactive: Mapping[str, InactiveTeam]
    folded: Mapping[str, FoldedLabel]
    left_to_rules: Mapping[str, int]
    least_rows: int
    contradictions: Contradictions

    def lines(self) -> Iterator[str]:
        if not (self.rows or self.no_label_words or self.not_final or self.inactive or self.left_to_rules):
            return  # a history that says nothing of it
        yield f"{self.target}: {self.rows:,} rows with {self.labels:,} labels; {self.unlabelled:,} without one."
        if self.no_label_words:
            yield f"  Taken for no label: {counted(self.no_label_words)}."
        if self.respelled:
            spellings = [f"{one} → {other}" for one, other in self.respelled.items()]
            yield f"  Spelled in more than one way, now in one: {some(spellings)}."
        if self.not_final:
            yield f"  Left out since the incident is not resolved, so that no team is final: {self.not_final:,}."
        if self.inactive:
            teams = [f"{team} ({one.rows:,} rows{_last(one)})" for team, one in self.inactive.items()]
            yield f"  Left out as inactive: {some(teams)}."
        if self.folded:
            moves = [f"{label} ({one.rows:,}) into {one.into}" for label, one in self.folded.items()]
            yield f"  Under {self.least_rows} rows, folded into the parent team: {some(moves)}."
        if self.left_to_rules:
            yield f"  Under {self.least_rows} rows, left to rules: {counted(self.left_to_rules)}."
        yield from self._contradictions()

    def _contradictions(self) -> Iterator[str]:
        found = self.contradictions
        if not found.groups:
            return
        yield (
            f"  Contradictory: {found.rows:,} rows ({found.share:.1%}) have the same text and facts as a row with "
            f"another label, in {found.groups:,} groups; kept, but nothing can be right in more than "
            f"{found.ceiling:.1%}."
        )
        for example in found.examples:
            where = ", ".join(str(line) for line in example.lines)
            more = " …" if sum(example.labels.values()) > len(example.lines) else ""
            yield f"    lines {where}{more}: {counted(example.labels)}"

    def describe(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "labels": self.labels,
            "unlabelled": self.unlabelled,
            "not_final": self.not_final,
            "no_label_words": dict(self.no_label_words),
            "respelled": _first(self.respelled),
            "inactive": {
                team: {"rows": one.rows, "last_at": one.last_at.isoformat() if one.last_at else None}
                for team, one in _first(self.inactive).items()
            },
            "folded": {label: asdict(one) for label, one in _first(self.folded).items()},
            "left_to_rules": {
                "labels": len(self.left_to_rules),
                "rows": sum(self.left_to_rules.values()),
                "largest": _first(self.left_to_rules),
            },
            "contradictions": asdict(self.contradictions),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningReport:
    """``rows`` were read and ``kept`` are trained on for one target at least. ``copies`` were left out as further
    deliveries of a row that is kept, the most repeated of which came ``most_deliveries`` times; ``recurrences``
    are kept rows that repeat an earlier one at another time; ``revised`` share an id with a row that says
    something else."""

    rows: int
    kept: int
    machine_labelled: int
    copies: int
    most_deliveries: int
    recurrences: int
    revised: int
    targets: tuple[TargetCleaning, ...]

    def lines(self) -> Iterator[str]:
        """For people, one finding a line."""
        yield f"{self.kept:,} of {self.rows:,} rows teach something."
        if self.machine_labelled:
            yield f"Left out since only a machine labelled them: {self.machine_labelled:,}."
        if self.copies:
            yield (
                f"Left out as further deliveries of a row that is kept (same text, facts and labels, and the same "
                f"id or time): {self.copies:,}; the most repeated came {self.most_deliveries:,} times."
            )
        if self.recurrences:
            yield f"Kept, though the same text, facts and labels came before: {self.recurrences:,} recurrences."
        if self.revised:
            yield (
                f"Kept, but {self.revised:,} rows share an id with a row that says something else: if this is a "
                "log of changes, give only the last state of each incident."
            )
        for target in self.targets:
            yield from target.lines()

    def describe(self) -> dict[str, Any]:
        """As the manifest records it: JSON values only."""
        return {
            "rows": self.rows,
            "kept": self.kept,
            "machine_labelled": self.machine_labelled,
            "copies": self.copies,
            "most_deliveries": self.most_deliveries,
            "recurrences": self.recurrences,
            "revised": self.revised,
            "targets": {target.target: target.describe() for target in self.targets},
        }


def _last(team: InactiveTeam) -> str:
    return f", last {team.last_at:%Y-%m-%d}" if team.last_at else ""


def counted(counts: Mapping[str, int]) -> str:
    return some([f"{name} ({rows:,})" for name, rows in counts.items()])


def some(items: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def _first(named: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest holds what fits on a page; a history may have thousands of labels."""
    return dict(list(named.items())[:_KEPT_LABELS])
