"""Requests in flight together become one batch, and fail only by themselves."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from triage.errors import Conflict, StoreUnavailable, TriageError
from triage.serving.gathering import Gatherer


class Work:
    """Adds one to each job, once it may: a job of 13 is an error of its own, 66 breaks whatever batch it is in."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self, jobs: Sequence[int]) -> list[int | TriageError]:
        self.may_go.wait(10)
        self.batches.append(list(jobs))
        if 66 in jobs:
            raise ArithmeticError("broken")
        if 503 in jobs:
            raise StoreUnavailable("away")
        return [Conflict("unlucky") if job == 13 else job + 1 for job in jobs]


async def together(work: Work, *jobs: int, capacity: int = 128, weight: int = 1) -> list[int | BaseException]:
    """What becomes of jobs that arrive while the only runner is busy with job 0."""
    gatherer: Gatherer[int, int] = Gatherer(work, weigh=lambda _: weight, capacity=capacity, runners=1)
    work.may_go.clear()
    first = asyncio.create_task(gatherer.submit(0))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(gatherer.submit(job)) for job in jobs]
    await asyncio.sleep(0)
    work.may_go.set()
    results = await asyncio.gather(first, *waiting, return_exceptions=True)
    gatherer.close()
    return results[1:]


@pytest.fixture
def work() -> Work:
    return Work()


def test_what_waits_goes_together_and_each_gets_its_own_result(work: Work) -> None:
    assert asyncio.run(together(work, 1, 2, 3)) == [2, 3, 4]
    assert work.batches == [[0], [1, 2, 3]]


def test_a_batch_is_no_heavier_than_its_capacity(work: Work) -> None:
    assert asyncio.run(together(work, 1, 2, 3, capacity=8, weight=4)) == [2, 3, 4]
    assert work.batches == [[0], [1, 2], [3]]


def test_a_job_heavier_than_the_capacity_runs_alone(work: Work) -> None:
    assert asyncio.run(together(work, 1, 2, capacity=8, weight=9)) == [2, 3]
    assert work.batches == [[0], [1], [2]]


def test_a_job_with_an_error_of_its_own_costs_the_others_nothing(work: Work) -> None:
    first, unlucky, last = asyncio.run(together(work, 1, 13, 2))
    assert (first, last) == (2, 3)
    assert isinstance(unlucky, Conflict)
    assert work.batches == [[0], [1, 13, 2]]


def test_a_job_that_breaks_its_batch_fails_alone(work: Work) -> None:
    first, broken, last = asyncio.run(together(work, 1, 66, 2))
    assert (first, last) == (2, 3)
    assert isinstance(broken, ArithmeticError)
    assert work.batches == [[0], [1, 66, 2], [1], [66], [2]]


def test_what_is_unavailable_to_one_is_to_all_and_not_tried_again(work: Work) -> None:
    results = asyncio.run(together(work, 1, 503, 2))
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert work.batches == [[0], [1, 503, 2]]


def test_a_caller_that_goes_away_harms_nobody(work: Work) -> None:
    async def one_gives_up() -> list[int | BaseException]:
        gatherer: Gatherer[int, int] = Gatherer(work, weigh=lambda _: 1, runners=1)
        work.may_go.clear()
        tasks = [asyncio.create_task(gatherer.submit(job)) for job in (0, 1, 2, 3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.sleep(0)
        work.may_go.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert await gatherer.submit(7) == 8
        gatherer.close()
        return results

    gone, first, given_up, last = asyncio.run(one_gives_up())
    assert (first, last) == (2, 4)
    assert isinstance(gone, asyncio.CancelledError)
    assert isinstance(given_up, asyncio.CancelledError)
    assert work.batches == [[0], [1, 3], [7]]


def test_work_that_answers_too_little_leaves_nobody_waiting() -> None:
    def forgetful(jobs: Sequence[int]) -> list[int]:
        return []

    async def ask() -> None:
        gatherer: Gatherer[int, int] = Gatherer(forgetful, weigh=lambda _: 1)
        with pytest.raises(ValueError, match="shorter"):
            await asyncio.wait_for(gatherer.submit(1), 10)
        gatherer.close()

    asyncio.run(ask())
