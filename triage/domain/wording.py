"""Words for people: lengths of time, and texts of others that stay what they are."""

import re
from datetime import timedelta

# Control characters, and those that turn the direction of writing: they make a text look like another.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def one_line(text: str, most: int | None = None) -> str:
    """A text of somebody else as one line of ours: it begins no line of its own, and nothing in it is unseen.
    ``most``: characters."""
    line = " ".join(_UNSEEN.sub("", text).split())
    return line if most is None or len(line) <= most else line[: most - 1].rstrip() + "…"


def in_words(length: timedelta) -> str:
    """``30 minutes``, ``1 hour``, ``2 hours 15 minutes``."""
    minutes = int(length.total_seconds() // 60)
    days, minutes = divmod(minutes, 24 * 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    said = [f"{count} {word}{'s' if count != 1 else ''}" for count, word in parts if count]
    return " ".join(said) or "less than a minute"
