"""What reading one payload gives: the events in it, what had to be refused, and what was noticed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from triage.domain.incident import Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A part of a payload that is no event. ``index`` is its place in the payload, None for all of it.

    ``content`` is kept for the dead letters and stays out of ``repr``; ``content_hash`` is its SHA-256
    in hex, the same each time a sender repeats itself. ``reason`` holds none of the content.
    """

    index: int | None
    reason: str
    content_hash: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something worth counting and showing that cost no event. ``index`` as in ``Rejection``.

    ``kind``: ``alerts_omitted``, ``text_cut``, ``labels_moved``, ``value_converted``, ``time_unreadable``,
    ``evidence_cut``.
    """

    kind: str
    detail: str
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBatch:
    """``omitted`` is how many events the sender says it left out of this payload."""

    events: tuple[Incident, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    notes: tuple[Note, ...] = ()
    omitted: int = 0


Parser = Callable[[bytes, Mapping[str, str]], SourceBatch]


def rejection(content: bytes, reason: str, index: int | None = None) -> Rejection:
    return Rejection(index=index, reason=reason, content_hash=hashlib.sha256(content).hexdigest(), content=content)
