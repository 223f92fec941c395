"""``python -m bench.backtest --data FOLDER``: a history of 19,636 real incidents through two policies.

The history (UCI, incident management process of an IT company, ServiceNow) names groups and no people. So each
group gets a rotation of three and a lead, who are named after it; all else about the incidents is as it was.
"""

import time
from pathlib import Path

import click

from triage.api.backtests import pasts_of_rows
from triage.history.rows import HistoryRow, read_history
from triage.rehearsal.backtest import Answering, backtest
from triage.rehearsal.comparison import compare, draw_comparison
from triage.rules.configuration import configuration_from_texts

HISTORY = "servicenow_history.jsonl.gz"


def catalogue_text(rows: list[HistoryRow]) -> str:
    """Every group of the history as a team."""
    groups = sorted({row.team for row in rows if row.team})
    ids = {group: group.lower().replace(" ", "-") for group in groups}
    mail = "contacts: [{channel: email, address: someone@groups.example}]"
    people = "".join(
        f"  {name}-{n}: {{name: {group} {'lead' if n == 4 else f'person {n}'}, {mail}}}\n"
        for group, name in ids.items()
        for n in (1, 2, 3, 4)
    )
    turns = {name: f"participants: [{name}-1, {name}-2, {name}-3], starts_on: 2016-01-04" for name in ids.values()}
    schedules = "".join(f"  {name}: {{timezone: Europe/Berlin, {turn}}}\n" for name, turn in turns.items())
    teams = "".join(
        f"  {name}: {{name: {group}, schedule: {name}, responders: [{name}-1, {name}-2, {name}-3],"
        f" lead: 'person:{name}-4', parent: desk}}\n"
        for group, name in ids.items()
    )
    return f"""\
organisation: The groups of a history
timezone: Europe/Berlin
triage_desk: desk
holiday_calendars: [DE-BE]
people:
  desk-1: {{name: Desk, contacts: [{{channel: email, address: desk@groups.example}}]}}
{people}schedules:
{schedules}teams:
  desk: {{name: Desk, responders: [desk-1]}}
{teams}priorities:
  P1: {{label: 1 - Critical}}
  P2: {{label: 2 - High}}
  P3: {{label: 3 - Moderate}}
  P4: {{label: 4 - Low}}
slas:
  - {{priority: P1, acknowledge_within: 15m, resolve_within: 4h}}
  - {{priority: P2, acknowledge_within: 30m, resolve_within: 8h}}
  - {{priority: P3, acknowledge_within: 4h, resolve_within: 5d}}
"""


def _rule(rule_id: str, then: str, when: str | None = None) -> str:
    condition = f', when: "{when}"' if when else ""
    return f"  - {{id: {rule_id}, owner: desk, review_after: 2030-01-01{condition}, then: {then}}}\n"


def _policy(policy_id: str, *steps: str, mode: str = "notify") -> str:
    written = "".join(f"      - {step}\n" for step in steps)
    head = f"  {policy_id}:\n    owner: desk\n    review_after: 2030-01-01\n    mode: {mode}\n"
    return f"{head}    kinds: [time, hierarchical]\n    steps:\n{written}"


_URGENT = _rule("urgent", "{policy: urgent}", "priority in ['P1', 'P2']")
_LADDERS = "policies:\n" + _policy(
    "urgent",
    "{targets: [owner], acknowledge_within: 15m, repeat: 1}",
    "{targets: [owner.lead], acknowledge_within: 15m, repeat: 1}",
)
TODAY = (
    "rules:\n"
    + _URGENT
    + _rule("rest", "{policy: standard}")
    + _LADDERS
    + _policy(
        "standard", "{targets: [owner], acknowledge_within: 2h}", "{targets: [owner.lead], acknowledge_within: 4h}"
    )
)
"""Whoever is on call is paged for everything, whatever the hour."""
PROPOSED = (
    "rules:\n"
    + _URGENT
    + _rule("again", "{policy: to-lead}", "recurrence.occurrences_24h >= 10")
    + _rule("can-wait", "{policy: morning}", "!time.business_hours")
    + _rule("rest", "{policy: standard}")
    + _LADDERS
    + _policy(
        "standard", "{targets: [owner], acknowledge_within: 2h}", "{targets: [owner.lead], acknowledge_within: 4h}"
    )
    + _policy("to-lead", "{targets: [owner.lead], acknowledge_within: 2h}")
    + _policy("morning", "{targets: [owner], acknowledge_within: 15h}", mode="observe")
)
"""What is not urgent waits for working hours, and what comes for the tenth time in a day goes to the lead."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False, exists=True), required=True)
@click.option("--people", type=click.IntRange(1), default=8, show_default=True)
def main(data: Path, people: int) -> None:
    """Run the history through today's policy and a changed one; tell who is woken more, and who less."""
    started = time.perf_counter()
    rows = read_history(data / HISTORY).rows
    today = configuration_from_texts(catalogue_text(rows), TODAY)
    changed = configuration_from_texts(catalogue_text(rows), PROPOSED)
    pasts = list(pasts_of_rows(rows, today.catalogue))
    ready = time.perf_counter()
    before = backtest(today.rulebook, pasts, Answering())
    between = time.perf_counter()
    after = backtest(changed.rulebook, pasts, Answering())
    ended = time.perf_counter()
    click.echo(draw_comparison(compare(before, after), changed.catalogue, people))
    click.echo(
        f"\n{len(pasts)} incidents: read in {ready - started:.1f} s, today's policy {between - ready:.1f} s,"
        f" the changed one {ended - between:.1f} s, altogether {ended - started:.1f} s"
    )


if __name__ == "__main__":
    main()
