"""What every test of telling may use."""

import pytest

from tests.fixtures_receivers import Hook
from tests.fixtures_store import POLICY, Clock, Desk
from tests.telling.fixtures import Telling, told_by
from triage.rules.configuration import configuration_from_texts
from triage.store.database import Database

CALLED_TWICE = POLICY.replace("- {targets: [owner]}", "- {targets: [owner], repeat: 1}")


@pytest.fixture
def telling(database: Database, clock: Clock, hook: Hook, spare: Hook) -> Telling:
    configuration = configuration_from_texts(told_by(hook, spare), CALLED_TWICE)
    return Telling(Desk(database, configuration, clock), clock)
