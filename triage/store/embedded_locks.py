"""Advisory locks on files (``flock``): the kernel releases them when their holder dies, however it dies."""

import fcntl
import os
import time
from pathlib import Path

_POLL_SECONDS = 0.02


def open_owned(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open (and create) a file of ours without following a symbolic link; the descriptor is not inherited.

    Root gives the file to the owner of its folder, so that one start as root does not lock the owner out.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        if os.fstat(descriptor).st_uid != folder.st_uid:
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


class FileLock:
    """One lock on one file, shared or exclusive. Not for use by two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, *, shared: bool = False, timeout: float = 0.0) -> bool:
        """True once the lock is held; False when others held it for ``timeout`` seconds."""
        descriptor = open_owned(self._path, os.O_RDWR)
        deadline = time.monotonic() + timeout
        operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            while not _try_lock(descriptor, operation):
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return False
                time.sleep(_POLL_SECONDS)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Idempotent. Gives up this process's copy only: a child that inherited it still holds the lock."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    @property
    def descriptor(self) -> int:
        """To be inherited by a child, which then holds the lock for as long as it lives."""
        if self._descriptor is None:
            raise ValueError(f"{self._path.name} is not held")
        return self._descriptor

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None


def held_exclusively(path: Path) -> bool:
    """Whether some process holds the exclusive lock. Probes with a shared one, so two probes never meet."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
