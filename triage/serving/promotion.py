"""Moves the pointer to the active bundle, after this replica has opened what it is to point at."""

import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from triage.errors import BundleError, BundleRefused, Conflict, NotFound
from triage.prediction.collection import BundleState, Collection, get_bundle
from triage.prediction.predictor import Predictor
from triage.serving.activation import Activation
from triage.store.configurations import NOTHING, Configurations, Move, Pointer

log = structlog.get_logger("triage.promotion")

BUNDLE = "bundle"
MOVES_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``pointer``: as it stands now; ``changed`` is false where it stood there before."""

    pointer: Pointer
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """``in_force``: what this replica decides with, ``none`` without a bundle; ``fault``: why it is not the active
    one, or what else is wrong with it."""

    pointer: Pointer | None
    in_force: str
    fault: str | None
    bundles: list[BundleState]
    moves: list[Move]


class Promotion:
    """``by`` is who asked, ``expect`` what must be active now (any, if None). Nothing changes when one raises."""

    def __init__(self, configurations: Configurations, activation: Activation, models: Path) -> None:
        self._configurations = configurations
        self._activation = activation
        self._models = models
        self._collection = Collection(models)
        self._one_at_a_time = threading.Lock()

    def look(self) -> Overview:
        """Raises StoreUnavailable. The first call reads every file of every bundle."""
        active = self._activation.active
        return Overview(
            pointer=self._read_pointer(),
            in_force=active.decider.versions.bundle if active else NOTHING,
            fault=self._activation.faults.get(BUNDLE),
            bundles=self._collection.read(),
            moves=self._configurations.read_moves(BUNDLE, MOVES_SHOWN),
        )

    def promote(self, version: str, by: str, reason: str, expect: str | None) -> Outcome:
        """Make a bundle of the models folder active; this replica has it in force when this returns.

        Raises NotFound, BundleRefused, Conflict when another than the expected one is active, StoreUnavailable.
        """
        with self._one_at_a_time:
            folder = get_bundle(self._models, version)
            pointer = self._read_pointer()
            if pointer is not None and pointer.version == version:
                return Outcome(pointer=pointer, changed=False)
            _check(pointer, expect)
            return self._move(folder, by, reason, expect, None)

    def rollback(self, by: str, reason: str, expect: str | None) -> Outcome:
        """Go back to what was active before; again, and it goes further back.

        Raises Conflict where there is nothing earlier or another than the expected one is active, BundleRefused
        where the earlier bundle is gone or cannot be used, StoreUnavailable.
        """
        with self._one_at_a_time:
            pointer = self._read_pointer()
            _check(pointer, expect)
            earlier = self._configurations.find_earlier(BUNDLE)
            if earlier is None or pointer is None:
                raise Conflict("there is nothing to go back to: no bundle was active before this one")
            try:
                folder = get_bundle(self._models, earlier.version)
            except NotFound as error:
                raise BundleRefused(f"what was active before is gone: {error}") from error
            return self._move(folder, by, reason, pointer.version, earlier)

    def _read_pointer(self) -> Pointer | None:
        return self._configurations.read_pointers().get(BUNDLE)

    def _move(self, folder: Path, by: str, reason: str, expect: str | None, restores: Move | None) -> Outcome:
        """Open first, then point: what this replica cannot open, it does not ask the others to use."""
        try:
            predictor = Predictor.open(folder, self._activation.encoder_workers)
        except BundleError as error:
            raise BundleRefused(f"the bundle {folder.name} is refused: {error}") from error
        moved = self._configurations.point(BUNDLE, folder.name, by, reason, expect=expect, restores=restores)
        if moved is not None:
            log.info("bundle promoted" if restores is None else "bundle rolled back", bundle=moved.version, by=by)
            self._activation.adopt(predictor)
        return Outcome(pointer=self._configurations.read_pointers()[BUNDLE], changed=moved is not None)


def _check(pointer: Pointer | None, expect: str | None) -> None:
    """Known before a bundle is opened for nothing; the store looks again when it moves the pointer."""
    current = pointer.version if pointer is not None else NOTHING
    if expect not in (None, current):
        raise Conflict(
            f"the active bundle is {current} and not {expect}, as was expected: look again, then decide"
        )
