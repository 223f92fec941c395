"""How often a pattern occurred in each five minutes: a million occurrences are counted without reading them."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from triage.store.database import Db


def bin_of(moment: datetime) -> datetime:
    """The beginning of the five minutes in which a pattern's occurrences are counted together."""
    return moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0)


COUNT_BEATS_OF = """
INSERT INTO pattern_beat (pattern_id, at, occurrences)
    SELECT pattern_id, date_bin('5 minutes', occurred_at, 'epoch'), count(*) FROM {occurrences}
    GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (pattern_id, at) DO UPDATE SET occurrences = pattern_beat.occurrences + excluded.occurrences
"""
"""Counts rows of (pattern_id, occurred_at); in order, so that batches never wait for each other in a circle."""


def count_beats(db: Db, happened: Iterable[tuple[str, datetime]]) -> None:
    """Add occurrences, as (pattern, when), to the five minutes that they lie in."""
    counted = Counter((pattern_id, bin_of(at)) for pattern_id, at in happened)
    if not counted:
        return
    ordered = sorted(counted.items())
    db.execute(
        "INSERT INTO pattern_beat (pattern_id, at, occurrences)"
        " SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[])"
        " ON CONFLICT (pattern_id, at)"
        " DO UPDATE SET occurrences = pattern_beat.occurrences + excluded.occurrences",
        ([p for (p, _), _ in ordered], [at for (_, at), _ in ordered], [count for _, count in ordered]),
    )
