"""Which rows of a history are the same problem, so that a split never has one on both sides."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.history.facts import Codes, FactTable, contents, numbered
from triage.history.rows import HistoryRow
from triage.recurrence.template import mask, template_key

_LABEL_PREFIX = "labels."
_SWALLOWED_SHARE = 0.5
_LEAST_ROWS = 20


def pattern_groups(
    rows: Sequence[HistoryRow], texts: Sequence[str], facts: FactTable | None = None
) -> NDArray[np.int64]:
    """Shape (n,): an equal number means the same pattern. ``texts`` are the rows' ``incident_text``.

    Two rows are one pattern with the same masked text (by the memory's own look: a text of nothing but
    identifiers is not masked) and the same facts, service and environment among them, where labels are masked as
    texts are (a pod's name changes from one occurrence to the next). So are rows that ``duplicate_of`` links and
    rows with one id, through any number of steps; an id that no row has links nothing.
    """
    facts = FactTable.of(row.incident for row in rows) if facts is None else facts
    distinct, text_of = numbered(texts)
    templates = [_template(text) for text in distinct]
    same = contents([templates[at] for at in text_of], facts.row_keys(_masked_fact))
    return joined(same, *_links(rows))


def joined(groups: Codes, left: Codes, right: Codes) -> NDArray[np.int64]:
    """``groups``, of shape (n,), with those merged that hold rows ``left[i]`` and ``right[i]``, for every i.
    They count from 0, and so does the result."""
    if not len(left):
        return groups
    count = int(groups.max()) + 1
    edges = coo_array((np.ones(len(left), dtype=np.bool_), (groups[left], groups[right])), shape=(count, count))
    _, merged = connected_components(edges, directed=False)
    return np.asarray(merged, dtype=np.int64)[groups]


def describe_swallowed(groups: NDArray[np.int64]) -> str | None:
    """A sentence where one pattern holds most of a history, so that little is left to tell apart; else None."""
    if len(groups) < _LEAST_ROWS:
        return None
    largest, patterns = int(np.bincount(groups).max()), len(np.unique(groups))
    if largest <= _SWALLOWED_SHARE * len(groups):
        return None
    return (
        f"one pattern holds {largest:,} of {len(groups):,} rows ({patterns:,} patterns in all): their texts and "
        "facts are the same or they are linked, so they cannot be split"
    )


def _template(text: str) -> str:
    return template_key(mask(text), None, None) or text


def _masked_fact(name: str) -> str:
    return mask(name) if name.startswith(_LABEL_PREFIX) else name


def _links(rows: Sequence[HistoryRow]) -> tuple[Codes, Codes]:
    """Each row beside the first one of its id, and each duplicate beside the row it names."""
    first: dict[str, int] = {}
    left: list[int] = []
    right: list[int] = []
    for at, row in enumerate(rows):
        earlier = first.setdefault(row.id, at)
        if earlier != at:
            left.append(at)
            right.append(earlier)
    for at, row in enumerate(rows):
        named = first.get(row.duplicate_of) if row.duplicate_of is not None else None
        if named is not None:
            left.append(at)
            right.append(named)
    return np.array(left, dtype=np.int64), np.array(right, dtype=np.int64)
