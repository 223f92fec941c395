"""Lengths of time in words, for people."""

from datetime import timedelta


def in_words(length: timedelta) -> str:
    """``30 minutes``, ``1 hour``, ``2 hours 15 minutes``."""
    minutes = int(length.total_seconds() // 60)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    said = [f"{count} {word}{'s' if count != 1 else ''}" for count, word in parts if count]
    return " ".join(said) or "less than a minute"
