"""A command in a process of its own, and what that process cost."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from bench.servers import REPOSITORY

_SHOWN = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """``cpu_seconds`` of all cores together: what it costs whatever else the machine does. ``peak_mib``: the most
    memory that was resident at once."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def run_measured(module: str, arguments: Sequence[str]) -> tuple[str, Spent]:
    """Standard output of ``python -m module`` run in the checkout, and its cost.

    Raises SystemExit with the end of what it wrote where it fails.
    """
    with TemporaryFile() as output, TemporaryFile() as errors, NamedTemporaryFile() as peak:
        starts_at = time.perf_counter()
        command = [sys.executable, "-m", "bench.peak", peak.name, module, *arguments]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=errors)
        # wait4 tells the time of this very child; getrusage only of all children so far.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - starts_at
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        written = output.read().decode(errors="replace")
        if process.returncode:
            errors.seek(0)
            end = errors.read().decode(errors="replace")[-_SHOWN:]
            raise SystemExit(f"python -m {module} {arguments[0]} failed:\n{written[-_SHOWN:]}{end}")
        held = int(Path(peak.name).read_text("ascii"))
    return written, Spent(seconds=seconds, cpu_seconds=usage.ru_utime + usage.ru_stime, peak_mib=held / 2**20)
