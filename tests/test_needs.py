"""A missing system package is a reason to skip, except where everything is required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import pytest

@pytest.mark.needs("no-such-package")
def test_lacking(): pass

@pytest.mark.needs("sh")
def test_having(): pass
"""


@pytest.mark.parametrize(("require_all", "outcome"), [("0", "1 passed, 1 skipped"), ("1", "1 passed, 1 error")])
def test_a_missing_package_skips_or_fails(tmp_path: Path, require_all: str, outcome: str) -> None:
    (tmp_path / "test_it.py").write_text(PROGRAM)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = needs(package)\n")
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "tests.needs", "-p", "no:cacheprovider", str(tmp_path)]
    environment = {**os.environ, "REQUIRE_ALL": require_all, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert outcome in done.stdout
    assert "needs the system package no-such-package" in done.stdout
