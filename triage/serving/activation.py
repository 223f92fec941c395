"""Puts a bundle and a configuration in force, and keeps what runs when the next one is bad.

One pointer per kind in the database says which version is active, so that replicas agree; a replica
follows it within its refresh interval. A broken file or bundle never replaces what runs.
"""

import threading
from pathlib import Path

import structlog

from triage.active import Active, Search
from triage.decider import Decider
from triage.errors import BundleError, ConfigurationError, Conflict, NotFound
from triage.memory.likeness import Likeness
from triage.prediction.bundle import bundles, find_latest
from triage.prediction.cold_start import ColdStart
from triage.prediction.collection import Look, look_into
from triage.prediction.encoder import Encoder
from triage.prediction.manifest import read_manifest
from triage.prediction.predictor import Predictor
from triage.rules.configuration import Configuration, configuration_from_texts, load_configuration
from triage.serving.metrics import Metrics
from triage.store.configurations import NOTHING, Configurations, Pointer

log = structlog.get_logger("triage.activation")

STARTER, TRAINED = "starter", "trained"

OURSELVES = "triage"
"""Who moved a pointer that no person did."""

OUTDATED = (
    "the folder holds an older version than the one in force, which is used; change a file of it, or ask for a"
    " reload, to put the folder's version in force"
)


class Activation:
    """Snapshots are made under a lock by whoever refreshes, and read without one."""

    def __init__(
        self, config_dir: Path, models_dir: Path, metrics: Metrics, encoder_workers: int | None = None
    ) -> None:
        self.encoder_workers = encoder_workers
        self._config_dir = config_dir
        self._models_dir = models_dir
        self._metrics = metrics
        self._lock = threading.RLock()
        self._configuration: Configuration | None = None
        self._predictor: Predictor | None = None
        self._faults: dict[str, str] = {}
        self._refused: dict[str, Look] = {}
        self._active: Active | None = None
        self._from_folder = False
        self._times_read = 0
        self._outdated: tuple[str, str] | None = None
        self._seen: Look = ()

    @property
    def active(self) -> Active | None:
        """What is in force; None until a configuration was found."""
        return self._active

    @property
    def faults(self) -> dict[str, str]:
        """What is missing or was refused, each with the sentence that says why."""
        return dict(self._faults)

    def load_folder(self) -> None:
        """Read the configuration folder. A fault is kept for ``/readyz`` and leaves in force what was."""
        with self._lock:
            self._seen = self._look()
            self._times_read += 1
            self._outdated = None
            try:
                self._configuration = load_configuration(self._config_dir)
                self._from_folder = True
                self._faults.pop("configuration", None)
            except ConfigurationError as error:
                self._blame("configuration", str(error))
            self._compose()

    def folder_changed(self) -> bool:
        """Whether a file of the folder is another than when it was last read."""
        return self._look() != self._seen

    def _look(self) -> Look:
        """Name, time and size of each file of the folder; nothing when it cannot be looked into."""
        try:
            found = [(file.name, file.stat()) for file in sorted(self._config_dir.glob("*.yaml"))]
        except OSError:
            return ()
        return tuple((name, state.st_mtime_ns, state.st_size) for name, state in found)

    def load_latest_bundle(self) -> None:
        """Open the newest usable bundle on disk, so that there is one before the database was reached."""
        with self._lock:
            if find_latest(self._models_dir) is None:
                self._blame("bundle", f"no bundle in {self._models_dir}; make one: python -m training starter")
            self._fall_back()
            self._compose()

    def publish(self, configurations: Configurations) -> None:
        """Make the folder's configuration the active one for all replicas. Raises StoreUnavailable.

        What the folder holds at a start is not, when it was in force before and another is now: a replica that is
        only started again must not undo for all what was published since. Whoever means it changes the folder, or
        asks for a reload, while the service runs.
        """
        with self._lock:
            if self._configuration is None or not self._from_folder:
                return
            held = self._configuration
            versions = held.catalogue.version, held.rulebook.version
            if self._times_read == 1 and _is_superseded(configurations, *versions):
                self._outdated = versions
                self._blame("configuration", OUTDATED)
            else:
                configurations.keep(
                    (held.catalogue.version, held.catalogue_text),
                    (held.rulebook.version, held.policy_text),
                    changed_by=OURSELVES,
                    reason="read from the configuration folder",
                )
            self._from_folder = False

    def refresh(self, configurations: Configurations) -> None:
        """Follow the pointers. Raises StoreUnavailable."""
        with self._lock:
            pointers = configurations.read_pointers()
            before = (self._configuration, self._predictor, self.faults)
            if "catalogue" in pointers and "policy" in pointers:
                self._follow_configuration(
                    configurations, pointers["catalogue"].version, pointers["policy"].version
                )
            self._follow_bundle(configurations, pointers.get("bundle"))
            if before != (self._configuration, self._predictor, self.faults):
                self._compose()

    def adopt(self, predictor: Predictor) -> None:
        """Put an opened bundle in force now, to which the pointer was just moved.

        The one that it replaces ends, with its threads, when the last batch that it began with is done.
        """
        with self._lock:
            if self._predictor is None or self._predictor.version != predictor.version:
                self._put_in_force(predictor)
            self._faults.pop("bundle", None)
            self._compose()

    def note_similarity(self, why: str | None) -> None:
        """Whether earlier incidents are missed among the similar ones; None when they no longer are."""
        with self._lock:
            if self._faults.get("similarity") == why:
                return
            if why is not None:
                self._blame("similarity", why)
            faults = dict(self._faults)
            if why is None:
                del faults["similarity"]
            self._replace(faults, self._active.search if self._active is not None else None)

    def search_with(self, encoder: Encoder, likeness: Likeness, missed: str | None) -> None:
        """With what the memory is searched from now on; ``missed``: why that misses some of what is remembered."""
        with self._lock:
            self.note_similarity(missed)
            search = Search(encoder=encoder, likeness=likeness)
            if self._active is not None and self._active.search != search:
                self._replace(dict(self._faults), search)

    def _replace(self, faults: dict[str, str], search: Search | None) -> None:
        if self._active is not None:
            again = Active(self._active.decider, faults, search)
            again.cache = self._active.cache
            self._active = again
        # Decisions first: whoever reads that all is well finds decisions that say so.
        self._faults = faults

    def _put_in_force(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._refused.pop(predictor.version, None)
        self._faults.pop("bundle", None)
        log.info("bundle opened", bundle=predictor.version)

    def _follow_configuration(self, configurations: Configurations, catalogue: str, policy: str) -> None:
        held = self._configuration
        if self._outdated == (catalogue, policy):
            self._outdated = None
            self._faults.pop("configuration", None)
        if held is not None and (held.catalogue.version, held.rulebook.version) == (catalogue, policy):
            self._faults.pop("active_configuration", None)
            return
        try:
            texts = configurations.get_content(catalogue), configurations.get_content(policy)
            self._configuration = configuration_from_texts(*texts)
        except (ConfigurationError, NotFound) as error:
            self._blame("active_configuration", str(error))
        else:
            self._faults.pop("active_configuration", None)
            log.info("configuration followed", catalogue=catalogue, policy=policy)

    def _follow_bundle(self, configurations: Configurations, pointer: Pointer | None) -> None:
        """Open the bundle that is pointed at. The first trained bundle takes over by itself from a starter that
        nobody chose."""
        latest = find_latest(self._models_dir)
        if pointer is None or (latest is not None and self._takes_over(latest, pointer)):
            if latest is not None and self._open(latest):
                self._move_by_itself(configurations, latest.name, pointer)
            return
        if not self._open(self._models_dir / pointer.version) and self._predictor is None:
            self._fall_back()

    def _move_by_itself(self, configurations: Configurations, version: str, pointer: Pointer | None) -> None:
        """Unless a person moved the pointer meanwhile: the next refresh then follows them."""
        reason = "the first bundle" if pointer is None else "the first trained bundle"
        expect = pointer.version if pointer is not None else NOTHING
        try:
            configurations.point("bundle", version, OURSELVES, reason, expect=expect)
        except Conflict:
            log.info("another bundle was made active meanwhile", instead_of=version)

    def _fall_back(self) -> None:
        """With no bundle in force, open the best that can be used; why it is none better stays on show."""
        for folder in bundles(self._models_dir):
            why = self._faults.get("bundle")
            if self._open(folder):
                if why is not None:
                    self._faults["bundle"] = why
                return

    def _takes_over(self, latest: Path, pointer: Pointer) -> bool:
        if pointer.changed_by != OURSELVES or latest.name == pointer.version or self._was_refused(latest):
            return False
        try:
            kinds = read_manifest(latest).kind, read_manifest(self._models_dir / pointer.version).kind
        except BundleError:
            return False
        return kinds == (TRAINED, STARTER)

    def _open(self, folder: Path) -> bool:
        """Whether the bundle is now in force. A refused one is not tried again until a file of it changes."""
        if self._predictor is not None and self._predictor.version == folder.name:
            self._faults.pop("bundle", None)
            return True
        if self._was_refused(folder):
            return False
        seen = look_into(folder)
        try:
            predictor = Predictor.open(folder, self.encoder_workers)
        except BundleError as error:
            self._refused[folder.name] = seen
            self._blame("bundle", str(error))
            return False
        self._put_in_force(predictor)
        return True

    def _was_refused(self, folder: Path) -> bool:
        """Whether it was, as it is now: a repaired copy deserves to be tried."""
        return folder.name in self._refused and self._refused[folder.name] == look_into(folder)

    def _blame(self, part: str, why: str) -> None:
        if self._faults.get(part) != why:
            log.error("degraded", part=part, why=why)
            self._metrics.failures.labels(part).inc()
        self._faults[part] = why

    def _compose(self) -> None:
        if self._configuration is None:
            return
        cold_start = ColdStart(self._configuration.catalogue, self._predictor.encoder) if self._predictor else None
        decider = Decider(self._configuration, self._predictor, cold_start)
        earlier = self._active
        # The memory is searched as before until it is known to be whole for another encoder.
        search = earlier.search if earlier is not None and earlier.search.encoder is not None else None
        self._active = Active(decider, self._faults, search)
        if earlier is not None and earlier.encoder_version == self._active.encoder_version:
            self._active.cache = earlier.cache
        versions = decider.versions
        self._metrics.version.clear()
        self._metrics.version.labels(versions.bundle, versions.catalogue, versions.policy, versions.code).set(1)


def _is_superseded(configurations: Configurations, catalogue: str, policy: str) -> bool:
    """Whether other versions are active, and these were stored before."""
    pointers = configurations.read_pointers()
    if "catalogue" not in pointers or "policy" not in pointers:
        return False
    active = pointers["catalogue"].version, pointers["policy"].version
    others = [held for held, now in zip((catalogue, policy), active, strict=True) if held != now]
    return bool(others) and all(configurations.is_stored(version) for version in others)
