"""Requests in flight together become one batch.

A job that finds a free runner starts at once; jobs that arrive while all runners are busy wait and go
together. So a lone request is never delayed, and under load the batch grows by itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from triage.errors import Busy, TriageError, Unavailable

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting(Generic[Job, Result]):
    """``alone``: it was in a batch that failed, so it is tried without company."""

    job: Job
    future: asyncio.Future[Result]
    alone: bool = False


class Gatherer(Generic[Job, Result]):
    """``work`` takes a batch of jobs and gives one result, or one error, per job. It runs in ``runners`` threads.

    What ``work`` raises must have left nothing done: unless it is Unavailable, which concerns all, the jobs of a
    failed batch are then done one by one, so that a job fails only by itself. ``weigh`` says how much of
    ``capacity`` a job takes; a job heavier than that runs alone. What waits weighs no
    more than ``most_waiting``, or is one job of any weight.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Job]], Sequence[Result | TriageError]],
        *,
        weigh: Callable[[Job], int],
        capacity: int = 128,
        most_waiting: int = 5_000,
        runners: int = 2,
        name: str = "batch",
    ) -> None:
        self._work = work
        self._weigh = weigh
        self._capacity = capacity
        self._most_waiting = most_waiting
        self._runners = runners
        self._busy = 0
        self._waiting: deque[_Waiting[Job, Result]] = deque()
        self._weight = 0
        self._pool = ThreadPoolExecutor(runners, thread_name_prefix=name)

    async def submit(self, job: Job) -> Result:
        """The job's result. Raises its error, what the batch as a whole failed with, or Busy when much waits."""
        weight = self._weigh(job)
        if self._waiting and self._weight + weight > self._most_waiting:
            raise Busy("more waits to be carried out than this service can soon do", retry_after=1)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(job=job, future=future))
        self._weight += weight
        self._start()
        return await future

    def _start(self) -> None:
        while self._busy < self._runners and (batch := self._take()):
            self._busy += 1
            running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, [one.job for one in batch])
            running.add_done_callback(lambda done, batch=batch: self._finish(batch, done))  # type: ignore[misc]

    def _take(self) -> list[_Waiting[Job, Result]]:
        """The next batch, without those whose caller has gone."""
        batch: list[_Waiting[Job, Result]] = []
        room = self._capacity
        while self._waiting:
            one = self._waiting[0]
            weight = self._weigh(one.job)
            if batch and (weight > room or one.alone or batch[0].alone):
                break
            self._waiting.popleft()
            self._weight -= weight
            if not one.future.cancelled():
                room -= weight
                batch.append(one)
        return batch

    def _run(self, jobs: Sequence[Job]) -> list[Result | TriageError]:
        return [result for _, result in zip(jobs, self._work(jobs), strict=True)]

    def _finish(
        self,
        batch: Sequence[_Waiting[Job, Result]],
        done: asyncio.Future[list[Result | TriageError]],
    ) -> None:
        self._busy -= 1
        error = done.exception()
        if error is None:
            for one, result in zip(batch, done.result(), strict=True):
                _settle(one.future, result)
        elif len(batch) > 1 and not isinstance(error, Unavailable):
            self._waiting.extendleft(replace(one, alone=True) for one in reversed(batch))
            self._weight += sum(self._weigh(one.job) for one in batch)
        else:
            for one in batch:
                _settle(one.future, error)
        self._start()

    def close(self) -> None:
        """Finish what is running and take nothing more."""
        self._pool.shutdown(wait=True)


def _settle(future: asyncio.Future[Result], result: Result | BaseException) -> None:
    """A future whose caller has gone needs no result."""
    if future.cancelled():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
