"""The sets of `bench.quality`: what is asked of each, and how its rows part into a training and a test file.

A test file holds what was known when an incident opened, a training file what was known at the cut: an incident
that nobody had resolved by then has no final team.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Record = Mapping[str, Any]
Target = Literal["team", "priority", "second_look"]

TEST_SHARE = 0.2
REPEATS = 5
SEED = 20260105

_ANSWERS = ("team", "priority")
_KNOWN_LATER = ("resolved_at", "reassignments", "reopened", "made_sla", "problem_id", "duplicate_of")
_METADATA = ("labels", "service", "severity", "impact", "urgency", "kind", "environment", "region", "cluster")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """``test`` holds whole rows, of which a test file gets ``as_opened``; ``truth``: their answers, by column.
    ``groups``: equal where two rows are not independent, in every split of a set alike; drawn splits have none
    of them on both sides."""

    train: Sequence[Record]
    test: Sequence[Record]
    truth: Mapping[str, Sequence[str | None]]
    groups: NDArray[np.int64]

    def learnt(self, target: Target) -> tuple[str, ...]:
        """The labels that a training row has."""
        return tuple(sorted({row[column_of(target)] for row in self.train if row[column_of(target)]}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One target of a set. ``hidden``: columns of the test file that this question may not see. ``people``: the
    column of the test rows that holds what people said first."""

    target: Target
    title: str
    hidden: tuple[str, ...] = ()
    people: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySet:
    """``compared``: whether baselines are fitted too; without, a set is there for calibration and coverage.
    ``exchangeable``: its test rows might as well have been training rows."""

    name: str
    file: str
    protocol: str
    questions: tuple[Question, ...]
    split: Callable[[Sequence[Record]], list[Split]]
    source: str | None = None
    compared: bool = True
    exchangeable: bool = False

    def splits(self, folder: Path) -> list[Split]:
        return self.split([row for row in read(folder / self.file) if self.source in (None, row["source"])])


def read(file: Path) -> list[Record]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def column_of(target: Target) -> str:
    return "team" if target == "second_look" else target


def by_time(rows: Sequence[Record]) -> list[Split]:
    """The last fifth by time against all before it, with the labels that were known at the cut."""
    ordered = sorted(rows, key=_moment)
    cut = _moment(ordered[int((1 - TEST_SHARE) * len(ordered))])
    before = [row for row in ordered if _moment(row) < cut]
    after = [row for row in ordered if _moment(row) >= cut]
    return [_split(_known_at(before, cut), after, _family)]


def shuffled(rows: Sequence[Record]) -> list[Split]:
    """A fifth of the families of duplicates, drawn at random: rows that may change places, as a guarantee asks."""
    return [_drawn(rows, _family, SEED)]


def grouped(rows: Sequence[Record]) -> list[Split]:
    """Five draws of a fifth of the alert names: rules of one name say the same in several files."""
    return [_drawn(rows, _alert_name, SEED + repeat) for repeat in range(REPEATS)]


def grouped_texts(rows: Sequence[Record]) -> list[Split]:
    """The same draws, of rows with nothing but title and description."""
    return grouped([{name: value for name, value in row.items() if name not in _METADATA} for row in rows])


def as_opened(row: Record, hidden: Iterable[str] = ()) -> Record:
    """Without the answers, what was only known later, and what is ``hidden``."""
    without = {*_ANSWERS, *_KNOWN_LATER, *hidden}
    return {name: value for name, value in row.items() if name not in without}


def _known_at(rows: Sequence[Record], cut: datetime) -> list[Record]:
    """Of rows that say when they were resolved, the team of those resolved by ``cut``; of others all there is."""
    if not any(row.get("resolved_at") for row in rows):
        return list(rows)
    known = []
    for row in rows:
        resolved_at = row.get("resolved_at")
        is_open = resolved_at is None or datetime.fromisoformat(resolved_at) > cut
        known.append({**row, "team": None, "resolved_at": None} if is_open else row)
    return [row for row in known if row["team"] or row["priority"]]


def _drawn(rows: Sequence[Record], group_of: Callable[[Record], str], seed: int) -> Split:
    """About a fifth of the rows: whole groups in a random order until there are as many."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(rows):
        members[group_of(row)].append(at)
    names = list(members)
    held_out: set[int] = set()
    for at in np.random.default_rng(seed).permutation(len(names)):
        if len(held_out) >= TEST_SHARE * len(rows):
            break
        held_out.update(members[names[at]])
    train = [row for at, row in enumerate(rows) if at not in held_out]
    return _split(train, [rows[at] for at in sorted(held_out)], group_of)


def _split(train: Sequence[Record], test: Sequence[Record], group_of: Callable[[Record], str]) -> Split:
    return Split(
        train=train,
        test=[dict(row) for row in test],
        truth={column: [row[column] for row in test] for column in _ANSWERS},
        groups=np.array([_numbered(group_of(row)) for row in test], dtype=np.int64),
    )


def _numbered(group: str) -> int:
    return int.from_bytes(blake2b(group.encode(), digest_size=8).digest(), "big", signed=True)


def _family(row: Record) -> str:
    """An incident that people linked to an earlier one belongs to it; duplicates point at the first of them."""
    return str(row.get("duplicate_of") or row["id"])


def _alert_name(row: Record) -> str:
    """A rule's title is its alert's name, a colon and a summary."""
    return str(row["title"]).split(": ", 1)[0].casefold()


def _moment(row: Record) -> datetime:
    moment = datetime.fromisoformat(row["occurred_at"])
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


_TEAM = Question(target="team", title="team")
_SEVERITY = Question(target="priority", title="severity")
_SERVICENOW = "servicenow_history.jsonl.gz"
_ALERT_RULES = "alert_rules_history.jsonl.gz"
_CLOUD_STATUS = "cloud_status_history.jsonl.gz"

SETS = (
    QualitySet(
        name="servicenow",
        file=_SERVICENOW,
        protocol="last fifth by time; teams of incidents resolved by then",
        split=by_time,
        questions=(
            Question(target="team", title="team from metadata", hidden=("first_team",), people="first_team"),
            Question(target="second_look", title="second look at the team first assigned", people="first_team"),
        ),
    ),
    QualitySet(
        name="sap_rules",
        file=_ALERT_RULES,
        source="alert_rule:sapcc",
        protocol="a fifth of the alert names, five draws, rows pooled",
        split=grouped,
        questions=(_TEAM, _SEVERITY),
        exchangeable=True,
    ),
    QualitySet(
        name="sap_rules_text",
        file=_ALERT_RULES,
        source="alert_rule:sapcc",
        protocol="the same draws; titles and descriptions alone",
        split=grouped_texts,
        questions=(_TEAM, _SEVERITY),
        exchangeable=True,
    ),
    QualitySet(
        name="gcp_status",
        file=_CLOUD_STATUS,
        source="gcp_status",
        protocol="last fifth by time",
        split=by_time,
        questions=(Question(target="team", title="service"),),
    ),
    QualitySet(
        name="servicenow_shuffled",
        file=_SERVICENOW,
        protocol="a fifth at random, for what is promised of exchangeable rows only",
        split=shuffled,
        questions=(Question(target="team", title="team from metadata", hidden=("first_team",)),),
        compared=False,
        exchangeable=True,
    ),
    QualitySet(
        name="gcp_status_shuffled",
        file=_CLOUD_STATUS,
        source="gcp_status",
        protocol="a fifth at random, for what is promised of exchangeable rows only",
        split=shuffled,
        questions=(Question(target="team", title="service"),),
        compared=False,
        exchangeable=True,
    ),
)
