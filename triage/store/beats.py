"""How often a pattern occurred in each five minutes: a million occurrences are counted without reading them."""

from datetime import datetime


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
