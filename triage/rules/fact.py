"""One fact that a condition may use."""

from dataclasses import dataclass

from triage.rules.readings import FactType, Read


@dataclass(frozen=True, slots=True)
class Fact:
    """``example``: a condition that uses it; it compiles."""

    name: str
    type: FactType
    meaning: str
    example: str
    read: Read
