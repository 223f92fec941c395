"""Priorities P1 (most urgent) to P5 and their order."""

from enum import Enum


class Priority(Enum):
    """How urgent an incident is to us. Deliberately not a ``str``: ``<`` on it would compare letters."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"

    @property
    def rank(self) -> int:
        """1 for the most urgent, 5 for the least."""
        return int(self.value[1])

    def is_more_urgent_than(self, other: "Priority") -> bool:
        return self.rank < other.rank

    def raised_to(self, bound: "Priority") -> "Priority":
        """This priority, made at least as urgent as ``bound``."""
        return bound if bound.is_more_urgent_than(self) else self

    def lowered_to(self, bound: "Priority") -> "Priority":
        """This priority, made at most as urgent as ``bound``."""
        return bound if self.is_more_urgent_than(bound) else self
