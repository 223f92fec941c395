"""Requests in flight together become one batch.

A job that finds a free runner starts at once; jobs that arrive while all runners are busy wait and go
together. So a lone request is never delayed, and under load the batch grows by itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from triage.errors import TriageError

Job = TypeVar("Job")
Result = TypeVar("Result")


class Gatherer(Generic[Job, Result]):
    """``work`` takes a batch of jobs and gives one result, or one error, per job. It runs in ``runners`` threads.

    ``weigh`` says how much of ``capacity`` a job takes; a job heavier than that runs alone.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Job]], Sequence[Result | TriageError]],
        *,
        weigh: Callable[[Job], int],
        capacity: int = 128,
        runners: int = 2,
        name: str = "batch",
    ) -> None:
        self._work = work
        self._weigh = weigh
        self._capacity = capacity
        self._runners = runners
        self._busy = 0
        self._waiting: deque[tuple[Job, asyncio.Future[Result]]] = deque()
        self._pool = ThreadPoolExecutor(runners, thread_name_prefix=name)

    async def submit(self, job: Job) -> Result:
        """The job's result. Raises its error, or what the batch as a whole failed with."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        self._start()
        return await future

    def _start(self) -> None:
        while self._waiting and self._busy < self._runners:
            batch = self._take()
            self._busy += 1
            running = asyncio.get_running_loop().run_in_executor(self._pool, self._run, [job for job, _ in batch])
            running.add_done_callback(lambda done, batch=batch: self._finish(batch, done))  # type: ignore[misc]

    def _take(self) -> list[tuple[Job, asyncio.Future[Result]]]:
        batch = [self._waiting.popleft()]
        room = self._capacity - self._weigh(batch[0][0])
        while self._waiting and (weight := self._weigh(self._waiting[0][0])) <= room:
            room -= weight
            batch.append(self._waiting.popleft())
        return batch

    def _run(self, jobs: Sequence[Job]) -> Sequence[Result | TriageError]:
        return self._work(jobs)

    def _finish(
        self,
        batch: Sequence[tuple[Job, asyncio.Future[Result]]],
        done: "asyncio.Future[Sequence[Result | TriageError]]",
    ) -> None:
        self._busy -= 1
        error = done.exception()
        results: Sequence[Result | BaseException] = [error] * len(batch) if error is not None else done.result()
        for (_, future), result in zip(batch, results, strict=True):
            if future.cancelled():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._start()

    def close(self) -> None:
        """Finish what is running and take nothing more."""
        self._pool.shutdown(wait=True)
