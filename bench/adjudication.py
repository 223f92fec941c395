"""Merges that the memory made, drawn for a person to judge: ``python -m bench.adjudication``.

``draw`` sends three sets through the service's own heart, in the order of their time, and draws from the merges:
status reports of cloud providers, bug reports (histories that are not part of this repository), and an hour of
alerts of a real Prometheus and Alertmanager whose rules flap (``flapping.jsonl.gz``; ``bench.flapping`` made
it). A merge is an occurrence that was counted under the pattern of an earlier incident, by fingerprint or
template; what a source says by its own key is its own. ``show`` prints the pairs that have no verdict yet.
``tell`` says how many merges are wrong at most (Clopper and Pearson, one-sided 95 %), and what was found of the
pairs that ought to be merged. Verdicts are kept in ``adjudicated.csv``: same, different; of other people's texts
only the identifiers are kept.
"""

import csv
import gzip
import json
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click
from scipy.stats import beta

from bench.servers import REPOSITORY
from triage.active import Active
from triage.decider import Decider
from triage.domain.delivery import Delivery
from triage.domain.incident import EventKind, Incident
from triage.history.rows import read_history
from triage.rules.configuration import configuration_from_texts
from triage.sources.alertmanager import parse_alertmanager
from triage.store.batch import PostgresStore
from triage.store.configurations import Configurations
from triage.store.database import Database, migrate
from triage.store.embedded import start_embedded
from triage.triager import Received, Triager

SHEET = REPOSITORY / "bench" / "adjudicated.csv"
FLAPPING = REPOSITORY / "bench" / "flapping.jsonl.gz"
SETS = {"cloud": "cloud_status_history.jsonl.gz", "gitbugs": "gitbugs_history.jsonl.gz"}
DRAWN = 200
SEED = 20_261_125
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event on its way in; ``name`` says which it is, for ever."""

    name: str
    at: datetime
    event: Incident
    family: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """``event`` was counted under the pattern of ``earlier``."""

    set: str
    matched_by: str
    event: Told
    earlier: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    set: str
    matched_by: str
    event: str
    earlier: str
    verdict: str = ""
    note: str = ""

    @property
    def pair(self) -> tuple[str, str]:
        return self.event, self.earlier


@click.group(help=__doc__)
def main() -> None: ...


_DATA = click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)


@main.command()
@_DATA
def draw(data: Path) -> None:
    known = {row.pair: row for row in read_sheet()}
    rows = []
    for merge in drawn(data):
        row = Row(set=merge.set, matched_by=merge.matched_by, event=merge.event.name, earlier=merge.earlier.name)
        rows.append(known.get(row.pair, row))
    write_sheet(rows)
    click.echo(f"{len(rows)} merges in {SHEET.name}, {sum(not row.verdict for row in rows)} without a verdict")


@main.command()
@_DATA
def show(data: Path) -> None:
    """The pairs of the sheet, with their texts."""
    events = {told.name: told for told in every_event(data)}
    for number, row in enumerate(read_sheet(), 1):
        if row.verdict:
            continue
        click.echo(f"--- {number} {row.set} {row.matched_by} {row.event} | {row.earlier}")
        for name in row.pair:
            event = events[name].event
            where = " / ".join(filter(None, (event.service, event.environment, event.region)))
            click.echo(f"  [{where}] {event.title}\n      {' '.join(event.description.split())[:600]}")


@main.command()
@_DATA
def tell(data: Path) -> None:
    for line in told(data):
        click.echo(line)


def told(data: Path) -> Iterator[str]:
    """The figures, from the sheet and from what ought to be merged."""
    rows = read_sheet()
    verdicts = Counter(row.verdict for row in rows)
    judged = verdicts["same"] + verdicts["different"]
    if not judged:
        yield "no verdicts yet"
        return
    yield (
        f"{judged} merges judged by hand: {verdicts['different']} wrong, at most"
        f" {at_most(verdicts['different'], judged):.2%} (one-sided 95 %); {verdicts['']} without a verdict"
    )
    for name in sorted({row.set for row in rows}):
        own = [row for row in rows if row.set == name and row.verdict]
        looks = ", ".join(f"{count} {look}" for look, count in sorted(Counter(r.matched_by for r in own).items()))
        yield f"  {name}: {len(own)} judged ({looks}), {sum(row.verdict == 'different' for row in own)} wrong"
    yield from recalls(data)


def at_most(wrong: int, of: int) -> float:
    return 1.0 if wrong == of else float(beta.ppf(CONFIDENCE, wrong + 1, of - wrong))


def recalls(data: Path) -> Iterator[str]:
    """Of what ought to be one pattern: linked reports, and alerts of one rule on one service."""
    for name, stream in streams(data).items():
        patterns = {told.name: pattern for told, pattern, _ in received(stream)}
        families: defaultdict[str, list[str]] = defaultdict(list)
        for one in stream:
            if one.family is not None and one.name in patterns:
                families[one.family].append(patterns[one.name])
        later = sum(len(held) - 1 for held in families.values())
        found = sum(len(held) - len(set(held)) for held in families.values())
        if later:
            what = "alerts of one rule, service and environment" if name == "flapping" else "linked reports"
            yield f"  {name}: {found} of {later} ({found / later:.1%}) {what} were put to an earlier one"


def drawn(data: Path) -> list[Merge]:
    """All merges of the smallest sets, and as many of the others as it takes; each pair of texts once, and of
    every rule as many as of the next, since some flap a hundred times as often."""
    pools: dict[str, list[Merge]] = {}
    for name, stream in streams(data).items():
        merges = [merge for _, _, merge in received(stream, name) if merge is not None]
        pools[name] = _distinct(merges)
    chosen: list[Merge] = []
    left = DRAWN
    for place, (name, pool) in enumerate(sorted(pools.items(), key=lambda item: len(item[1]))):
        share = min(len(pool), left // (len(pools) - place))
        chosen += _in_turns(pool, random.Random(f"{SEED} {name}"))[:share]
        left -= share
    return chosen


def _in_turns(pool: Sequence[Merge], drawn_by: random.Random) -> list[Merge]:
    groups: defaultdict[str, list[Merge]] = defaultdict(list)
    for merge in drawn_by.sample(pool, len(pool)):
        groups[merge.event.family or merge.event.name].append(merge)
    turns = zip_longest(*(groups[name] for name in sorted(groups)))
    return [merge for turn in turns for merge in turn if merge is not None]


def _distinct(merges: Sequence[Merge]) -> list[Merge]:
    """The same two texts of an alert that flaps are one merge, however often they came."""
    seen: dict[tuple[str, ...], Merge] = {}
    for merge in merges:
        if merge.matched_by != "key":
            one, other = merge.event.event, merge.earlier.event
            seen.setdefault((one.title, one.description, other.title, other.description, str(one.service)), merge)
    return list(seen.values())


def streams(data: Path) -> dict[str, list[Told]]:
    found = {name: list(_history(data / file)) for name, file in SETS.items()}
    found["flapping"] = list(_webhooks())
    return found


def every_event(data: Path) -> Iterator[Told]:
    for stream in streams(data).values():
        yield from stream


def _history(file: Path) -> Iterator[Told]:
    rows = read_history(file, require_labels=False).rows
    groups = _groups({row.id: row.duplicate_of for row in rows if row.duplicate_of is not None})
    for row in sorted(rows, key=lambda row: row.incident.occurred_at or datetime.min.replace(tzinfo=UTC)):
        if row.incident.occurred_at is not None:
            yield Told(name=row.id, at=row.incident.occurred_at, event=row.incident, family=groups.get(row.id))


def _groups(links: Mapping[str, str]) -> dict[str, str]:
    """The name of its group for each report that is linked; links are followed to their end, in both ways."""
    groups = {name: name for pair in links.items() for name in pair}

    def group_of(name: str) -> str:
        while groups[name] != name:
            name = groups[name]
        return name

    for one, other in links.items():
        groups[group_of(one)] = group_of(other)
    return {name: group_of(name) for name in groups}


def _webhooks() -> Iterator[Told]:
    """Alerts, each firing once; a family is a rule on one service and environment."""
    seen: set[tuple[str | None, datetime | None]] = set()
    with gzip.open(FLAPPING, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            row: dict[str, Any] = json.loads(line)
            batch = parse_alertmanager(json.dumps(row["webhook"]).encode(), {})
            for place, event in enumerate(batch.events):
                occurrence = (event.dedup_key, event.started_at)
                fires = event.event is EventKind.FIRING
                if fires and occurrence in seen:
                    continue
                seen.add(occurrence)
                rule = event.labels.get("alertname", "")
                yield Told(
                    name=f"{number}.{place}",
                    at=datetime.fromisoformat(row["at"]),
                    event=event,
                    family=f"{rule} {event.service} {event.environment}" if fires else None,
                )


def received(stream: Sequence[Told], name: str = "") -> Iterator[tuple[Told, str, Merge | None]]:
    """Each event with the pattern it was counted under, and the merge, if it is one."""
    moment = [stream[0].at]
    opened: dict[str, Told] = {}
    with tempfile.TemporaryDirectory(prefix="triage-adjudication-") as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        server = start_embedded(folder / "data")
        try:
            migrate(server.url)
            database = Database(server.url, size=4, timeout=30)
            database.open()
            triager = _triager(database, moment)
            for one in stream:
                moment[0] = one.at
                (outcome,) = triager.receive([Delivery(events=(one.event,), actor="bench", key=None)])[0]
                if not isinstance(outcome, Received):
                    continue
                if outcome.opened:
                    opened[outcome.incident.id] = one
                yield one, outcome.incident.pattern_id, _merge(name, one, outcome, opened)
            database.close()
        finally:
            server.stop()


def _merge(name: str, one: Told, outcome: Received, opened: dict[str, Told]) -> Merge | None:
    recurrence = outcome.recurrence
    looked = recurrence.matched_by.value if recurrence.matched_by is not None else "similarity"
    earlier = opened.get(recurrence.of or "")
    if not outcome.counted or earlier is None or earlier is one or looked == "similarity":
        return None
    return Merge(set=name, matched_by=looked, event=one, earlier=earlier)


def _triager(database: Database, moment: list[datetime]) -> Triager:
    """Without a bundle: a merge does not ask what a text means."""
    texts = [(REPOSITORY / "config" / name).read_text("utf-8") for name in ("catalogue.yaml", "escalation.yaml")]
    configuration = configuration_from_texts(*texts)
    Configurations(database).keep(
        (configuration.catalogue.version, configuration.catalogue_text),
        (configuration.rulebook.version, configuration.policy_text),
        "bench",
        "",
    )
    active = Active(Decider(configuration, None, None), {})
    return Triager(PostgresStore(database), lambda: active, lambda: moment[0])


def read_sheet() -> list[Row]:
    if not SHEET.exists():
        return []
    with SHEET.open(encoding="utf-8", newline="") as file:
        return [Row(**row) for row in csv.DictReader(file)]


def write_sheet(rows: Sequence[Row]) -> None:
    with SHEET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


if __name__ == "__main__":
    main()
