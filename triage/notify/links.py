"""Links in messages: what can be done with one click, signed, for one person, for a while, once."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from itsdangerous import BadSignature, URLSafeSerializer

from triage.errors import LinkNotValid

LINKS_LAST = timedelta(days=3)
"""A weekend, and no longer: whoever holds a link may do what it says."""


class LinkAction(Enum):
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    APPROVE = "approve"
    REFUSE = "refuse"


LINK_WORDS = {
    LinkAction.ACKNOWLEDGE: "Take it",
    LinkAction.RESOLVE: "It is over",
    LinkAction.APPROVE: "Approve",
    LinkAction.REFUSE: "Refuse",
}
"""What a link says, in the message and on the button of its page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """``key``: of the message that it came with; ``person``: to whom; ``digest`` names the link."""

    action: LinkAction
    key: str
    person: str
    ends_at: datetime
    digest: bytes


class Links:
    """``base``: the address under which people reach the service."""

    def __init__(self, secret: bytes, base: str) -> None:
        self._signer = URLSafeSerializer(secret, salt="link", signer_kwargs={"digest_method": hashlib.sha256})
        self._base = base.rstrip("/")

    def make(self, action: LinkAction, key: str, person: str, now: datetime) -> str:
        ends_at = int((now + LINKS_LAST).timestamp())
        signed = self._signer.dumps([action.value, key, person, ends_at])
        return f"{self._base}/a/{signed if isinstance(signed, str) else signed.decode()}"

    def page_of(self, incident_id: str) -> str:
        """Where people look at an incident, once they have signed in."""
        return f"{self._base}/incidents/{incident_id}"

    def read(self, signed: str, now: datetime) -> Link:
        """Raises LinkNotValid for one that was changed or is too old."""
        try:
            action, key, person, ends_at = self._signer.loads(signed)
            link = Link(
                action=LinkAction(action),
                key=str(key),
                person=str(person),
                ends_at=datetime.fromtimestamp(int(ends_at), UTC),
                digest=hashlib.sha256(signed.encode()).digest(),
            )
        except (BadSignature, ValueError, TypeError) as error:
            raise LinkNotValid("the link is not complete, or not ours") from error
        if link.ends_at <= now:
            raise LinkNotValid("the link is too old")
        return link
