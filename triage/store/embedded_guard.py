"""The process that starts an embedded database's server and stops it when the last service that used it is gone.

A service killed with -9 cannot stop anything; this small process can. It lives in a session of its own, imports
little, and needs no signal from anybody: the users' lock becomes free when the last user dies.

    python -m triage.store.embedded_guard FOLDER POSTGRES UID GID SECONDS

prints ``ready``, ``failed`` (the reason is in the server's log) or ``late``, and goes to the background.
``UID`` and ``GID`` are those of the server's account, or -1 to stay as we are.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from triage.store.embedded_locks import FileLock, open_owned
from triage.store.embedded_server import (
    DatabaseFolder,
    find_postmaster,
    is_alive,
    remove_outside_socket,
    status,
    stop_server,
)

LOG_BYTES = 4 * 1024 * 1024
"""The log is kept twice at most: the current one and the one before (``server.log.1``)."""
_STARTING_POLL_SECONDS = 0.01
_WATCH_POLL_SECONDS = 0.1
_PREDECESSOR_SECONDS = 10.0


def main(arguments: list[str]) -> int:
    folder, postgres = DatabaseFolder(Path(arguments[0])), Path(arguments[1])
    uid, gid, seconds = int(arguments[2]), int(arguments[3]), float(arguments[4])
    if os.fork():
        return 0  # the service waits for this parent only, and never has a child to reap
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _carry_on)
    guard_lock = FileLock(folder.guard_lock)
    if not guard_lock.acquire(timeout=_PREDECESSOR_SECONDS):
        os.write(2, b"FATAL:  another guard holds guard.lock and does not end\n")
        _report("failed")
        return 1
    server = None if find_postmaster(folder) else _start_server(folder, postgres, uid, gid)
    outcome = _wait_until_ready(folder, server, seconds)
    if outcome != "ready" and server is not None:
        stop_server(folder, patience=5.0)
        server.wait()
    _report(outcome)
    if outcome == "ready":
        _watch(folder, server)
    return 0


def _carry_on(number: int, frame: object) -> None:
    """Its users' end is the guard's end; a handler, for an ignored signal would be ignored by the server too."""


def _start_server(folder: DatabaseFolder, postgres: Path, uid: int, gid: int) -> subprocess.Popen[bytes] | None:
    """None when the server's lock cannot be had, that is, when another server is alive."""
    lock = FileLock(folder.server_lock)
    if not lock.acquire(timeout=1.0):
        return None
    log = open_owned(folder.log, os.O_WRONLY | os.O_APPEND)
    try:
        server = subprocess.Popen(  # noqa: S603  # our own binary and paths
            [
                postgres,
                *("-D", folder.cluster),
                *("-c", b"config_file=" + os.fsencode(folder.settings)),
                *("-c", b"hba_file=" + os.fsencode(folder.access_rules)),
                *("-c", b"ident_file=" + os.fsencode(folder.user_map)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.path,
            pass_fds=(lock.descriptor,),
            user=None if uid < 0 else uid,
            group=None if gid < 0 else gid,
            extra_groups=None if uid < 0 else [],
            start_new_session=True,
        )
        os.ftruncate(lock.descriptor, 0)
        os.pwrite(lock.descriptor, b"%d\n" % server.pid, 0)
    finally:
        os.close(log)
        lock.release()
    return server


def _wait_until_ready(folder: DatabaseFolder, server: subprocess.Popen[bytes] | None, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while not (status(folder) == "ready" and find_postmaster(folder)):
        if server is not None and server.poll() is not None:
            return "failed"
        if server is None and not is_alive(folder):
            return "failed"
        if time.monotonic() >= deadline:
            return "late"
        time.sleep(_STARTING_POLL_SECONDS)
    return "ready"


def _report(outcome: str) -> None:
    """Tell the service, if it is still there, and close the pipe. Standard error stays: it is the server's log."""
    with suppress(BrokenPipeError):  # the service was killed meanwhile; the users' lock says so too
        os.write(1, outcome.encode() + b"\n")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.close(nothing)


def _watch(folder: DatabaseFolder, server: subprocess.Popen[bytes] | None) -> None:
    with suppress(FileNotFoundError):
        _watch_users(folder, server)
    if server is not None:  # an adopted one notices by itself within a minute that its pid file is gone
        if not folder.server_lock.exists():
            server.send_signal(signal.SIGQUIT)  # the folder was deleted under it
        server.wait()


def _watch_users(folder: DatabaseFolder, server: subprocess.Popen[bytes] | None) -> None:
    users = FileLock(folder.users_lock)
    while is_alive(folder):
        if server is not None:
            server.poll()  # reaps a postmaster that was killed
        folder.users_lock.stat()  # raises when the folder was deleted; taking the lock would make it anew
        if users.acquire():
            stop_server(folder)
            remove_outside_socket(folder)
            users.release()
        else:
            rotate_log(folder.log)
            time.sleep(_WATCH_POLL_SECONDS)


def rotate_log(log: Path, limit: int = LOG_BYTES) -> None:
    """Copy a full log aside and empty it in place: the server goes on appending to the open file."""
    try:
        if log.stat().st_size < limit:
            return
        with (
            os.fdopen(open_owned(log, os.O_RDWR), "r+b") as current,
            os.fdopen(open_owned(log.with_name(f"{log.name}.1"), os.O_WRONLY | os.O_TRUNC), "wb") as before,
        ):
            shutil.copyfileobj(current, before)
            current.truncate(0)
    except OSError:
        return  # a full disk must not end the guard; the next round tries again


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
