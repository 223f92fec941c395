"""Who may do what. A token belongs to a person of the catalogue or to a source, and has one role."""

from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token gives, and how long: one that was revoked, or whose time is over, gives nothing any more."""

    principal: Principal
    expires_at: datetime | None = None
    revoked: bool = False

    def holds_at(self, now: datetime) -> bool:
        return not self.revoked and (self.expires_at is None or now < self.expires_at)


LOCAL = Principal(owner="local", role=Role.ADMIN)
"""Whoever reaches a service that has no token and listens on loopback only."""
