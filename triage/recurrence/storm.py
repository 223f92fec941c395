"""Different problems at the same time on connected services: one event, with the incident that it began with.

Nothing is merged: each incident stays one of its own, with its own decision. What is said is that they belong
together, so that a storm is read, and can be told of, as one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from triage.domain.catalogue import fold
from triage.domain.recurrence import Storm
from triage.domain.storm import NEAR_IN_TIME, Burning

STORM_AT_MOST = timedelta(hours=1)
"""From its first incident; what begins later is an event of its own, though the first should still burn."""

SIZE_AT_MOST = 100
"""More than anybody reads as one; what comes then begins a storm of its own."""


def find_storm(
    burning: Sequence[Burning],
    connected: Mapping[str, str],
    environment: str | None,
    pattern_id: str | None,
    now: datetime,
) -> Storm | None:
    """The storm that an incident opened at ``now`` belongs to: the oldest that has an incident near in time, on
    one of the ``connected`` services (with why they are) and in the same environment, and that may still grow.

    An incident of the same pattern is that problem once more, and no sign of a storm.
    """
    where = fold(environment or "")
    near = [
        one
        for one in burning
        if one.service in connected
        and fold(one.environment or "") == where
        and one.pattern_id != pattern_id
        and now - one.opened_at <= NEAR_IN_TIME
        and now - one.root_opened_at <= STORM_AT_MOST
        and one.size < SIZE_AT_MOST
    ]
    if not near:
        return None
    oldest = min(near, key=lambda one: (one.root_opened_at, one.root, one.opened_at, one.incident_id))
    size = 1 + max(one.size for one in burning if one.root == oldest.root)
    return Storm(parent=oldest.root, because=f"{oldest.service}: {connected[oldest.service]}", size=size)
