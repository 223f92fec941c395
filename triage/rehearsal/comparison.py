"""Today's policy against a proposed one over one history: who is woken more, who less, by which incidents."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from statistics import median
from typing import Any

from triage.domain.catalogue import Catalogue
from triage.domain.priority import Priority
from triage.rehearsal.ledger import Burden, Fate, Ledger

EXAMPLES = 10
"""Of the incidents that go another way, so many are named for each kind of change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """``woken_incidents``: those that paged somebody in their night; ``told_after_seconds``: the median from the
    opening to the first page."""

    incidents: int
    paged_incidents: int
    pages: int
    woken: int
    woken_incidents: int
    people_woken: int
    suppressed: int
    unanswered: int
    acknowledged_late: int
    resolved_late: int
    skipped_steps: int
    told_after_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one person bears: pages, pages at night, nights with any, pages on off days, and the most in one
    day."""

    pages: int = 0
    woken: int = 0
    nights: int = 0
    off_days: int = 0
    busiest_day: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChange:
    person: str
    before: Load
    after: Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Reroute:
    """``count`` incidents went by one policy and would go by another; ``examples``: some of their ids."""

    before: str
    after: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``no_longer_woken`` and ``newly_woken``: ids of incidents, the most urgent first; ``quieter_p1``: P1s that
    would tell nobody or tell later than today, which is what somebody should look at before anything else."""

    before: Totals
    after: Totals
    people: tuple[PersonChange, ...]
    reroutes: tuple[Reroute, ...]
    told_otherwise: int
    newly_woken: tuple[str, ...]
    newly_woken_count: int
    no_longer_woken: tuple[str, ...]
    no_longer_woken_count: int
    quieter_p1: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(before: Ledger, after: Ledger) -> Comparison:
    """Of two runs over the same incidents."""
    pairs = [(fate, after.fates[name]) for name, fate in before.fates.items() if name in after.fates]
    newly = [new for old, new in pairs if new.woken and not old.woken]
    no_longer = [old for old, new in pairs if old.woken and not new.woken]
    return Comparison(
        before=totals(before),
        after=totals(after),
        people=_people(before, after),
        reroutes=_reroutes(pairs),
        told_otherwise=sum(set(old.told) != set(new.told) for old, new in pairs),
        newly_woken=_ids(newly),
        newly_woken_count=len(newly),
        no_longer_woken=_ids(no_longer),
        no_longer_woken_count=len(no_longer),
        quieter_p1=_ids(new for old, new in pairs if old.priority is Priority.P1 and _is_quieter(old, new)),
    )


def totals(ledger: Ledger) -> Totals:
    fates = ledger.fates.values()
    told = [fate.told_after.total_seconds() for fate in fates if fate.told_after is not None]
    return Totals(
        incidents=len(fates),
        paged_incidents=len(told),
        pages=sum(fate.pages for fate in fates),
        woken=sum(burden.woken for burden in ledger.burdens.values()),
        woken_incidents=sum(bool(fate.woken) for fate in fates),
        people_woken=sum(burden.woken > 0 for burden in ledger.burdens.values()),
        suppressed=sum(fate.suppressed for fate in fates),
        unanswered=sum(fate.unanswered for fate in fates),
        acknowledged_late=sum(fate.acknowledged_late for fate in fates),
        resolved_late=sum(fate.resolved_late for fate in fates),
        skipped_steps=sum(fate.skipped for fate in fates),
        told_after_seconds=int(median(told)) if told else None,
    )


def _people(before: Ledger, after: Ledger) -> tuple[PersonChange, ...]:
    """Whoever is woken much more first, then by pages."""
    names = sorted({*before.burdens, *after.burdens})
    changes = [
        PersonChange(person=name, before=_load(before.burdens.get(name)), after=_load(after.burdens.get(name)))
        for name in names
    ]
    changes.sort(key=lambda c: (c.before.woken - c.after.woken, c.before.pages - c.after.pages, c.person))
    return tuple(changes)


def _load(burden: Burden | None) -> Load:
    if burden is None:
        return Load()
    return Load(
        pages=burden.pages,
        woken=burden.woken,
        nights=len(burden.nights),
        off_days=burden.off_days,
        busiest_day=burden.busiest,
    )


def _reroutes(pairs: Iterable[tuple[Fate, Fate]]) -> tuple[Reroute, ...]:
    ways: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], list[str]] = {}
    for old, new in pairs:
        if old.policy == new.policy:
            continue
        way = (old.policy, new.policy)
        ways[way] += 1
        named = examples.setdefault(way, [])
        if len(named) < 3:
            named.append(old.id)
    return tuple(
        Reroute(before=way[0], after=way[1], count=n, examples=tuple(examples[way]))
        for way, n in ways.most_common()
    )


def _is_quieter(old: Fate, new: Fate) -> bool:
    if old.told_after is None:
        return False
    return new.told_after is None or new.told_after > old.told_after + timedelta(seconds=1)


def _ids(fates: Iterable[Fate]) -> tuple[str, ...]:
    ordered = sorted(fates, key=lambda fate: (fate.priority.value, fate.id))
    return tuple(fate.id for fate in ordered[:EXAMPLES])


def draw_comparison(found: Comparison, catalogue: Catalogue, people: int = 20) -> str:
    """The report as text; ``people``: of those whose load changes, at most so many from either end."""
    lines = [f"{'':28}{'today':>12}{'proposed':>12}{'change':>12}"]
    before, after = asdict(found.before), asdict(found.after)
    for name, said in _SAID.items():
        old, new = before[name], after[name]
        lines.append(f"{said:28}{_number(old):>12}{_number(new):>12}{_change(old, new):>12}")
    changed = [c for c in found.people if c.before != c.after]
    lines += ["", *_people_lines(changed, catalogue, people)]
    if found.reroutes:
        lines += ["", "Another policy for:"]
        for way in found.reroutes[:people]:
            lines.append(f"  {way.count:6} {way.before} → {way.after}, such as {', '.join(way.examples)}")
    lines += ["", f"{found.told_otherwise} incidents tell somebody else first."]
    for said, ids, count in (
        ("wake somebody newly", found.newly_woken, found.newly_woken_count),
        ("no longer wake anybody", found.no_longer_woken, found.no_longer_woken_count),
    ):
        if count:
            lines.append(f"{count} incidents {said}, such as {', '.join(ids[:3])}")
    if found.quieter_p1:
        lines.append(f"LOOK FIRST: P1s that are told later or to nobody: {', '.join(found.quieter_p1)}")
    return "\n".join(lines)


_SAID = {
    "incidents": "incidents",
    "paged_incidents": "that page somebody",
    "pages": "pages",
    "woken": "pages at night",
    "woken_incidents": "incidents that wake",
    "people_woken": "people ever woken",
    "suppressed": "suppressed",
    "unanswered": "nobody answered on the path",
    "acknowledged_late": "acknowledged late (SLA)",
    "resolved_late": "resolved late (SLA)",
    "skipped_steps": "steps skipped, nobody there",
    "told_after_seconds": "seconds to the first page",
}


def _people_lines(changed: list[PersonChange], catalogue: Catalogue, people: int) -> list[str]:
    if not changed:
        return ["Nobody's load changes."]
    more = [change for change in changed if _weight(change.after) > _weight(change.before)]
    less = [change for change in reversed(changed) if _weight(change.after) < _weight(change.before)]
    lines: list[str] = []
    for said, group in (("more", more), ("less", less)):
        if not group:
            lines.append(f"Nobody is woken or paged {said}.")
            continue
        columns = f"{'nights woken':>16}{'pages at night':>18}{'pages':>18}{'worst day':>14}"
        lines.append(f"{f'woken or paged {said}':28}{columns}")
        lines += [_person_line(change, catalogue) for change in group[:people]]
        if len(group) > people:
            lines.append(f"… and {len(group) - people} more")
    return lines


def _weight(load: Load) -> tuple[int, int]:
    return load.woken, load.pages


def _person_line(change: PersonChange, catalogue: Catalogue) -> str:
    old, new = change.before, change.after
    return (
        f"{catalogue.person_name(change.person):28}"
        f"{f'{old.nights} → {new.nights}':>16}{f'{old.woken} → {new.woken}':>18}"
        f"{f'{old.pages} → {new.pages}':>18}{f'{old.busiest_day} → {new.busiest_day}':>14}"
    )


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}".replace(",", " ")


def _change(old: int | None, new: int | None) -> str:
    if old is None or new is None or old == new:
        return ""
    return f"{(new - old) / old:+.0%}" if old else f"+{new}"
