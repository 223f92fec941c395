"""Keeps what the memory is searched with: the encoder whose embeddings are whole, and how likeness is judged.

A bundle with another encoder decides as soon as it is promoted. The memory goes on being searched with the earlier
encoder until every remembered text is embedded anew and indexed, so that nothing is missed meanwhile; then one
pointer switches all replicas.
"""

from pathlib import Path

import structlog

from triage.errors import BundleError
from triage.memory.likeness import Likeness, likeness_of
from triage.prediction.encoder import Encoder
from triage.prediction.manifest import ENCODER_FOLDER
from triage.serving.activation import Activation
from triage.store.likenesses import Likenesses, MemoryEncoder

log = structlog.get_logger("triage.searching")

MISSED = (
    "earlier incidents are still being embedded for the encoder in force, and no bundle has the earlier one; until"
    " then some are missed among the similar ones"
)


class Searching:
    """One step of the upkeep at a time."""

    def __init__(self, activation: Activation, likenesses: Likenesses, models_dir: Path) -> None:
        self._activation = activation
        self._likenesses = likenesses
        self._models_dir = models_dir
        self._refused: str | None = None

    def follow(self, whole: str | None) -> None:
        """Search with what the pointer names. ``whole``: the encoder for which every remembered text is known to
        be embedded and indexed, if any. Raises StoreUnavailable."""
        active = self._activation.active
        encoder = active.encoder if active is not None else None
        if active is None or encoder is None:
            return
        if "bundle" in self._activation.faults:
            whole = None  # this replica decides with another bundle than it should, and must not switch for all
        pointer = self._likenesses.read_memory_encoder()
        bundle = active.decider.versions.bundle
        if pointer is None or (pointer.encoder != encoder.version and whole == encoder.version):
            before = pointer.encoder if pointer is not None else None
            self._likenesses.switch(encoder.version, bundle, instead_of=before)
            log.info("the memory is searched with another encoder", encoder=encoder.version, instead_of=before)
            pointer = MemoryEncoder(encoder=encoder.version, bundle=bundle)
        searching = self._encoder(pointer, encoder, active.search.encoder)
        missed = searching is encoder and pointer.encoder != encoder.version
        self._activation.search_with(searching, self._likeness(searching.version), MISSED if missed else None)

    def _encoder(self, pointer: MemoryEncoder, in_force: Encoder, held: Encoder | None) -> Encoder:
        for known in (in_force, held):
            if known is not None and known.version == pointer.encoder:
                return known
        if self._refused == pointer.bundle:
            return in_force
        try:
            opened = Encoder.open(
                self._models_dir / pointer.bundle / ENCODER_FOLDER, self._activation.encoder_workers
            )
        except BundleError as error:
            self._refused = pointer.bundle
            log.warning("the memory's encoder cannot be opened", bundle=pointer.bundle, why=str(error))
            return in_force
        if opened.version != pointer.encoder:
            opened.close()
            self._refused = pointer.bundle
            return in_force
        return opened

    def _likeness(self, encoder: str) -> Likeness:
        stored = self._likenesses.find(encoder)
        return likeness_of(stored) if stored is not None else Likeness()
