"""``python -m bench.peak FILE MODULE …`` runs a module, and writes the most memory that it held into a file.

A process that was started by a large one inherits that one's peak in what ``wait4`` reports, so it must tell its
own.
"""

import resource
import runpy
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Of this process since it began to run this program; where only the kernel's figure is to be had, that
    one."""
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1_024
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    _, told, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        Path(told).write_text(str(peak_bytes()), "ascii")


if __name__ == "__main__":
    main()
