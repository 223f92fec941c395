"""``python -m bench.rules``: what a decision costs as rules grow in number, beside asking every condition."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median, quantiles

import click

from triage.domain.decision import DecisionSource, Suggestion
from triage.domain.incident import Incident
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Recurrence, RecurrenceKind
from triage.rules.chooser import RuleBook, RuleFacts
from triage.rules.configuration import Configuration, configuration_from_texts

TEAMS, SERVICES, REGIONS = 60, 400, ("eu-west", "eu-north", "us-east", "us-west", "ap-south")
_WORDS = (
    *("timeout", "latency", "disk", "full", "replication", "lag", "certificate", "expired", "login", "failed"),
    *("payment", "declined", "queue", "backlog", "pod", "restart", "memory", "pressure", "packet", "loss", "dns"),
    *("backup", "deadlock", "connection", "refused", "checkout", "refund", "settlement", "quota", "node", "down"),
    *("heartbeat", "missing", "error", "budget", "burn", "crash", "loop", "throttled", "corrupt"),
)
_LABELS = ("namespace", "job", "tier", "app", "component")
_SEVERITIES = ("critical", "high", "warning", "info")


def catalogue_text() -> str:
    teams = "".join(f"  t{n}: {{name: Team {n}, responders: [p{n}], parent: t0}}\n" for n in range(1, TEAMS))
    people = "".join(
        f"  p{n}: {{name: Person {n}, contacts: [{{channel: email, address: p{n}@big.example}}]}}\n"
        for n in range(TEAMS)
    )
    services = "".join(
        f"  s{n}: {{name: Service {n}, owner: t{n % TEAMS}, tier: {n % 4 + 1}, function: f{n % 12}}}\n"
        for n in range(SERVICES)
    )
    severities = "".join(f"  {w}: {{priority: P{n + 1}, floor: P{n + 2}}}\n" for n, w in enumerate(_SEVERITIES))
    return (
        "organisation: Big\ntriage_desk: t0\n"
        f"people:\n{people}teams:\n  t0: {{name: Team 0, responders: [p0]}}\n{teams}"
        f"services:\n{services}severities:\n{severities}"
    )


def rules_text(count: int, seed: int = 7) -> str:
    """``count`` rules as large organisations write them: most are about a service, a team or a label, some about
    words, numbers or the time, and one in twenty joins alternatives with ``||``."""
    luck = Random(seed)
    rules = [_rule(luck, number) for number in range(count - 1)]
    last = _entry("last", None, "{policy: ladder0}")
    return f"rules:\n{''.join(rules)}{last}policies:\n{''.join(_ladder(n) for n in range(5))}"


def _ladder(number: int) -> str:
    return (
        f"  ladder{number}:\n    owner: t0\n    review_after: 2030-01-01\n    kinds: [time]\n    steps:\n"
        f"      - {{targets: [owner], acknowledge_within: {5 + number}m, repeat: 1}}\n"
        "      - {targets: [owner.lead, owner.parent], acknowledge_within: 15m}\n"
    )


def _rule(luck: Random, number: int) -> str:
    then = luck.choices(
        (
            f"{{priority_at_least: P{luck.randint(1, 3)}}}",
            f"{{assign: t{luck.randrange(TEAMS)}}}",
            f"{{also_tell: ['team:t{luck.randrange(TEAMS)}']}}",
            "{require_review: looks unusual}",
            f"{{policy: ladder{luck.randrange(5)}}}",
        ),
        weights=(4, 3, 2, 1, 4),
    )[0]
    return _entry(f"r{number}", _condition(luck), then)


def _entry(rule_id: str, condition: str | None, then: str) -> str:
    when = f"    when: {json.dumps(condition)}\n" if condition else ""
    return f"  - id: {rule_id}\n    owner: t0\n    review_after: 2030-01-01\n{when}    then: {then}\n"


def _condition(luck: Random) -> str:
    about: Callable[[], str] = luck.choices(
        (
            lambda: f"incident.service == 's{luck.randrange(SERVICES)}'",
            lambda: f"team == 't{luck.randrange(TEAMS)}' && priority in ['P1', 'P2']",
            lambda: _label(luck),
            lambda: (
                f"incident.text.mentions(['{luck.choice(_WORDS)} {luck.choice(_WORDS)}', '{luck.choice(_WORDS)}'])"
            ),
            lambda: f"service.function == 'f{luck.randrange(12)}' && incident.region == '{luck.choice(REGIONS)}'",
            lambda: f"recurrence.occurrences_24h >= {luck.randint(3, 40)} && service.tier == {luck.randint(1, 4)}",
            lambda: (
                f"incident.service == 's{luck.randrange(SERVICES)}' || incident.cluster == 'c{luck.randrange(99)}'"
            ),
        ),
        weights=(40, 15, 15, 10, 10, 5, 5),
    )[0]
    found = [about()]
    more = ("", "!time.business_hours", "incident.severity == 'critical'", "incident.environment == 'prod'")
    if "||" not in found[0] and (also := luck.choice(more)):
        # People write the environment before the service as often as after it.
        found.insert(luck.randint(0, 1), also)
    return " && ".join(found)


def _label(luck: Random) -> str:
    name = luck.choice(_LABELS)
    return f"'{name}' in incident.labels && incident.labels['{name}'] == 'v{luck.randrange(200)}'"


def facts(configuration: Configuration, count: int, seed: int = 11) -> list[RuleFacts]:
    """Incidents that differ from each other in text, service, labels and numbers."""
    luck = Random(seed)
    catalogue = configuration.catalogue
    now = datetime(2027, 2, 1, 11, tzinfo=UTC)
    found = []
    for number in range(count):
        words = [luck.choice(_WORDS) for _ in range(luck.randint(5, 30))]
        incident = Incident(
            title=f"{' '.join(words[:6])} {number}",
            description=" ".join(words[6:]),
            service=f"s{luck.randrange(SERVICES)}",
            environment=luck.choice(("prod", "staging")),
            region=luck.choice(REGIONS),
            cluster=f"c{luck.randrange(99)}",
            severity=luck.choice(_SEVERITIES),
            labels={name: f"v{luck.randrange(200)}" for name in luck.sample(_LABELS, 3)},
        )
        at = now + timedelta(minutes=7 * number)
        times = luck.randint(1, 50)
        found.append(
            RuleFacts(
                incident=incident,
                service=catalogue.find_service(incident.service),
                suggestion=Suggestion(),
                recurrence=Recurrence(
                    kind=RecurrenceKind.RECURRENCE, occurrences=dict.fromkeys(WINDOWS, times), total=times
                ),
                priority=luck.choice(list(Priority)),
                priority_source=DecisionSource.REPORTED,
                team=catalogue.owner_of(incident.service).id,
                team_source=DecisionSource.CATALOGUE,
                now=at,
                opened_at=at,
            )
        )
    return found


def times_of(rulebook: RuleBook, incidents: list[RuleFacts]) -> list[float]:
    """Milliseconds for each decision."""
    taken = []
    for incident in incidents:
        started = time.perf_counter()
        rulebook.decide(incident)
        taken.append((time.perf_counter() - started) * 1e3)
    return taken


@click.command()
@click.option(
    "--rules", "sizes", multiple=True, type=click.IntRange(2), default=(100, 500, 2_000), show_default=True
)
@click.option("--incidents", type=click.IntRange(100), default=2_000, show_default=True)
def main(sizes: tuple[int, ...], incidents: int) -> None:
    """Each incident is new: nothing that was asked before is asked again. Both ways decide in the same run, the
    one without the gate on a part of the incidents."""
    for size in sizes:
        started = time.perf_counter()
        configuration = configuration_from_texts(catalogue_text(), rules_text(size))
        loaded = time.perf_counter() - started
        book, every_rule = configuration.rulebook, configuration.rulebook.without_gate()
        asked = facts(configuration, incidents)
        part = asked[: max(incidents // 10, 100)]
        gated, every = times_of(book, asked), times_of(every_rule, part)
        outcomes = [book.decide(one) for one in part]
        same = sum(every_rule.decide(one) == outcome for one, outcome in zip(part, outcomes, strict=True))
        fired = sum(len(outcome.fired) for outcome in outcomes) / len(outcomes)
        ratio = median(every) / median(gated)
        click.echo(f"{size} rules, loaded in {loaded:.1f} s, of which {fired:.0f} match an incident:")
        click.echo(f"  {_told(gated)}")
        click.echo(f"  asking every condition {_told(every)}: {ratio:.1f} times as long")
        click.echo(f"  decided the same: {same} of {len(part)}")


def _told(taken: list[float]) -> str:
    late = quantiles(taken, n=100)[98]
    return f"{median(taken):.3f} ms a decision (median), 99 of 100 within {late:.3f} ms"


if __name__ == "__main__":
    main()
