"""Requests in flight together are one batch; a lone one waits for nobody."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from triage.errors import Busy, Conflict, StoreUnavailable, TriageError
from triage.serving.gathering import Gatherer


class Work:
    """Doubles numbers, as slowly as it is told, and remembers its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, jobs: Sequence[int]) -> list[int | TriageError]:
        self.batches.append(list(jobs))
        self.gate.wait(10)
        if any(job < -100 for job in jobs):
            raise StoreUnavailable("away")
        return [Conflict("negative") if job < 0 else job * 2 for job in jobs]


def gatherer(work: Work, *, capacity: int = 100) -> Gatherer[int, int]:
    return Gatherer(work, weigh=lambda job: 1 if job < 50 else job, capacity=capacity, runners=1)


async def test_a_lone_job_runs_at_once() -> None:
    work = Work()
    assert await gatherer(work).submit(3) == 6
    assert work.batches == [[3]]


async def test_jobs_that_arrive_while_the_runner_is_busy_go_together() -> None:
    work = Work()
    work.gate.clear()
    together = gatherer(work)
    jobs = [asyncio.create_task(together.submit(n)) for n in range(5)]
    await asyncio.sleep(0.05)
    work.gate.set()
    assert await asyncio.gather(*jobs) == [0, 2, 4, 6, 8]
    assert work.batches == [[0], [1, 2, 3, 4]]


async def test_each_job_has_its_own_error() -> None:
    work = Work()
    work.gate.clear()
    together = gatherer(work)
    jobs = [asyncio.create_task(together.submit(n)) for n in (1, -1, 2)]
    await asyncio.sleep(0.05)
    work.gate.set()
    first, second, third = await asyncio.gather(*jobs, return_exceptions=True)
    assert (first, third) == (2, 4)
    assert isinstance(second, Conflict)


async def test_what_a_batch_fails_with_reaches_each_of_its_jobs() -> None:
    together = gatherer(Work())
    with pytest.raises(StoreUnavailable):
        await together.submit(-101)
    assert await together.submit(1) == 2


async def test_a_heavy_job_does_not_share_its_batch() -> None:
    work = Work()
    work.gate.clear()
    together = gatherer(work)
    jobs = [asyncio.create_task(together.submit(n)) for n in (1, 60, 60, 2)]
    await asyncio.sleep(0.05)
    work.gate.set()
    await asyncio.gather(*jobs)
    assert work.batches == [[1], [60], [60, 2]]


async def test_a_caller_who_went_away_harms_nobody() -> None:
    work = Work()
    work.gate.clear()
    together = gatherer(work)
    gone, stays = asyncio.create_task(together.submit(1)), asyncio.create_task(together.submit(2))
    await asyncio.sleep(0.05)
    gone.cancel()
    work.gate.set()
    assert await stays == 4


async def test_what_would_wait_behind_too_much_is_refused_at_once() -> None:
    work = Work()
    work.gate.clear()
    together = Gatherer(work, weigh=lambda job: job, runners=1, most_waiting=10)
    running = asyncio.create_task(together.submit(7))
    waiting = [asyncio.create_task(together.submit(n)) for n in (4, 6)]
    await asyncio.sleep(0.05)
    with pytest.raises(Busy) as refused:
        await together.submit(1)
    assert refused.value.retry_after == 1
    work.gate.set()
    assert await asyncio.gather(running, *waiting) == [14, 8, 12]
    assert await together.submit(9) == 18


async def test_a_job_heavier_than_may_wait_is_taken_when_nothing_waits() -> None:
    work = Work()
    work.gate.clear()
    together = Gatherer(work, weigh=lambda job: job, runners=1, most_waiting=10)
    jobs = [asyncio.create_task(together.submit(n)) for n in (1, 50)]
    await asyncio.sleep(0.05)
    with pytest.raises(Busy):
        await together.submit(1)
    work.gate.set()
    assert await asyncio.gather(*jobs) == [2, 100]


async def test_jobs_whose_callers_went_away_leave_their_room_to_others() -> None:
    work = Work()
    work.gate.clear()
    together = Gatherer(work, weigh=lambda job: job, runners=1, most_waiting=10)
    running = asyncio.create_task(together.submit(1))
    for n in (4, 6):
        gone = asyncio.create_task(together.submit(n))
        await asyncio.sleep(0)
        gone.cancel()
    work.gate.set()
    await running
    assert await asyncio.gather(together.submit(1), together.submit(2), together.submit(8)) == [2, 4, 16]
