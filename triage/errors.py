"""The one exception tree, and what each means to the person who meets it.

    TriageError
    ├── BadRequest              400/422: the caller can mend it
    │   ├── InvalidIncident
    │   └── UnknownWord         a team, priority or status that the catalogue does not know
    ├── Unauthenticated         401
    ├── Forbidden               403
    ├── NotFound                404
    ├── LinkNotValid            410: a link in a message that is too old, used, or not ours
    ├── TooSlow                 408
    ├── Conflict                409
    │   └── BundleRefused       a bundle that cannot be put in force here
    ├── TooLarge                413
    ├── UnsupportedMedia        415
    ├── Unavailable             503 with Retry-After
    │   ├── StoreUnavailable    the database is away
    │   ├── Busy                more waits than can soon be carried out
    │   └── SpoolFull
    ├── StoreRefused            500: the database refused a statement of ours
    ├── ConfigurationError      file, line, what was found, what was expected
    ├── BundleError             file, expected, found; the bundle is refused
    ├── EmbeddedDatabaseError   one clear sentence
    ├── DeliveryFailed          502: a message that was not taken; tried again, and given up in the end
    ├── CannotCarryOn           500: an escalation whose rows cannot be read; tried again
    └── HistoryError            a history file that cannot be trained on
        └── GuaranteeRefused    too few held-out incidents for the bound that was asked for

``status`` and ``code`` are the whole mapping to HTTP (``triage.api.problems``). ``str(error)`` is shown to
callers and logged, so it never holds incident text, credentials or personal data.
"""

from dataclasses import dataclass


class TriageError(Exception):
    """Root of every failure this service names. ``status`` is the HTTP answer it maps to."""

    status = 500
    code = "internal"


class BadRequest(TriageError):
    status = 400
    code = "bad_request"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """One fault of one field; ``at`` is its path (``incidents.3.title``)."""

    at: str
    message: str


class InvalidIncident(BadRequest):
    status = 422
    code = "invalid"

    def __init__(self, detail: str, faults: tuple[FieldFault, ...] = ()) -> None:
        super().__init__(detail)
        self.faults = faults


class UnknownWord(BadRequest):
    status = 422
    code = "unknown_word"


class Unauthenticated(TriageError):
    status = 401
    code = "unauthenticated"


class Forbidden(TriageError):
    status = 403
    code = "forbidden"


class NotFound(TriageError):
    status = 404
    code = "not_found"


class LinkNotValid(TriageError):
    status = 410
    code = "link_not_valid"


class TooSlow(TriageError):
    """A body that did not arrive in time."""

    status = 408
    code = "too_slow"


class Conflict(TriageError):
    status = 409
    code = "conflict"


class BundleRefused(Conflict):
    """Nothing was changed: what is in force stays."""

    code = "bundle_refused"


class TooLarge(TriageError):
    status = 413
    code = "too_large"


class UnsupportedMedia(TriageError):
    status = 415
    code = "unsupported_media"


class Unavailable(TriageError):
    """Something the answer depends on is away for now. ``retry_after`` in seconds."""

    status = 503
    code = "unavailable"

    def __init__(self, detail: str, retry_after: int = 5) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class StoreUnavailable(Unavailable):
    """``in_doubt`` names the transaction whose commit was asked for and never confirmed: it may have happened."""

    code = "store_unavailable"
    in_doubt: str | None = None


class StoreRefused(TriageError):
    """A statement of ours that the database refuses: a fault in this code, or a schema that is not ours."""

    code = "store_refused"


class Busy(Unavailable):
    """More waits already than is carried out within a moment."""

    code = "busy"


class SpoolFull(Unavailable):
    code = "spool_full"


class ConfigurationError(TriageError):
    """A configuration file that cannot be used: where, what was found, what would be right."""

    code = "configuration"

    def __init__(self, message: str, file: str, line: int | None = None) -> None:
        super().__init__(f"{file}:{line}: {message}" if line else f"{file}: {message}")
        self.file = file
        self.line = line
        self.message = message


class BundleError(TriageError):
    """A bundle that is refused: which file, what was expected, what was found."""

    code = "bundle"

    def __init__(self, file: str, expected: str, found: str) -> None:
        super().__init__(f"{file}: expected {expected}, found {found}")
        self.file = file
        self.expected = expected
        self.found = found


class EmbeddedDatabaseError(TriageError):
    code = "embedded_database"


class HistoryError(TriageError):
    code = "history"


class GuaranteeRefused(HistoryError):
    """Says how many incidents the bound needs, how many there are, and which bound they would allow."""

    code = "guarantee_refused"


class CannotCarryOn(TriageError):
    """A running escalation whose rows cannot be read; it is tried again, and everybody else's goes on."""

    code = "cannot_carry_on"


class DeliveryFailed(TriageError):
    """A message that was not taken, or that no way leads to. The reason holds neither address nor text."""

    status = 502
    code = "delivery_failed"
