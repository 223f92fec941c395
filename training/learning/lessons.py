"""What a history teaches one head: its rows, and what is known of each beside its features."""

from collections.abc import Sequence
from dataclasses import dataclass

from training.learning.components import Labels
from training.learning.screening import Task
from training.learning.split import Moments, Rows
from triage.prediction.features import FactScope


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lessons:
    """What is known of one target: ``task`` has its rows, and beside each of them ``groups`` (its pattern), when
    it happened, when its label became known (NaT: at once), and its id. ``left_out``: labels with too few rows.
    ``assigned``: of a second look, the label number of the team that somebody chose, -1 for one that is no
    label. ``order``: from most to least urgent, as a catalogue says; empty: the labels' own words must say."""

    name: str
    target: str
    scope: FactScope
    task: Task
    groups: Rows
    moments: Moments
    known_at: Moments
    ids: Sequence[str]
    left_out: dict[str, int]
    assigned: Labels | None = None
    order: tuple[str, ...] = ()
