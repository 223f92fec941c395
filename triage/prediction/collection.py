"""The bundles of a models folder: which there are, what each says of itself, and whether it is whole."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from triage.errors import BundleError, NotFound
from triage.prediction.bundle import bundles, verify
from triage.prediction.manifest import Manifest

_SHOWN = 12
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
"""A folder of the models folder itself, and none that is being written."""

Look = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleState:
    """``manifest`` is None where the bundle is refused; ``refused`` then says why."""

    version: str
    manifest: Manifest | None
    refused: str | None = None


def get_bundle(models: Path, version: str) -> Path:
    """The folder of this version, not verified. Raises NotFound, which names the versions that are there."""
    folder = models / version
    if _NAME.fullmatch(version) and folder.is_dir():
        return folder
    there = [bundle.name for bundle in bundles(models)]
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    found = f"there are {', '.join(there[:_SHOWN])}{more}" if there else "there is none"
    raise NotFound(f"no bundle {version[:100]!r} in the models folder; {found}")


def look_into(bundle: Path) -> Look:
    """Name, time of the last change and size of each file; that time is another also for a copy that keeps the
    time of its original."""
    try:
        found = [(str(file.relative_to(bundle)), file.stat()) for file in sorted(bundle.rglob("*"))]
    except OSError:
        return ()
    return tuple((name, state.st_ctime_ns, state.st_size) for name, state in found)


class Collection:
    """All bundles of a folder, each verified once and again when a file of it has changed. Safe for threads."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._verified: Mapping[str, tuple[Look, BundleState]] = {}

    def read(self) -> list[BundleState]:
        """Trained before starter, newer before older; last those whose manifest nobody can read.

        The first call reads every file of every bundle.
        """
        known, seen = self._verified, {}
        folders = bundles(self._models)
        folders += sorted(_unreadable(self._models, {folder.name for folder in folders}))
        for folder in folders:
            look = look_into(folder)
            before = known.get(folder.name)
            state = before[1] if before is not None and before[0] == look else _state_of(folder)
            seen[folder.name] = look, state
        self._verified = seen
        return [state for _, state in seen.values()]


def _unreadable(models: Path, readable: set[str]) -> list[Path]:
    """Folders that hold a manifest which says nothing."""
    found = (file.parent for file in models.glob("*/manifest.json"))
    return [folder for folder in found if folder.name not in readable and not folder.name.startswith(".")]


def _state_of(folder: Path) -> BundleState:
    try:
        return BundleState(version=folder.name, manifest=verify(folder))
    except BundleError as error:
        return BundleState(version=folder.name, manifest=None, refused=str(error))
