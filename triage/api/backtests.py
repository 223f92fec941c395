"""The histories that a policy is tried on: a file's rows."""

from collections.abc import Iterable, Iterator

from triage.domain.catalogue import Catalogue
from triage.history.rows import HistoryRow
from triage.rehearsal.backtest import Past
from triage.rehearsal.repeats import Repeats
from triage.rehearsal.virtual import Known


def pasts_of_rows(rows: Iterable[HistoryRow], catalogue: Catalogue) -> Iterator[Past]:
    """In the order of time. A row without a time is left out, for nobody knows whether it was night. What the
    history calls a priority or a team counts as reported, where the catalogue knows the word."""
    repeats = Repeats()
    timed = [(row.incident.occurred_at or row.incident.started_at, row) for row in rows]
    for at, row in sorted(
        ((at, row) for at, row in timed if at is not None), key=lambda pair: (pair[0], pair[1].id)
    ):
        team = catalogue.find_team(row.team)
        yield Past(
            id=row.id,
            incident=row.incident,
            opened_at=at,
            resolved_at=row.resolved_at,
            known=Known(
                recurrence=repeats.next(row.id, row.incident, at),
                priority=catalogue.find_priority(row.priority),
                team=team.id if team else None,
            ),
            joins=row.duplicate_of,
        )


def unknown_words(rows: Iterable[HistoryRow], catalogue: Catalogue) -> tuple[set[str], set[str]]:
    """The priorities and teams of a history that the catalogue has no word for."""
    priorities, teams = set(), set()
    for row in rows:
        if row.priority is not None and catalogue.find_priority(row.priority) is None:
            priorities.add(row.priority)
        if row.team is not None and catalogue.find_team(row.team) is None:
            teams.add(row.team)
    return priorities, teams
