"""What every test of the engine may use."""

import pytest

from tests.engine.fixtures import Running
from tests.fixtures_store import Clock, Desk


@pytest.fixture
def running(desk: Desk, clock: Clock) -> Running:
    return Running(desk, clock)
