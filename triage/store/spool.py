"""Where payloads wait, on this machine's disk, while the database is away.

One entry is one file, written aside, synced, renamed and synced again, so that a receipt is only given for
what outlives a power cut. Its name is the receipt; names sort in order of arrival. Any number of processes may
append; one at a time drains.

The receipt is also the idempotency key under which the entry is handled: a crash between handling and removal
means that it is handled again, with the same receipt.
"""

import errno
import fcntl
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import structlog

from triage.errors import BadRequest, SpoolFull, Unavailable
from triage.store.spooled import Spooled, decode, encode

__all__ = ["OneByOne", "Spool", "Spooled"]

log = structlog.get_logger(__name__)

ENTRY = ".entry"
BAD = ".bad"
PARTIAL = ".partial"
GIB = 1024**3

_RECOUNT_SHARE = 16
_RECOUNT_WHEN_FULL_AFTER = 1.0
_PARTIAL_KEPT_FOR = 3600.0
_TOGETHER_BYTES = 1024 * 1024


class OneByOne(Exception):
    """What came together shall be handed over again one by one."""


class Spool:
    """A folder of entries, created (0700) with the first one.

    ``max_bytes`` bounds what all entries together take; each further process sharing the folder may exceed it by
    a sixteenth, since the folder is not counted again for every entry.
    """

    def __init__(self, folder: Path, max_bytes: int = GIB) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._last_stamp = 0
        self._estimate: int | None = None
        self._added_since_count = 0
        self._counted_at = 0.0

    def append(
        self,
        source: str,
        body: bytes,
        *,
        headers: Mapping[str, str],
        principal: str,
        received_at: datetime,
        in_doubt: str | None = None,
    ) -> str:
        """Keep the payload and return its receipt; when this returns, the entry is on the disk.

        Raises SpoolFull when the limit is reached, the disk is full, or the folder cannot be written.
        """
        content = encode(source, body, headers, principal, received_at, in_doubt)
        try:
            self._open()
            self._reserve(len(content))
            receipt = f"spool1-{self._next_stamp():020d}-{os.urandom(8).hex()}"
            self._write(receipt, content)
        except OSError as error:
            raise SpoolFull(
                f"the local spool cannot be written ({errno.errorcode.get(error.errno or 0, 'I/O error')})",
                retry_after=30,
            ) from error
        return receipt

    def pending(self) -> int:
        """How many entries wait."""
        return sum(1 for _ in self._files(ENTRY))

    def size(self) -> int:
        """How many bytes the waiting entries take."""
        return sum(_size_of(file) for file in self._files(ENTRY))

    def set_aside(self) -> int:
        """How many entries were torn, foreign or refused, and wait for a person as ``.bad`` files."""
        return sum(1 for _ in self._files(BAD))

    def drain(
        self,
        handle: Callable[[Sequence[Spooled]], None],
        *,
        at_once: int = 1,
        stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Hand the entries to ``handle`` in order of arrival, those that come meanwhile too; return how many.

        ``handle`` gets up to ``at_once`` together, which are removed once it has returned. BadRequest from it
        means that a payload can never be accepted: they are handed over again one by one, that one is set aside,
        and the rest goes on; OneByOne likewise asks for a group again one by one. Any other exception ends the
        drain, and the entries stay first; so does ``stop``, asked before each call. Returns 0 at once while
        another thread or process drains.
        """
        if not self.folder.is_dir():
            return 0
        handled = 0
        with self._only_one() as mine:
            if mine:
                self._drop_old_partials()
                while not stop() and (files := sorted((f.name, _size_of(f)) for f in self._files(ENTRY))):
                    for names in _together(files, at_once):
                        if stop():
                            break
                        handled += self._handle([self.folder / name for name in names], handle)
                    _sync_folder(self.folder)
        return handled

    def _handle(self, paths: Sequence[Path], handle: Callable[[Sequence[Spooled]], None]) -> int:
        entries = {path: entry for path in paths if (entry := self._read(path)) is not None}
        if not entries:
            return 0
        try:
            handle(list(entries.values()))
        except OneByOne:
            return sum(self._handle([path], handle) for path in entries)
        except BadRequest as refused:
            if len(entries) > 1:
                return sum(self._handle([path], handle) for path in entries)
            self._put_aside(next(iter(entries)), refused.code)
            return 0
        try:
            for path in entries:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable("the local spool cannot be cleared") from error
        return len(entries)

    def _read(self, path: Path) -> Spooled | None:
        """The entry; None when it is gone, or was set aside because it is not one of ours or not whole."""
        try:
            regular = stat.S_ISREG(path.lstat().st_mode)
            entry = decode(path.stem, path.read_bytes()) if regular else None
        except FileNotFoundError:
            return None
        except OSError as error:
            # Of one file only; whatever else goes wrong (too many open files) concerns all of them.
            if error.errno not in {errno.EACCES, errno.EPERM, errno.EIO}:
                raise Unavailable("the local spool cannot be read") from error
            entry = None
        if entry is None:
            self._put_aside(path, "torn or foreign")
        return entry

    def _put_aside(self, path: Path, reason: str) -> None:
        log.error("spool entry set aside", receipt=path.stem, reason=reason)
        try:
            path.rename(path.with_suffix(BAD))
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unavailable("the local spool cannot be cleared") from error

    def _write(self, receipt: str, content: bytes) -> None:
        partial, entry = self.folder / (receipt + PARTIAL), self.folder / (receipt + ENTRY)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.rename(entry)
            _sync_folder(self.folder)
        except OSError:
            # No receipt is given, so nothing may stay that would be delivered later.
            partial.unlink(missing_ok=True)
            entry.unlink(missing_ok=True)
            raise

    def _open(self) -> None:
        if self.folder.is_dir():
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self.folder.parent)

    def _next_stamp(self) -> int:
        """Nanoseconds since 1970, always greater than any stamp this process gave or found at its first entry:
        a clock that is set back must not change the order."""
        with self._lock:
            if not self._last_stamp:
                self._last_stamp = max((_stamp_of(file.name) for file in self._files(ENTRY)), default=0)
            self._last_stamp = max(time.time_ns(), self._last_stamp + 1)
            return self._last_stamp

    def _reserve(self, wanted: int) -> None:
        """Counting is O(entries), so this process counts now and then and adds up its own entries between."""
        with self._lock:
            full = self._estimate is None or self._estimate + wanted > self.max_bytes
            stale = self._added_since_count > self.max_bytes // _RECOUNT_SHARE
            rested = time.monotonic() - self._counted_at >= _RECOUNT_WHEN_FULL_AFTER
            if self._estimate is None or stale or (full and rested):
                self._estimate, self._added_since_count = self.size(), 0
                self._counted_at = time.monotonic()
            if self._estimate + wanted > self.max_bytes:
                raise SpoolFull("the local spool is full", retry_after=30)
            self._estimate += wanted
            self._added_since_count += wanted

    def _files(self, suffix: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as files:
                yield from (file for file in files if file.name.endswith(suffix))
        except FileNotFoundError:
            return

    def _drop_old_partials(self) -> None:
        """What a killed writer left: nobody holds a receipt for it."""
        oldest = time.time() - _PARTIAL_KEPT_FOR
        for file in list(self._files(PARTIAL)):
            try:
                if file.stat().st_mtime < oldest:
                    Path(file.path).unlink(missing_ok=True)
            except FileNotFoundError:
                continue

    @contextmanager
    def _only_one(self) -> Iterator[bool]:
        """Whether the drain lock is ours. The kernel gives it back when its holder dies."""
        try:
            descriptor = os.open(self.folder / "drain.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable("the local spool cannot be drained") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        try:
            yield True
        finally:
            os.close(descriptor)


def _together(files: Sequence[tuple[str, int]], at_once: int) -> Iterator[list[str]]:
    """Names of files, given with their sizes, in groups that are few and small enough to handle at once."""
    group: list[str] = []
    size = 0
    for name, length in files:
        if group and (len(group) == at_once or size + length > _TOGETHER_BYTES):
            yield group
            group, size = [], 0
        group.append(name)
        size += length
    if group:
        yield group


def _stamp_of(name: str) -> int:
    digits = name.split("-")[1] if name.startswith("spool1-") and name.count("-") >= 2 else ""
    return int(digits) if digits.isdecimal() else 0


def _size_of(file: os.DirEntry[str]) -> int:
    try:
        return file.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
