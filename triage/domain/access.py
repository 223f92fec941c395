"""Who may do what. A token belongs to a person of the catalogue or to a source, and has one role."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """``source`` sends events; the others may each do what the ones before them may, and more."""

    SOURCE = "source"
    RESPONDER = "responder"
    REVIEWER = "reviewer"
    ENGINEER = "engineer"
    ADMIN = "admin"

    def may_act_as(self, needed: "Role") -> bool:
        """Whether this role includes ``needed``. Everybody may send events."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking. ``owner``: ``person:ID``, ``source:NAME``, or ``local`` when no token is configured."""

    owner: str
    role: Role

    @property
    def actor(self) -> str:
        """The name under which timelines remember them."""
        return self.owner.removeprefix("person:")


LOCAL = Principal(owner="local", role=Role.ADMIN)
"""Whoever reaches a service that has no token and listens on loopback only."""
