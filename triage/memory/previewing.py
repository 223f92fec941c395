"""What a threshold of similarity would have linked lately, and which one an organisation's own history speaks for.

Each incident that opened with a text which was new then asks again, as it did when it opened: among what was known
then, with the words as rare as they are now. What became known of both incidents since tells right links from
wrong ones (``triage.recurrence.threshold``). Nothing is changed by looking; ``turn`` puts a threshold in force.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from triage.active import Search
from triage.domain.catalogue import Catalogue
from triage.domain.recurrence import Neighbour
from triage.errors import Busy, Conflict
from triage.memory.catalogues import Catalogues
from triage.memory.judging import Judge
from triage.memory.likeness import Likeness
from triage.memory.resembling import Text, find_neighbours
from triage.prediction.text import incident_text
from triage.recurrence.fusion import FusionWeights
from triage.recurrence.threshold import Choice, Curve, Judged, choose, measure
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.likenesses import Likenesses, StoredLikeness
from triage.store.previewing import KnownSince, NewText, PreviewStore

DAYS = 60
TARGET = 0.05
"""Of the links that similarity makes, how many may be wrong."""
AT_ONCE = 25
"""Texts that ask in one statement, which must be answered within a connection's patience."""
EXAMPLES = 20

Progress = Callable[[int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """``threshold`` None: the one that is recommended; ``limit``: how many of the newest are looked at, None for
    all; ``weights``: other ones than those in force."""

    threshold: float | None = None
    target: float = TARGET
    days: int = DAYS
    limit: int | None = None
    weights: FusionWeights | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """From an incident to an earlier one like it. ``before``: how similar the most similar one is by the weights
    in force; ``judged`` has that by the weights asked for."""

    incident: KnownSince
    other: KnownSince
    before: float
    judged: Judged

    @property
    def similarity(self) -> float:
        return self.judged.similarity


@dataclass(slots=True, kw_only=True)
class Found:
    """What new texts found: ``links`` to the best of each, ``runners_up`` to the next best of another pattern.
    ``unembedded``: texts that could not ask."""

    links: list[Link] = field(default_factory=list)
    runners_up: list[Link] = field(default_factory=list)
    unembedded: int = 0

    def add(self, other: "Found") -> None:
        self.links.extend(other.links)
        self.runners_up.extend(other.runners_up)
        self.unembedded += other.unembedded


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """``threshold``: the asked one, else the recommended one, else that in force. ``texts``: how many were new in
    that time; ``looked_at`` of them the newest, ``unembedded`` of these left out. ``gained`` and ``lost``: links
    that there would be more, and fewer, the least similar gained and the most similar lost first."""

    encoder: str
    in_force: Likeness
    asked: Asked
    since: datetime
    threshold: float
    weights: FusionWeights
    texts: int
    looked_at: int
    unembedded: int
    linked_now: int
    linked_then: int
    gained: tuple[Link, ...]
    lost: tuple[Link, ...]
    curve: Curve
    choice: Choice


class Previewing:
    """One preview at a time: it asks the database as much as hundreds of new alerts do."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._store = PreviewStore(database)
        self._catalogues = Catalogues(Configurations(database))
        self._busy = threading.Lock()

    def count(self, asked: Asked, now: datetime) -> int:
        """How many texts will be looked at."""
        with self._database.unattended():
            texts = self._store.count_new(now - timedelta(days=asked.days))
        return texts if asked.limit is None else min(texts, asked.limit)

    def preview(
        self,
        search: Search,
        asked: Asked,
        now: datetime,
        catalogue: Catalogue | None = None,
        progress: Progress = lambda texts: None,
    ) -> Preview:
        """``catalogue``: whose names a history's words for teams may be; ``progress`` is told each further number.

        Raises Conflict without an encoder, since a threshold belongs to one; Busy while another preview is made;
        StoreUnavailable.
        """
        if search.encoder is None:
            raise Conflict("no bundle is in force, and a threshold of similarity belongs to a bundle's encoder")
        if not self._busy.acquire(blocking=False):
            raise Busy("another preview is being made", retry_after=10)
        try:
            with self._database.unattended():
                return self._preview(search, asked, now, catalogue, progress)
        finally:
            self._busy.release()

    def _preview(
        self, search: Search, asked: Asked, now: datetime, catalogue: Catalogue | None, progress: Progress
    ) -> Preview:
        since = now - timedelta(days=asked.days)
        texts = self._store.count_new(since)
        judge = Judge(self._store.find_told_apart(), self._store.find_duplicates(), self._catalogues, catalogue)
        weights = asked.weights or search.likeness.weights
        found = Found()
        looked_at, after = 0, None
        while asked.limit is None or looked_at < asked.limit:
            left = AT_ONCE if asked.limit is None else min(AT_ONCE, asked.limit - looked_at)
            new = self._store.read_new(since, after, left)
            found.add(self._ask(search, weights, new, judge))
            looked_at += len(new)
            progress(len(new))
            if len(new) < left:
                break
            after = new[-1].position
        sample, runners_up = ([one.judged for one in links] for links in (found.links, found.runners_up))
        curve = measure(sample, runners_up, looked_at - found.unembedded)
        choice = choose(curve, asked.target)
        in_force = search.likeness
        threshold = next(t for t in (asked.threshold, choice.threshold, in_force.threshold) if t is not None)
        linked = [(one, one.before >= in_force.threshold, one.similarity >= threshold) for one in found.links]
        gained = [one for one, now_linked, then_linked in linked if then_linked and not now_linked]
        lost = [one for one, now_linked, then_linked in linked if now_linked and not then_linked]
        return Preview(
            encoder=search.encoder_version or "",
            in_force=in_force,
            asked=asked,
            since=since,
            threshold=threshold,
            weights=weights,
            texts=texts,
            looked_at=looked_at,
            unembedded=found.unembedded,
            linked_now=sum(now_linked for _, now_linked, _ in linked),
            linked_then=sum(then_linked for _, _, then_linked in linked),
            gained=tuple(sorted(gained, key=lambda one: one.similarity)),
            lost=tuple(sorted(lost, key=lambda one: -one.before)),
            curve=curve,
            choice=choice,
        )

    def _ask(self, search: Search, weights: FusionWeights, new: Sequence[NewText], judge: Judge) -> Found:
        encoder = search.encoder_version
        assert encoder is not None  # said by the caller
        with self._store.searching() as batch:
            embeddings = batch.find_embeddings(encoder, [one.text_key for one in new])
            texts = [
                Text(
                    key=one.incident_id.encode(),
                    text=incident_text(one.event),
                    scope=one.scope,
                    embedding=embeddings[one.text_key],
                    before=one.opened_at,
                )
                for one in new
                if one.text_key in embeddings
            ]
            near = {
                given: find_neighbours(batch, texts, encoder, given)
                for given in {search.likeness.weights, weights}
            }
        then, before = near[weights], near[search.likeness.weights]
        known = self._store.get_known(
            [*(key.decode() for key in then), *(one.incident_id for found in then.values() for one in found)]
        )

        def link(key: bytes, other: Neighbour) -> Link:
            ends = known[key.decode()], known[other.incident_id]
            judged = judge.judge(*ends, other.similarity)
            return Link(incident=ends[0], other=ends[1], before=before[key][0].similarity, judged=judged)

        found = Found(unembedded=len(new) - len(texts))
        for key, (best, *others) in then.items():
            found.links.append(link(key, best))
            further = next((one for one in others if one.pattern_id != best.pattern_id), None)
            if further is not None:
                found.runners_up.append(link(key, further))
        return found


def turn(
    likenesses: Likenesses, preview: Preview, threshold: float, by: str, reason: str, at: datetime
) -> StoredLikeness:
    """From now on link from ``threshold`` on, for texts of this encoder, judged by the preview's weights. What was
    measured stays with it. Raises StoreUnavailable."""
    kept = StoredLikeness(
        encoder=preview.encoder,
        weights=asdict(preview.weights),
        threshold=threshold,
        measured=measured(preview),
        reason=reason,
        made_by=by,
        made_at=at,
    )
    likenesses.keep(kept)
    return kept


def measured(preview: Preview) -> dict[str, Any]:
    """As JSON: on what, and what was found."""
    return {
        "days": preview.asked.days,
        "since": preview.since.isoformat(),
        "texts": preview.looked_at - preview.unembedded,
        "target": preview.asked.target,
        "confidence": preview.curve.confidence,
        "recommended": preview.choice.threshold,
        "reason": preview.choice.reason,
        "curve": [asdict(point) for point in preview.curve.points],
    }
