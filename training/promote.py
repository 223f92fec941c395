"""Moving the pointer to the active bundle from the command line: forward to a bundle that was tried, or back."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triage.errors import BundleError, BundleRefused, Conflict, NotFound
from triage.prediction.bundle import open_bundle
from triage.prediction.collection import get_bundle
from triage.settings import Settings
from triage.store.configurations import Configurations, Move
from triage.store.database import Database
from triage.store.opening import opened_database

BUNDLE = "bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """``by``: who answers for it; ``expect``: what must be active now (any, if None)."""

    models: Path
    by: str
    reason: str
    expect: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveResult:
    """``changed`` is false where ``version`` was active already; ``database``: which one, without its address."""

    version: str
    previous: str | None
    changed: bool
    database: str


def promote(settings: Settings, request: MoveRequest, version: str) -> MoveResult:
    """Try the bundle on its own probe, then make it active for every service on the settings' database.

    Raises NotFound, BundleRefused, Conflict when another than the expected one is active, StoreUnavailable,
    EmbeddedDatabaseError. Then nothing is changed.
    """
    _try(get_bundle(request.models, version))
    with _configurations(settings) as configurations:
        moved = configurations.point(BUNDLE, version, request.by, request.reason, expect=request.expect)
        return _result(settings, configurations, version, moved)


def rollback(settings: Settings, request: MoveRequest) -> MoveResult:
    """Go back to the bundle that was active before, by history: again, and it goes further back.

    Raises Conflict where there is nothing earlier or another than the expected one is active, BundleRefused where
    the earlier bundle is gone or cannot be used, StoreUnavailable, EmbeddedDatabaseError. Then nothing is changed.
    """
    with _configurations(settings) as configurations:
        pointer = configurations.read_pointers().get(BUNDLE)
        earlier = configurations.find_earlier(BUNDLE)
        if pointer is None or earlier is None:
            raise Conflict("there is nothing to go back to: no bundle was active before this one")
        if request.expect not in (None, pointer.version):
            raise Conflict(f"the active bundle is {pointer.version} and not {request.expect}, as was expected")
        try:
            _try(get_bundle(request.models, earlier.version))
        except NotFound as error:
            raise BundleRefused(f"what was active before is gone: {error}") from error
        # What was read must still hold: a colleague may have moved the pointer while the bundle was tried.
        moved = configurations.point(
            BUNDLE, earlier.version, request.by, request.reason, expect=pointer.version, restores=earlier
        )
        return _result(settings, configurations, earlier.version, moved)


def find_active(settings: Settings) -> str | None:
    """The version that is active in the settings' database. Raises StoreUnavailable, EmbeddedDatabaseError."""
    with _configurations(settings) as configurations:
        pointer = configurations.read_pointers().get(BUNDLE)
        return pointer.version if pointer is not None else None


def whoever_asks() -> str:
    """The name of this account, for the history."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _try(folder: Path) -> None:
    """Verified, loaded and asked about its probe, as a service does before it uses a bundle."""
    try:
        open_bundle(folder, workers=1).encoder.close()
    except BundleError as error:
        raise BundleRefused(f"the bundle {folder.name} is refused: {error}") from error


@contextmanager
def _configurations(settings: Settings) -> Iterator[Configurations]:
    with opened(settings) as database:
        yield Configurations(database)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The settings' database. Raises StoreUnavailable, EmbeddedDatabaseError."""
    url = settings.database_url.get_secret_value() if settings.database_url is not None else None
    # The pool keeps two connections and a move needs one; a person at a terminal waits longer than a request.
    with opened_database(url, settings.data_dir, size=2, timeout=10.0) as database:
        yield database


def _result(settings: Settings, configurations: Configurations, version: str, moved: Move | None) -> MoveResult:
    pointer = configurations.read_pointers()[BUNDLE] if moved is None else moved
    where = "of TRIAGE_DATABASE_URL" if settings.database_url is not None else f"of {settings.data_dir.resolve()}"
    return MoveResult(version=version, previous=pointer.previous, changed=moved is not None, database=where)
