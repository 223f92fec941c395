"""Which rows of a history are worth learning from, for which target, and why the others are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

import numpy as np
from numpy.typing import NDArray

from training.history.cleaning_report import CleaningReport, Contradiction, Contradictions, TargetCleaning
from training.history.facts import Codes, FactTable, Keys, contents, numbered, paired
from training.history.labels import (
    NO_LABEL,
    LabelColumn,
    drop_inactive,
    fold_small,
    read_labels,
    spell_alike,
    stand_for_none,
)
from training.history.patterns import joined
from training.history.teams import KnownTeams
from triage.history.rows import MACHINE_SOURCES, HistoryRow

_LEAST_RESOLVED = 0.8
_EXAMPLES = 5
_EXAMPLE_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Beside n rows: ``kept``, of shape (n,), is true where a row teaches at least one target; ``labels`` has for
    each target what each of the n rows teaches, None where nothing, and ``rare`` which rows have a label that is
    left to rules, so that nothing right could be said of them; ``deliveries``, of shape (n,), is how many
    rows of the file a kept one stands for, 0 for one that is left out."""

    kept: NDArray[np.bool_]
    labels: Mapping[str, Sequence[str | None]]
    rare: Mapping[str, NDArray[np.bool_]]
    deliveries: NDArray[np.int64]
    report: CleaningReport


def is_machine_labelled(row: HistoryRow) -> bool:
    return (row.label_source or "").casefold() in MACHINE_SOURCES


def clean(
    rows: Sequence[HistoryRow],
    texts: Sequence[str],
    targets: Sequence[str],
    *,
    least_rows: int,
    known: KnownTeams | None = None,
    facts: FactTable | None = None,
) -> Cleaned:
    """``texts`` are the rows' ``incident_text``; ``targets`` among priority, team, impact and urgency; labels with
    fewer than ``least_rows`` rows are folded or left to rules. ``facts`` are those of ``rows``, if at hand.

    What it does depends on every row it is given, also on the last ones: a judge of what could have been learnt
    by some moment gives it the rows of before.
    """
    known = known or KnownTeams()
    facts = FactTable.of(row.incident for row in rows) if facts is None else facts
    human = np.array([not is_machine_labelled(row) for row in rows], dtype=np.bool_)
    columns = [read_labels(rows, target) for target in targets]
    words = [_take_away(column, human) for column in columns]
    spellings = [spell_alike(column) for column in columns]
    _believe_reviewers(rows, texts, facts, columns)
    same = _same(rows, texts, facts, columns)
    deliveries, revised = _deliveries(rows, same, _any(columns, len(rows)))
    first = deliveries > 0
    # Of what nobody labelled there are no copies: it is counted as unlabelled, each time.
    present = human & (first | ~_any(columns, len(rows)))
    cleaned, rare = [], {}
    for column, no_label_words, respelled in zip(columns, words, spellings, strict=True):
        column.codes = np.where(present, column.codes, NO_LABEL)
        unlabelled = int(np.count_nonzero(present & ~column.given))
        not_final = _drop_open(column, rows) if column.target == "team" else 0
        inactive = drop_inactive(column, _times(rows), known) if column.target == "team" else {}
        given = column.given
        folded, left_to_rules = fold_small(column, known, least_rows)
        rare[column.target] = given & ~column.given
        target = TargetCleaning(
            target=column.target,
            rows=int(np.count_nonzero(column.given)),
            labels=len(np.unique(column.codes[column.given])),
            unlabelled=unlabelled,
            not_final=not_final,
            no_label_words=no_label_words,
            respelled=respelled,
            inactive=inactive,
            folded=folded,
            left_to_rules=left_to_rules,
            least_rows=least_rows,
            contradictions=_contradictions(rows, contents(texts, _keys(facts, column)), column),
        )
        cleaned.append(target)
    kept = _any(columns, len(rows))
    return Cleaned(
        kept=kept,
        labels={column.target: column.labels() for column in columns},
        rare=rare,
        deliveries=np.where(kept, deliveries, 0),
        report=CleaningReport(
            rows=len(rows),
            kept=int(np.count_nonzero(kept)),
            machine_labelled=int(np.count_nonzero(~human)),
            copies=int(np.sum(deliveries[first] - 1)),
            most_deliveries=int(deliveries.max(initial=0)),
            recurrences=int(np.count_nonzero(first)) - len(np.unique(same[first])),
            revised=revised,
            targets=tuple(cleaned),
        ),
    )


def _believe_reviewers(
    rows: Sequence[HistoryRow], texts: Sequence[str], facts: FactTable, columns: Sequence[LabelColumn]
) -> None:
    """Take away the label of an incident that says the very same as one that a reviewer looked at, where the
    reviewer said otherwise: what is gold is not voted down by who happened to close the others."""
    for column in columns:
        gold = np.array([column.target in row.gold for row in rows], dtype=np.bool_) & column.given
        if not gold.any():
            continue
        content = contents(texts, _keys(facts, column))
        words = paired(content, column.codes - NO_LABEL)
        contradicts = column.given & np.isin(content, content[gold]) & ~np.isin(words, words[gold])
        column.codes = np.where(contradicts, NO_LABEL, column.codes)


def _drop_open(column: LabelColumn, rows: Sequence[HistoryRow]) -> int:
    """Take away the team of incidents that are not over, and say of how many: whoever holds one need not be the
    one to resolve it. A history that says of few incidents when they were resolved does not tell which are
    open."""
    over = np.array([row.known_at is not None for row in rows], dtype=np.bool_)
    is_open = column.given & ~over
    if np.count_nonzero(over & column.given) < _LEAST_RESOLVED * np.count_nonzero(column.given):
        return 0
    column.codes = np.where(is_open, NO_LABEL, column.codes)
    return int(np.count_nonzero(is_open))


def _take_away(column: LabelColumn, human: NDArray[np.bool_]) -> dict[str, int]:
    """The words that stand for no label, and a machine's; how many rows had each of the former."""
    no_label = stand_for_none(column) & human
    words = LabelColumn(target=column.target, words=column.words, codes=np.where(no_label, column.codes, NO_LABEL))
    column.codes = np.where(no_label | ~human, NO_LABEL, column.codes)
    return words.named_counts()


def _any(columns: Sequence[LabelColumn], rows: int) -> NDArray[np.bool_]:
    found = np.zeros(rows, dtype=np.bool_)
    for column in columns:
        found |= column.given
    return found


def _same(
    rows: Sequence[HistoryRow], texts: Sequence[str], facts: FactTable, columns: Sequence[LabelColumn]
) -> Codes:
    """Shape (n,): equal where two rows have the same text, facts, team first chosen and labels."""
    _, assigned = numbered(row.incident.assigned_team for row in rows)
    found = paired(contents(texts, facts.row_keys()), assigned)
    for column in columns:
        found = paired(found, column.codes - NO_LABEL)
    return found


def _deliveries(rows: Sequence[HistoryRow], same: Codes, labelled: NDArray[np.bool_]) -> tuple[Codes, int]:
    """Shape (n,): for the first of the labelled rows that are the same and have one time or one id, how many they
    are; 0 for the others. And how many of those first ones share their id with another."""
    _, ids = numbered(row.id for row in rows)
    exact = [_exact_moment(row) for row in rows]
    _, moments = numbered(exact)
    timed = labelled & np.array([moment is not None for moment in exact], dtype=np.bool_)
    by_id, by_time = _beside_first(paired(same, ids), labelled), _beside_first(paired(same, moments), timed)
    left, right = np.concatenate((by_id[0], by_time[0])), np.concatenate((by_id[1], by_time[1]))
    families = joined(np.arange(len(rows)), left, right)
    chosen = np.flatnonzero(labelled)
    _, first, sizes = np.unique(families[chosen], return_index=True, return_counts=True)
    deliveries = np.zeros(len(rows), dtype=np.int64)
    deliveries[chosen[first]] = sizes
    of_ids = np.bincount(ids[deliveries > 0])
    return deliveries, int(of_ids[of_ids > 1].sum())


def _beside_first(codes: Codes, rows: NDArray[np.bool_]) -> tuple[Codes, Codes]:
    """Of the marked rows, each that is not the first of its code, and that first one."""
    chosen = np.flatnonzero(rows)
    _, first, family = np.unique(codes[chosen], return_index=True, return_inverse=True)
    beside = chosen[first[family]]
    later = beside != chosen
    return chosen[later], beside[later]


def _exact_moment(row: HistoryRow) -> float | None:
    """Midnight is what a date without a time reads as, and a problem may well come back on the same day."""
    moment = row.incident.occurred_at or row.incident.started_at
    return None if moment is None or moment.time() == time() else moment.timestamp()


def _times(rows: Sequence[HistoryRow]) -> NDArray[np.float64]:
    moments = (row.incident.occurred_at or row.incident.started_at for row in rows)
    return np.array([np.nan if moment is None else moment.timestamp() for moment in moments], dtype=np.float64)


def _keys(facts: FactTable, column: LabelColumn) -> Keys:
    """The facts of each row, without the one that is the label itself."""
    itself = f"{column.target}="
    return facts.row_keys(lambda name: None if name.startswith(itself) else name)


def _contradictions(rows: Sequence[HistoryRow], content: Codes, column: LabelColumn) -> Contradictions:
    """``content``, of shape (n,): equal where two rows say the same."""
    chosen = np.flatnonzero(column.given)
    if not len(chosen):
        return Contradictions(rows=0, share=0.0, groups=0, ceiling=1.0, examples=())
    width = len(column.words)
    pair_of = content[chosen] * width + column.codes[chosen]
    pairs, counts = np.unique(pair_of, return_counts=True)
    size, most = np.bincount(content[chosen]), np.zeros(int(content.max()) + 1, dtype=np.int64)
    size = np.pad(size, (0, len(most) - len(size)))
    np.maximum.at(most, pairs // width, counts)
    disagree = np.flatnonzero(size > most)
    worst = disagree[np.argsort(most[disagree] - size[disagree], kind="stable")][:_EXAMPLES]
    examples = []
    for group in worst:
        of_group = pairs // width == group
        labelled = sorted(zip(-counts[of_group], pairs[of_group] % width, strict=True))
        members = chosen[np.flatnonzero(pair_of // width == group)[:_EXAMPLE_LINES]]
        examples.append(
            Contradiction(
                lines=tuple(rows[at].line for at in members),
                labels={column.words[label]: -int(count) for count, label in labelled},
            )
        )
    affected = int(size[disagree].sum())
    return Contradictions(
        rows=affected,
        share=affected / len(chosen),
        groups=len(disagree),
        ceiling=float(most.sum() / len(chosen)),
        examples=tuple(examples),
    )
