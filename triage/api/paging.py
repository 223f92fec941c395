"""Where a page of a list ends, as an opaque word that its reader sends back for the next one."""

import base64
import uuid
from datetime import datetime

from triage.domain.incident import utc
from triage.errors import InvalidIncident

NOT_OURS = "the cursor is not one of ours"
LARGEST = 2**63 - 1


def moment_of(at: datetime, name: str) -> datetime:
    """A time that a caller gave, in UTC. Raises InvalidIncident for what no calendar in UTC has."""
    try:
        return utc(at)
    except OverflowError as error:
        raise InvalidIncident(f"{name} lies outside the calendar") from error


def cursor_of(position: tuple[datetime | int, str] | None) -> str | None:
    """``position``: the value that is sorted by, and the identifier, of the last item."""
    if position is None:
        return None
    value, identifier = position
    told = value.isoformat() if isinstance(value, datetime) else str(value)
    return base64.urlsafe_b64encode(f"{told} {identifier}".encode()).decode()


def moment_and_id(cursor: str | None) -> tuple[datetime, str] | None:
    """Raises InvalidIncident for what is not one of ours."""
    if cursor is None:
        return None
    value, identifier = _parts(cursor)
    try:
        return utc(datetime.fromisoformat(value)), identifier
    except (ValueError, OverflowError) as error:
        raise InvalidIncident(NOT_OURS) from error


def moment_and_word(cursor: str | None) -> tuple[datetime, str] | None:
    """As ``moment_and_id``, for what is named by words. Raises InvalidIncident for what is not one of ours."""
    if cursor is None:
        return None
    try:
        value, _, word = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return utc(datetime.fromisoformat(value)), word.replace("\x00", "")
    except (ValueError, OverflowError) as error:
        raise InvalidIncident(NOT_OURS) from error


def count_and_id(cursor: str | None) -> tuple[int, str] | None:
    """Raises InvalidIncident for what is not one of ours."""
    if cursor is None:
        return None
    value, identifier = _parts(cursor)
    if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= LARGEST):
        raise InvalidIncident(NOT_OURS)
    return int(value), identifier


def _parts(cursor: str) -> tuple[str, str]:
    try:
        value, _, identifier = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return value, str(uuid.UUID(identifier))
    except ValueError as error:
        raise InvalidIncident(NOT_OURS) from error
