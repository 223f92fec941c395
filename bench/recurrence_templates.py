"""``python -m bench.recurrence_templates``: our template masking beside drain3, which learns as it reads.

Two texts that should share a template and do not are a missed merge; two that should not and do are a wrong one,
which hides an outage. What should be is known where texts are made: alert rules with their placeholders filled in
several times, and near misses that differ in one telling word. Of real alerts and status reports only hints are
known: the alert's name, the service concerned. drain3 is for this comparison only: ``pip install drain3``.
"""

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from random import Random
from typing import Any

import click

from bench.quality_table import aligned
from triage.recurrence.fingerprint import normalised
from triage.recurrence.template import mask

try:
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig
except ImportError:
    raise SystemExit(
        "bench.recurrence_templates compares with drain3, which is missing: pip install drain3"
    ) from None

COPIES = 5
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}")
_LABEL = re.compile(r"\$labels\.(\w+)")
_MACHINES = frozenset({"instance", "host", "hostname", "node", "node_name", "server", "server_name", "hostsystem"})
_PODS = frozenset({"pod", "pod_name"})
_DRAIN_MASKS = (
    (r"(?<![A-Za-z0-9])(?:[0-9a-f]{2,}:){3,}[0-9a-f]{2,}(?![A-Za-z0-9])", "ID"),
    (r"(?<![A-Za-z0-9])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![A-Za-z0-9])", "IP"),
    (r"(?<![A-Za-z0-9])0x[a-f0-9A-F]+(?![A-Za-z0-9])", "HEX"),
    (r"(?<![A-Za-z0-9])[-+]?[0-9]+(?![A-Za-z0-9])", "NUM"),
)
"""Those of drain3's own example configuration."""

NEAR_MISSES = (
    ("HTTP {} from checkout on host {host} for {duration}", "500 404 503"),
    ("{}: disk {number}% full on {host}", "/var /home /tmp"),
    ("queue {} holds {count} messages, oldest {duration}", "billing payments mail"),
    ("ORA-{} in order {id} at {time}", "00600 01555 12514"),
    ("pod {pod} in namespace {} was evicted", "shop search billing"),
    ("connection from {ip} to port {} refused", "5432 6379 9200"),
    ("backup of database {} failed after {duration}", "orders users ledger"),
    ("{} latency p99 is {milliseconds} on {host}", "read write connect"),
    ("certificate of {} expires on {date}", "shop.example pay.example api.example"),
    ("replica {} lags by {duration}, request {id}", "orders users ledger"),
    ("CPU {} above {number}% on {host}", "steal iowait user"),
    ("event {} on {host}: logon failure for {email}", "4625 4740 4776"),
    ("{} job {id} failed at {time} with exit code 1", "nightly hourly weekly"),
    ("job import failed on {host} with exit code {}", "1 137 139"),
    ("link {} of switch core is down since {time}", "eth0 eth1 uplink"),
    ("deploy of version {} to production failed, build {id}", "1.2 1.3 2.0"),
    ("GET /{}/{number4} returned an error to {ip}", "orders users carts"),
    ("table {} has {count} dead rows", "orders users ledger"),
    ("{} of pod {pod} restarted {count} times", "init sidecar worker"),
    ("region {} unreachable from {ip} since {date}", "eu-west-1 eu-west-2 us-east-1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """``kind``: equal where two texts should share a template."""

    text: str
    kind: str


Labels = Callable[[Sequence[str]], list[str]]


def ours(texts: Sequence[str]) -> list[str]:
    return [normalised(mask(text)) for text in texts]


def drained(threshold: float, *, masks: bool = False, after_ours: bool = False) -> Labels:
    def labels(texts: Sequence[str]) -> list[str]:
        config = TemplateMinerConfig()
        config.drain_sim_th = threshold
        config.parametrize_numeric_tokens = not after_ours
        if masks:
            config.masking_instructions = [MaskingInstruction(form, name) for form, name in _DRAIN_MASKS]
        miner = TemplateMiner(config=config)
        told = ours(texts) if after_ours else [" ".join(text.split()) for text in texts]
        return [str(miner.add_log_message(text)["cluster_id"]) for text in told]

    return labels


METHODS: dict[str, Labels] = {
    "ours": ours,
    "drain3, as it comes (0.4)": drained(0.4),
    "drain3, its example masks (0.4)": drained(0.4, masks=True),
    "drain3, its example masks (0.7)": drained(0.7, masks=True),
    "drain3, its example masks (0.9)": drained(0.9, masks=True),
    "ours, then drain3 (0.7)": drained(0.7, after_ours=True),
    "ours, then drain3 (0.9)": drained(0.9, after_ours=True),
}


def drawn(kind: str, random: Random) -> str:
    """A variable part as it might be written."""
    number = random.randrange
    address = f"10.{number(256)}.{number(256)}.{number(256)}"
    suffixes = ("".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=length)) for length in (10, 5))
    return {
        "host": f"web{number(1, 99)}",
        "ip": address,
        "instance": f"{address}:9100",
        "pod": "-".join(("payments", *suffixes)),
        "number": f"{number(1, 100)}",
        "number4": f"{number(1000, 99999)}",
        "count": f"{number(2, 20000)}",
        "id": f"{number(10**7, 10**9)}",
        "duration": f"{number(1, 59)}m",
        "milliseconds": f"{number(200, 9000)}ms",
        "time": f"{number(24):02d}:{number(60):02d}:{number(60):02d}",
        "date": f"2026-{number(1, 13):02d}-{number(1, 29):02d}",
        "email": f"user{number(100)}@example.com",
        "decimals": f"{number(10000) / 100:.2f}",
    }[kind]


def near_misses() -> Iterator[Told]:
    random = Random(0)
    for form, telling in NEAR_MISSES:
        for word in telling.split():
            for _ in range(COPIES):
                text = re.sub(r"\{(\w*)\}", lambda m, w=word: drawn(m[1], random) if m[1] else w, form)  # type: ignore[misc]
                yield Told(text=text, kind=f"{form} {word}")


def filled_rules(rows: Sequence[dict[str, Any]]) -> Iterator[Told]:
    """Each rule's text ``COPIES`` times: machines, pods and values vary, what names a thing does not."""
    random = Random(0)
    for text in sorted({f"{row['title']} {row['description']}".replace("\\n", "\n") for row in rows}):
        for _ in range(COPIES if _PLACEHOLDER.search(text) else 1):
            yield Told(text=_PLACEHOLDER.sub(lambda found: _filled(found[0], random), text), kind=text)


def _filled(placeholder: str, random: Random) -> str:
    label = _LABEL.search(placeholder)
    if label is None and "$value" in placeholder:
        if "Percentage" in placeholder:
            return drawn("decimals", random) + "%"
        if "Duration" in placeholder:
            return drawn("duration", random)
        return drawn("count" if ".0f" in placeholder else "decimals", random)
    if label is None:
        return f"map[instance:{drawn('instance', random)} job:node]" if "$labels" in placeholder else "main"
    if label[1] in _MACHINES:
        return drawn("instance", random)
    return drawn("pod", random) if label[1] in _PODS else f"main-{label[1].replace('_', '-')}"


def webhooks(rows: Sequence[dict[str, Any]]) -> Iterator[Told]:
    for row in rows:
        for alert in row["webhook"]["alerts"]:
            notes = alert["annotations"]
            text = f"{notes.get('summary', '')} {notes.get('description', '')}"
            yield Told(text=text, kind=alert["labels"]["alertname"])


def status_reports(rows: Sequence[dict[str, Any]]) -> Iterator[Told]:
    for row in rows:
        yield Told(text=f"{row['title']} {row['description']}", kind=f"{row['source']} {row['team']}")


def _pairs(sizes: Sequence[int]) -> int:
    return sum(comb(size, 2) for size in sizes)


def figures(told: Sequence[Told], labels: Labels) -> tuple[str, ...]:
    """Merged pairs and how many of them are of different kinds; texts beside another kind; pairs of a kind that
    were not merged; time for a text."""
    started = time.process_time()
    found = labels([one.text for one in told])
    spent = time.process_time() - started
    kinds = [one.kind for one in told]
    both = Counter(zip(found, kinds, strict=True))
    merged, right = _pairs([*Counter(found).values()]), _pairs([*both.values()])
    same = _pairs([*Counter(kinds).values()])
    mixed = {label for label, count in Counter(label for label, _ in both).items() if count > 1}
    beside = sum(label in mixed for label in found)
    return (
        f"{len(set(found)):,}",
        f"{merged - right:,} of {merged:,}",
        f"{beside / len(told):.1%}",
        f"{(same - right) / same:.1%}",
        f"{1e6 * spent / len(told):.0f} µs",
    )


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="TRIAGE_BENCH_DATA",
    required=True,
    help="The folder of the histories.  [TRIAGE_BENCH_DATA]",
)
def main(data: Path) -> None:
    """Wrong and missed merges of our template masking and of drain3."""

    def rows(name: str) -> list[dict[str, Any]]:
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    rules = rows("alert_rules_history")
    sets = {
        "near misses that were made": near_misses(),
        "alert rules, placeholders filled": filled_rules(rules),
        "alerts of webhooks (by alert name)": webhooks(rows("alertmanager_webhooks")),
        "status reports (by service)": status_reports(rows("cloud_status_history")),
    }
    for name, made in sets.items():
        told = list(made)
        Random(1).shuffle(told)
        head = (
            f"{name}: {len(told):,}",
            "templates",
            "wrong pairs",
            "texts beside others",
            "missed pairs",
            "a text",
        )
        click.echo(
            aligned([head, *((method, *figures(told, labels)) for method, labels in METHODS.items())]) + "\n"
        )


if __name__ == "__main__":
    main()
