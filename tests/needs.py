"""The marker ``needs(package)``: what a test does on a machine that lacks a system package.

The test is skipped with a reason that names the package; with ``REQUIRE_ALL=1`` it fails for that reason. The
packages are Debian's, each named like the program it brings.
"""

import os
import shutil

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        package: str = marker.args[0]
        if shutil.which(package):
            continue
        reason = f"needs the system package {package}"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
