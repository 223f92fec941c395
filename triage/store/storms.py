"""Open incidents that a new one may belong with."""

from collections.abc import Sequence
from datetime import datetime

from triage.domain.storm import NEAR_IN_TIME, Burning
from triage.store.database import Db

READ_AT_MOST = 200
"""The oldest are enough: a storm is named after the first of its incidents."""


def find_burning(db: Db, services: Sequence[str], now: datetime) -> list[Burning]:
    """Open incidents on these services that were opened a short while ago, oldest first."""
    rows = db.execute(_BURNING, (list(services), now - NEAR_IN_TIME, READ_AT_MOST)).fetchall()
    return [
        Burning(
            incident_id=str(row["id"]),
            pattern_id=str(row["pattern_id"]),
            service=row["service"],
            environment=row["environment"],
            opened_at=row["opened_at"],
            root=str(row["root"]),
            root_opened_at=row["root_opened_at"],
            size=row["size"],
        )
        for row in rows
    ]


_BURNING = """
SELECT i.id, p.root AS pattern_id, i.service, i.environment, i.opened_at, first.id AS root,
    first.opened_at AS root_opened_at,
    1 + (SELECT count(*) FROM incident AS child WHERE child.parent_id = first.id) AS size
FROM incident AS i
JOIN pattern AS p ON p.id = i.pattern_id
JOIN incident AS first ON first.id = coalesce(i.parent_id, i.id)
WHERE i.state <> 'resolved' AND i.service = ANY(%s) AND i.opened_at >= %s
ORDER BY i.opened_at, i.id LIMIT %s
"""
