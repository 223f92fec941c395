"""What a receipt is worth: nothing acknowledged is lost, doubled out of turn, or stopped by a bad neighbour."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from triage.errors import InvalidIncident, SpoolFull, StoreUnavailable, Unavailable
from triage.store.spool import Spool, Spooled

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

WRITER = """
import sys, pathlib
from datetime import datetime, UTC
from triage.store.spool import Spool
spool, name, count = Spool(pathlib.Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(count):
    body = f"{name} {number} ".encode() + b"x" * 20_000
    print(spool.append("native", body, headers={}, principal=name, received_at=datetime.now(UTC)), flush=True)
"""


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def put(spool: Spool, body: bytes, **changes: object) -> str:
    values: dict[str, object] = {"headers": {}, "principal": "source:prometheus", "received_at": NOON}
    return spool.append("alertmanager", body, **(values | changes))  # type: ignore[arg-type]


def take_all(spool: Spool) -> list[Spooled]:
    taken: list[Spooled] = []
    spool.drain(taken.extend)
    return taken


def start_writer(folder: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def failing_with(number: int) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_nothing_is_created_before_the_first_entry(spool: Spool) -> None:
    assert (spool.pending(), spool.size(), spool.set_aside(), spool.drain(lambda _: None)) == (0, 0, 0, 0)
    assert not spool.folder.exists()


def test_an_entry_comes_back_as_it_went_in(spool: Spool) -> None:
    body = b'\x00\xff\n{"a": 1}\n\n'
    local = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    receipt = put(spool, body, headers={"Content-Type": "application/json", "CE-Id": "7"}, received_at=local)
    assert spool.pending() == 1
    assert spool.size() > len(body)
    assert take_all(spool) == [
        Spooled(
            receipt=receipt,
            source="alertmanager",
            received_at=NOON,
            headers={"content-type": "application/json", "ce-id": "7"},
            body=body,
            principal="source:prometheus",
        )
    ]
    assert (spool.pending(), spool.size()) == (0, 0)


def test_no_credential_reaches_the_disk(spool: Spool) -> None:
    secrets = {"Authorization": "Bearer hush", "X-Api-Key": "hush", "Cookie": "s=hush", "X-Odd": "hush"}
    put(spool, b"body", headers=secrets)
    assert all(b"hush" not in file.read_bytes() for file in spool.folder.iterdir())
    assert take_all(spool)[0].headers == {}


def test_only_its_owner_can_read_it(spool: Spool) -> None:
    put(spool, b"body")
    assert spool.folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in spool.folder.iterdir()} == {0o600}


def test_entries_are_drained_in_order_of_arrival(spool: Spool) -> None:
    receipts = [put(spool, str(number).encode()) for number in range(50)]
    taken = take_all(spool)
    assert [entry.body for entry in taken] == [str(number).encode() for number in range(50)]
    assert [entry.receipt for entry in taken] == receipts == sorted(set(receipts))


def test_a_clock_set_back_does_not_change_the_order(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    first = put(spool, b"first")
    monkeypatch.setattr("triage.store.spool.time.time_ns", lambda: 1)
    again = Spool(spool.folder)
    assert first < put(spool, b"same process") < put(again, b"after a restart")


def test_what_arrives_during_a_drain_is_drained_too(spool: Spool) -> None:
    put(spool, b"first")
    seen: list[bytes] = []

    def handle(entries: Sequence[Spooled]) -> None:
        if not seen:
            put(spool, b"second")
        seen.extend(entry.body for entry in entries)

    assert spool.drain(handle) == 2
    assert seen == [b"first", b"second"]


def test_a_failing_handler_leaves_the_entry_first(spool: Spool) -> None:
    receipts = [put(spool, body) for body in (b"one", b"two", b"three")]

    def handle(entries: Sequence[Spooled]) -> None:
        if entries[0].body == b"two":
            raise StoreUnavailable("the database is away")

    with pytest.raises(StoreUnavailable):
        spool.drain(handle)
    assert [entry.receipt for entry in take_all(spool)] == receipts[1:]


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_payload_that_can_never_be_accepted_is_set_aside_and_costs_the_others_nothing(
    spool: Spool, at_once: int
) -> None:
    for body in (b"one", b"bad", b"two"):
        put(spool, body)
    taken: list[bytes] = []

    def handle(entries: Sequence[Spooled]) -> None:
        if any(entry.body == b"bad" for entry in entries):
            raise InvalidIncident("title: required")
        taken.extend(entry.body for entry in entries)

    assert spool.drain(handle, at_once=at_once) == 2
    assert taken == [b"one", b"two"]
    assert (spool.pending(), spool.set_aside()) == (0, 1)


def test_entries_are_handed_over_together_within_bounds(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in (b"1", b"2", b"3", b"4" * 5_000, b"5"):
        put(spool, body)
    monkeypatch.setattr("triage.store.spool._TOGETHER_BYTES", 2_000)
    taken: list[bytes] = []
    assert spool.drain(lambda entries: taken.append(b"".join(e.body[:1] for e in entries)), at_once=2) == 5
    assert taken == [b"12", b"3", b"4", b"5"]


def test_a_drain_that_is_told_to_stop_leaves_the_rest_in_order(spool: Spool) -> None:
    for body in (b"one", b"two", b"three"):
        put(spool, body)
    taken: list[Spooled] = []
    assert spool.drain(taken.extend, stop=lambda: bool(taken)) == 1
    assert [entry.body for entry in take_all(spool)] == [b"two", b"three"]


def test_a_transaction_in_doubt_is_noted(spool: Spool) -> None:
    put(spool, b"body", in_doubt="4711")
    assert take_all(spool)[0].in_doubt == "4711"


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped", "foreign", "folder", "dangling", "lost"])
def test_a_damaged_entry_never_stops_the_rest(spool: Spool, damage: str) -> None:
    put(spool, b"before")
    victim = spool.folder / (put(spool, b"payload " * 100) + ".entry")
    put(spool, b"after")
    whole = victim.read_bytes()
    contents = {
        "truncated": whole[:-1],
        "empty": b"",
        "flipped": whole[:-5] + b"#" + whole[-4:],
        "foreign": b"{}\n",
    }
    if damage in contents:
        victim.write_bytes(contents[damage])
    else:
        victim.unlink()
    if damage == "folder":
        victim.mkdir()
    elif damage == "dangling":
        victim.symlink_to("nowhere")
    assert [entry.body for entry in take_all(spool)] == [b"before", b"after"]
    assert (spool.pending(), spool.set_aside()) == (0, 0 if damage == "lost" else 1)


def test_files_that_are_not_entries_are_left_alone(spool: Spool) -> None:
    put(spool, b"body")
    stranger = spool.folder / "README"
    stranger.write_text("not ours")
    assert len(take_all(spool)) == 1
    assert stranger.exists()
    assert spool.set_aside() == 0


def test_what_a_killed_writer_left_unfinished_is_dropped_after_an_hour(spool: Spool) -> None:
    put(spool, b"body")
    old, young = spool.folder / "spool1-1-aa.partial", spool.folder / "spool1-2-bb.partial"
    for file in (old, young):
        file.write_bytes(b"tor")
    os.utime(old, (1, 1))
    assert len(take_all(spool)) == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_a_full_spool_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    small = Spool(tmp_path / "spool", max_bytes=4_000)
    kept = [put(small, b"x" * 1_000) for _ in range(3)]
    with pytest.raises(SpoolFull) as refused:
        put(small, b"x" * 1_000)
    assert refused.value.retry_after > 0
    assert [entry.receipt for entry in take_all(small)] == kept


def test_a_drained_spool_has_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Spool(tmp_path / "spool", max_bytes=4_000)
    for _ in range(3):
        put(small, b"x" * 1_000)
    take_all(small)
    monkeypatch.setattr("triage.store.spool._RECOUNT_WHEN_FULL_AFTER", 0.0)
    assert put(small, b"x" * 1_000)


def test_the_limit_counts_the_entries_of_other_processes(tmp_path: Path) -> None:
    first, second = (Spool(tmp_path / "spool", max_bytes=20_000) for _ in range(2))

    def fill() -> None:
        for _ in range(100):
            put(first, b"x" * 800)
            put(second, b"x" * 800)

    with pytest.raises(SpoolFull):
        fill()
    assert 16_000 < first.size() <= 20_000 + 20_000 // 16 + 2_000


@pytest.mark.parametrize("failing", ["fsync", "open"])
def test_a_full_disk_is_refused_without_a_trace(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    put(spool, b"kept")
    with monkeypatch.context() as broken:
        broken.setattr(f"triage.store.spool.os.{failing}", failing_with(errno.ENOSPC))
        with pytest.raises(SpoolFull, match="ENOSPC"):
            put(spool, b"refused")
    assert [entry.body for entry in take_all(spool)] == [b"kept"]
    assert not list(spool.folder.glob("*.partial"))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SpoolFull) as refused:
        put(Spool(tmp_path / "file" / "spool"), b"body")
    assert str(tmp_path) not in str(refused.value)


def test_an_entry_stays_when_it_cannot_be_read_for_want_of_files(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(spool, b"body")
    with monkeypatch.context() as broken:
        broken.setattr("pathlib.Path.read_bytes", failing_with(errno.EMFILE))
        with pytest.raises(Unavailable):
            take_all(spool)
    assert len(take_all(spool)) == 1


def test_only_one_drains_at_a_time(spool: Spool) -> None:
    put(spool, b"body")
    other_result: list[int] = []

    def handle(_: Sequence[Spooled]) -> None:
        other = threading.Thread(target=lambda: other_result.append(Spool(spool.folder).drain(lambda _: None)))
        other.start()
        other.join()

    assert spool.drain(handle) == 1
    assert other_result == [0]


def test_threads_share_one_spool(spool: Spool) -> None:
    def write(name: int) -> None:
        for number in range(20):
            put(spool, f"{name} {number}".encode())

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = [entry.body.decode().split() for entry in take_all(spool)]
    assert len(bodies) == 80
    for name in range(4):
        assert [int(number) for who, number in bodies if who == str(name)] == list(range(20))


def test_a_killed_writer_loses_nothing_it_gave_a_receipt_for(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    receipts: list[str] = []
    for round_ in range(4):
        writer = start_writer(folder, f"writer{round_}", 1_000_000)
        assert writer.stdout is not None
        receipts += [writer.stdout.readline().strip() for _ in range(3 + 5 * round_)]
        writer.send_signal(signal.SIGKILL)
        receipts += [line.strip() for line in writer.stdout if line.endswith("\n")]
        writer.wait()
        writer.stdout.close()
    taken = take_all(Spool(folder))
    delivered = [entry.receipt for entry in taken]
    assert [receipt for receipt in delivered if receipt in set(receipts)] == receipts
    assert len(delivered) - len(receipts) <= 4, "at most the one entry each was writing when it was killed"
    assert Spool(folder).set_aside() == 0


def test_processes_write_together_and_each_keeps_its_order(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    writers = [start_writer(folder, f"writer{number}", 40) for number in range(3)]
    outputs = [writer.communicate()[0].split() for writer in writers]
    taken = take_all(Spool(folder))
    assert sorted(entry.receipt for entry in taken) == [entry.receipt for entry in taken]
    for number, receipts in enumerate(outputs):
        mine = [entry for entry in taken if entry.principal == f"writer{number}"]
        assert [entry.receipt for entry in mine] == receipts
        assert [int(entry.body.split()[1]) for entry in mine] == list(range(40))
