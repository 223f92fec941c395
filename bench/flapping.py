"""An hour of a real Prometheus and a real Alertmanager whose rules flap, kept as the webhook bodies they send.

    python -m bench.flapping --minutes 60 --output bench/flapping.jsonl.gz [--seed 14]

Needs the Debian packages prometheus and prometheus-alertmanager. A small shop is made up (services, hosts,
databases, queues, pods, certificates) and its metrics are served by this process; Prometheus scrapes them and
judges ``RULES``; Alertmanager groups and sends. Each line written is ``{"at": ..., "webhook": ...}``: when the
body arrived, and the body byte by byte. The metrics are the same for the same seed; the bodies are not, for when a
scrape falls is up to Prometheus. Nothing in them names this machine.
"""

import gzip
import http.client
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate, chain, repeat
from pathlib import Path
from random import Random
from urllib.parse import parse_qs, urlsplit

import click

PROMETHEUS, ALERTMANAGER = "prometheus", "prometheus-alertmanager"
EXTERNAL = {PROMETHEUS: "http://prometheus.example:9090", ALERTMANAGER: "http://alertmanager.example:9093"}
INTERVAL = "5s"
PATIENCE = 30.0
FOREVER = 10**9
DAY = 86_400

# --- the shop ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Service:
    """``calls``: what it cannot work without, so that their trouble becomes its own."""

    name: str
    team: str
    instances: int
    calls: tuple[str, ...] = ()
    routes: tuple[str, ...] = ("/",)
    pooled: bool = False


SERVICES = (
    Service("storefront", "web", 4, ("catalogue", "checkout", "identity"), ("/", "/basket")),
    Service("checkout", "buying", 4, ("payments", "orders"), ("/checkout", "/vouchers")),
    Service("orders", "buying", 4, (), ("/orders", "/orders/{id}"), pooled=True),
    Service("payments", "money", 3, ("identity",), ("/authorise", "/capture"), pooled=True),
    Service("refunds", "money", 2, ("payments", "orders"), ("/refunds",), pooled=True),
    Service("catalogue", "discovery", 3, ("search",), ("/products",), pooled=True),
    Service("search", "discovery", 3, (), ("/search", "/suggest")),
    Service("identity", "access", 3, (), ("/token", "/profile"), pooled=True),
    Service("shipping", "parcels", 2, ("orders",), ("/labels", "/tracking")),
    Service("invoicing", "money", 2, ("orders",), ("/invoices",), pooled=True),
    Service("mailer", "parcels", 2, (), ("/send",)),
    Service("reports", "data", 2, (), ("/reports",)),
)
EU, US = "eu-central", "us-east"
PLACES = (
    {"env": "prod", "region": EU, "namespace": "shop"},
    {"env": "prod", "region": US, "namespace": "shop"},
    {"env": "staging", "region": EU, "namespace": "shop-staging"},
    {"env": "prod", "region": EU, "namespace": "shop"},
)
HOSTS = (
    "orders-db-1",
    "orders-db-2",
    "customers-db-1",
    "customers-db-2",
    "queue-1",
    "build-1",
    "build-2",
    "files-1",
)
MOUNTS = (
    ("/", "/dev/nvme0n1p1"),
    ("/var", "/dev/nvme0n1p2"),
    ("/home", "/dev/nvme0n1p3"),
    ("/srv", "/dev/nvme1n1"),
)
DATABASES = ("orders-db", "customers-db")
QUEUES = {
    "orders.placed": "orders",
    "orders.cancelled": "orders",
    "refunds.requested": "refunds",
    "refunds.failed": "refunds",
    "mail.outgoing": "mailer",
    "invoices.due": "invoicing",
}
NAMES = ("shop.example", "www.shop.example", "pay.shop.example", "login.shop.example", "staging.shop.example")
JOBS = {
    "nightly-stock-count": "reports",
    "payout-file": "refunds",
    "search-index": "search",
    "dunning": "invoicing",
}
PROVIDERS = ("northpay", "cardline", "voltbank")

RULES = r"""
groups:
- name: requests
  rules:
  - alert: ServerErrorShareHigh
    expr: |
      sum by (service, team, env, region, namespace) (rate(http_requests_total{code=~"5.."}[30s]))
      / sum by (service, team, env, region, namespace) (rate(http_requests_total[30s])) > 0.04
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.service }} fails {{ $value | humanizePercentage }} of its requests in
          {{ $labels.region }}'
      description: >-
        The share of 5xx answers of {{ $labels.service }} ({{ $labels.env }}, {{ $labels.namespace }}) is
        {{ $value | humanizePercentage }}, we accept 4%. Look at the last rollout first, then at what it calls.
      runbook_url: https://runbooks.example/{{ $labels.service }}/server-errors
  - alert: ClientErrorShareHigh
    expr: |
      sum by (service, team, env, region, namespace) (rate(http_requests_total{code=~"4.."}[30s]))
      / sum by (service, team, env, region, namespace) (rate(http_requests_total[30s])) > 0.12
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.service }} refuses {{ $value | humanizePercentage }} of its requests in
          {{ $labels.region }}'
      description: >-
        The share of 4xx answers of {{ $labels.service }} ({{ $labels.env }}, {{ $labels.namespace }}) is
        {{ $value | humanizePercentage }}, we accept 12%. Often a client was released with a wrong path or key.
      runbook_url: https://runbooks.example/{{ $labels.service }}/client-errors
  - alert: AnswersOfOneStatus
    expr: sum by (service, team, env, region, code) (rate(http_requests_total{code=~"429|503"}[30s])) > 3.5
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: 'Status {{ $labels.code }} from {{ $labels.service }}: {{ $value | printf "%.1f" }} per second'
      description: '{{ $labels.service }} in {{ $labels.env }} {{ $labels.region }} says {{ $labels.code }}
          too often.'
  - alert: ErrorBudgetBurning
    expr: |
      sum by (service, team) (rate(http_requests_total{code=~"5..", env="prod"}[1m]))
      / sum by (service, team) (rate(http_requests_total{env="prod"}[1m])) / 0.005 > 8
    labels: {severity: page, window: short}
    annotations:
      summary: '{{ $labels.service }} burns its error budget {{ $value | printf "%.1f" }} times too fast'
      description: 'Measured over the last minute. At this speed a month is spent in a few days.'
  - alert: ErrorBudgetBurning
    expr: |
      sum by (service, team) (rate(http_requests_total{code=~"5..", env="prod"}[5m]))
      / sum by (service, team) (rate(http_requests_total{env="prod"}[5m])) / 0.005 > 5
    labels: {severity: ticket, window: long}
    annotations:
      summary: '{{ $labels.service }} burns its error budget {{ $value | printf "%.1f" }} times too fast'
      description: 'Measured over the last five minutes. No need to get up, but plan the work.'
  - alert: AnswersSlow
    expr: http_answer_seconds{quantile="0.95"} > 0.8
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.route }} of {{ $labels.service }} takes {{ $value | humanizeDuration }} on
          {{ $labels.instance }}'
      description: 'One request of twenty to {{ $labels.route }} waits longer than that. Limit: 800 ms.'
  - alert: AnswersVerySlow
    expr: http_answer_seconds{quantile="0.95"} > 1.2
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.route }} of {{ $labels.service }} takes {{ $value | humanizeDuration }} on
          {{ $labels.instance }}'
      description: 'One request of twenty to {{ $labels.route }} waits longer than that. Shoppers give up.
          Limit: 1.2 s.'
  - alert: OrdersBelowUsual
    expr: sum by (region) (rate(http_requests_total{service="orders", code="200", env="prod"}[30s])) < 24
    for: 15s
    labels: {severity: page, service: orders, team: buying}
    annotations:
      message: 'Only {{ $value | humanize }} orders per second in {{ $labels.region }}'
- name: instances
  rules:
  - alert: InstanceUnreachable
    expr: up == 0
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: 'No metrics from {{ $labels.instance }} ({{ $labels.job }})'
      description: 'Prometheus cannot scrape {{ $labels.instance }}. The machine may be down, or only its
          exporter.'
  - alert: MemoryNearLimit
    expr: process_memory_share > 0.9
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory'
      description: '{{ $labels.service }} will be killed at 100%. Heap dumps land in /var/dumps of
          {{ $labels.instance }}.'
  - alert: ConnectionPoolUsedUp
    expr: db_pool_in_use / db_pool_size > 0.9
    for: 10s
    labels:
      severity: '{{ if gt $value 0.99 }}critical{{ else }}warning{{ end }}'
    annotations:
      summary: '{{ $labels.service }} has {{ $value | humanizePercentage }} of its database connections in use'
      description: '{{ $labels.instance }}: requests will wait for a connection of pool {{ $labels.pool }}.'
- name: pods
  rules:
  - alert: PodRestarting
    expr: increase(pod_restarts_total[1m]) > 1.5
    labels: {severity: warning}
    annotations:
      summary: 'Pod {{ $labels.pod }} restarted {{ $value | printf "%.0f" }} times in a minute'
      description: 'Container {{ $labels.container }} in {{ $labels.namespace }} ({{ $labels.region }})
          does not stay up.'
  - alert: PodNotReady
    expr: pod_ready == 0
    for: 20s
    labels: {severity: P3}
    annotations:
      summary: '{{ $labels.namespace }}/{{ $labels.pod }} is not ready'
      description: 'It gets no traffic. Try: kubectl -n {{ $labels.namespace }} describe pod {{ $labels.pod }}'
  - alert: ReplicasMissing
    expr: deployment_replicas_wanted - deployment_replicas_available > 0
    for: 20s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.deployment }} in {{ $labels.namespace }} lacks {{ $value }} of its replicas'
      description: 'Seen in {{ $labels.region }}. The scheduler may have no room, or the new version does
          not start.'
- name: hosts
  rules:
  - alert: DiskFilling
    expr: disk_used_share > 0.85
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.mountpoint }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full'
      description: 'Device {{ $labels.device }} fills up. Old logs and cores can usually go.'
  - alert: DiskAlmostFull
    expr: disk_used_share > 0.92
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: '{{ $labels.mountpoint }} on {{ $labels.instance }} is {{ $value | humanizePercentage }} full'
      description: 'Device {{ $labels.device }} has hardly any room left, writes will fail soon.'
  - alert: LoadHigh
    expr: load_per_core > 1.5
    for: 20s
    labels: {severity: info}
    annotations:
      summary: 'Load of {{ $labels.instance }} is {{ $value | printf "%.2f" }} per core'
  - alert: ClockOff
    expr: abs(clock_offset_seconds) > 0.05
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: 'Clock of {{ $labels.instance }} is off by {{ $value | humanizeDuration }}'
      description: 'Tokens and signed requests are refused beyond a second. Check the time daemon.'
  - alert: NetworkErrors
    expr: rate(network_errors_total[30s]) > 5
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: '{{ $value | humanize }} broken packets per second on {{ $labels.device }} of
          {{ $labels.instance }}'
      description: 'A cable, a driver or the switch port of {{ $labels.instance }} {{ $labels.device }}.'
- name: databases
  rules:
  - alert: ReplicaBehind
    expr: replica_lag_seconds > 20
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: 'Replica {{ $labels.instance }} of {{ $labels.service }} is {{ $value | humanizeDuration }} behind'
      description: 'Reads from {{ $labels.region }} are stale. Long transactions on the primary are the
          usual cause.'
  - alert: TooManyConnections
    expr: database_connections / database_connections_limit > 0.85
    for: 15s
    labels: {severity: warning}
    annotations:
      summary: '{{ $labels.service }}: {{ $value | humanizePercentage }} of all connections taken on
          {{ $labels.instance }}'
      description: 'Above 100% applications are turned away. Idle sessions can be ended by hand.'
  - alert: LongTransaction
    expr: oldest_transaction_seconds > 120
    labels: {severity: warning}
    annotations:
      summary: 'A transaction on {{ $labels.instance }} is open for {{ $value }} seconds'
      description: 'Vacuum of {{ $labels.datname }} cannot clean up behind it.'
  - alert: Deadlocks
    expr: increase(deadlocks_total[1m]) > 3
    labels: {severity: warning}
    annotations:
      summary: '{{ $value | printf "%.0f" }} deadlocks in {{ $labels.datname }} within a minute'
      description: 'On {{ $labels.instance }}. The log of the database names both statements.'
  - alert: CacheEvicting
    expr: rate(cache_evictions_total[30s]) > 50
    for: 10s
    labels: {severity: info}
    annotations:
      summary: '{{ $labels.instance }} throws out {{ $value | humanize }} keys per second'
      description: 'The cache is too small for what {{ $labels.service }} keeps in it.'
- name: queues
  rules:
  - alert: QueueBacklog
    expr: queue_messages_waiting > 5000
    for: 10s
    labels: {severity: warning}
    annotations:
      summary: '{{ $value | humanize }} messages wait in {{ $labels.queue }}'
      description: 'Consumers of {{ $labels.queue }} in {{ $labels.env }} do not keep up.'
  - alert: QueueWithoutConsumers
    expr: queue_consumers == 0
    for: 10s
    labels: {severity: critical}
    annotations:
      summary: 'Nobody reads {{ $labels.queue }}'
      description: 'Queue {{ $labels.queue }} ({{ $labels.env }}) has {{ $value }} consumers.'
  - alert: DeadLetters
    expr: increase(dead_letters_total[1m]) > 20
    labels: {severity: warning}
    annotations:
      description: '{{ $value | printf "%.0f" }} messages of {{ $labels.queue }} were given up in the last minute.'
- name: outside
  rules:
  - alert: CertificateEndsSoon
    expr: (certificate_ends_at_seconds - time()) / 86400 < 14
    labels: {severity: warning, team: platform}
    annotations:
      summary: 'Certificate of {{ $labels.dns_name }} ends in {{ $value | printf "%.1f" }} days'
      description: 'Some edge node still hands out the old one (serial {{ $labels.serial }}), or renewal failed.'
  - alert: PageNotReachable
    expr: probe_worked == 0
    for: 10s
    labels: {severity: page, team: web}
    annotations:
      summary: 'https://{{ $labels.dns_name }}/ cannot be opened from {{ $labels.from }}'
      description: 'The probe in {{ $labels.from }} got no good answer three times.'
  - alert: PacketLoss
    expr: packet_loss_share > 0.02
    for: 10s
    labels: {severity: warning, team: platform}
    annotations:
      summary: '{{ $value | humanizePercentage }} packet loss from {{ $labels.from }} to {{ $labels.to }}'
- name: business
  rules:
  - alert: PaymentsDeclined
    expr: |
      sum by (provider, region) (rate(payment_answers_total{outcome="declined", env="prod"}[30s]))
      / sum by (provider, region) (rate(payment_answers_total{env="prod"}[30s])) > 0.15
    for: 10s
    labels: {severity: critical, service: payments, team: money}
    annotations:
      summary: '{{ $labels.provider }} declines {{ $value | humanizePercentage }} of the cards in
          {{ $labels.region }}'
      description: 'Usual are 5%. The status page of {{ $labels.provider }} is
          https://status.{{ $labels.provider }}.example'
  - alert: SignInsFailing
    expr: sum by (service, team, env, region) (rate(sign_ins_failed_total[30s])) > 12
    for: 10s
    labels: {severity: warning, category: security}
    annotations:
      title: 'Failed sign-ins in {{ $labels.region }}: {{ $value | humanize }}/s'
      description: 'Either somebody tries passwords against {{ $labels.env }} or {{ $labels.service }} is broken.'
  - alert: JobOverdue
    expr: time() - job_last_success_seconds > 150
    labels: {severity: warning}
    annotations:
      summary: 'Job {{ $labels.job_name }} has not succeeded for {{ $value | humanizeDuration }}'
      description: 'It should run every two minutes in {{ $labels.region }}.'
"""

# --- how values move --------------------------------------------------------------------------------------------
# A motion yields one value a second. The ones without units yield shares of the way from usual (0) to limit (1).

Motion = Iterator[float]


def walk(chance: Random, low: float, high: float, step: float) -> Motion:
    value = chance.uniform(low, high)
    while True:
        yield value
        value = min(high, max(low, value + chance.gauss(0.0, step)))


def calm(chance: Random) -> Motion:
    return walk(chance, 0.0, 0.75, 0.03)


def wander(chance: Random) -> Motion:
    return walk(chance, 0.2, 1.2, 0.04)


def wave(chance: Random) -> Motion:
    """Up and down around the limit, never quite as long as the last time."""
    period, share, top = chance.uniform(180, 600), chance.uniform(0.2, 0.5), chance.uniform(1.1, 1.6)
    yield from repeat(0.4, chance.randrange(int(period)))
    while True:
        for level, length in ((top, period * share), (0.5, period * (1 - share))):
            for _ in range(round(length * chance.uniform(0.7, 1.3))):
                yield level * chance.uniform(0.96, 1.04)


def spikes(chance: Random) -> Motion:
    """Every so many minutes on the dot, as of a scheduled job."""
    every, lasting, first = chance.choice((300, 420, 600, 900)), chance.randint(30, 90), chance.randrange(300)
    yield from repeat(0.2, first)
    while True:
        top = chance.uniform(1.2, 1.9)
        yield from (top * chance.uniform(0.97, 1.03) for _ in range(lasting))
        yield from (0.3 * chance.uniform(0.9, 1.1) for _ in range(every - lasting))


def moving(
    chance: Random, usual: float, limit: float, trouble: Sequence[float] = (), most: float = math.inf
) -> Motion:
    """In the unit of ``usual`` and ``limit``; ``trouble`` pushes it past the limit, and it stays in 0..most."""
    (kind,) = chance.choices((calm, wander, wave, spikes), (64, 4, 16, 16))
    for share, extra in zip(kind(chance), chain(trouble, repeat(0.0)), strict=False):
        yield max(0.0, min(most, usual + (limit - usual) * (share + extra)))


def counted(rate: Iterator[float]) -> Motion:
    """What a counter shows of something that happens at this rate."""
    return (float(math.floor(value)) for value in accumulate(rate))


def working(chance: Random, trouble: Sequence[float] = ()) -> Motion:
    """1 while it works, 0 while it does not."""
    return (1.0 if value < 1 else 0.0 for value in moving(chance, 0, 1, trouble))


def certificate(chance: Random, started: float) -> Motion:
    """Its end; edge nodes with the old and with the renewed one take turns."""
    old, new = started + chance.uniform(2, 13) * DAY, started + chance.uniform(85, 89) * DAY
    return (new if value < 1 else old for value in moving(chance, 0, 1))


def last_success(chance: Random, started: float) -> Motion:
    last: float = started
    for second, works in enumerate(working(chance)):
        if works and second % 120 == 0:
            last = started + second
        yield last


def troubles(chance: Random, seconds: int) -> dict[str, list[float]]:
    """Service to strength by the second: bursts that begin in one service and reach those that call it."""
    strengths = {service.name: [0.0] * seconds for service in SERVICES}
    second = 50.0
    while second < seconds:
        root = chance.choice(SERVICES).name
        callers = [service.name for service in SERVICES if root in service.calls]
        lasting = chance.uniform(45, 120)
        for name, late in [(root, 0.0), *((caller, chance.uniform(5, 20)) for caller in callers)]:
            strength = chance.uniform(0.9, 1.5)
            for at in range(int(second + late), min(seconds, int(second + late + lasting))):
                strengths[name][at] = strength
        second += chance.uniform(150, 420)
    return strengths


# --- what is scraped --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Series:
    """``since`` and ``until``: the seconds between which it is there at all."""

    name: str
    labels: dict[str, str]
    motion: Motion
    since: int = 0
    until: int = FOREVER
    value: float = 0.0

    def __str__(self) -> str:
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{{{labels}}} {round(self.value, 4)!r}\n"


@dataclass(slots=True)
class Target:
    """``labels`` are put on everything scraped from ``address``, by Prometheus."""

    job: str
    address: str
    labels: dict[str, str]
    answers: Motion
    series: list[Series] = field(default_factory=list)


class Estate:
    """All targets, at one second after another; used from several threads."""

    def __init__(self, seed: int, seconds: int, started: float) -> None:
        self._seed, self._seconds, self._started = seed, seconds, started
        self._troubles = troubles(Random(f"{seed} troubles"), seconds)
        self._lock = threading.Lock()
        self._second = -1
        self.targets: dict[str, Target] = {}
        for service in SERVICES:
            self._add_service(service)
        for region in (EU, US):
            self._add_pods(region)
            self._add_queues(region)
        for host in HOSTS:
            self._add_host(host)
        for database in DATABASES:
            self._add_database(database)
        self._add_outside()

    def text(self, address: str) -> str | None:
        """What a scrape gets now; none if the target does not answer."""
        with self._lock:
            self._catch_up(int(time.time() - self._started))
            target = self.targets[address]
            if not self._answering[address]:
                return None
            return "".join(str(one) for one in target.series if one.since <= self._second < one.until)

    def _catch_up(self, second: int) -> None:
        while self._second < second:
            self._second += 1
            self._answering = {address: next(target.answers) > 0 for address, target in self.targets.items()}
            for target in self.targets.values():
                for one in target.series:
                    one.value = next(one.motion)

    def _chance(self, *names: object) -> Random:
        return Random(" ".join(map(str, (self._seed, *names))))

    def _target(self, job: str, address: str, labels: dict[str, str]) -> Target:
        chance = self._chance(address)
        answers = working(chance) if chance.random() < 0.25 else repeat(1.0)
        self.targets[address] = Target(job, address, labels, answers)
        return self.targets[address]

    def _put(
        self,
        target: Target,
        name: str,
        usual: float,
        limit: float,
        labels: dict[str, str] | None = None,
        trouble: str = "",
        most: float = math.inf,
    ) -> None:
        """A gauge, or the counter of a rate if the name ends as those of counters do; ``trouble``: a service."""
        chance = self._chance(target.address, name, labels)
        motion = moving(chance, usual, limit, self._troubles.get(trouble, ()), most)
        target.series.append(Series(name, labels or {}, counted(motion) if name.endswith("_total") else motion))

    def _add_service(self, service: Service) -> None:
        for number, place in enumerate(PLACES[: service.instances], start=1):
            where = place["region"] if place["env"] == "prod" else place["env"]
            address = f"{service.name}-{number}.{where}.example:8080"
            one = self._target("services", address, {"service": service.name, "team": service.team, **place})
            good = walk(self._chance(address, 200), 22, 48, 0.6)
            one.series.append(Series("http_requests_total", {"code": "200"}, counted(good)))
            for code, usual, limit in (("404", 1.0, 5.0), ("429", 0.2, 4.0)):
                self._put(one, "http_requests_total", usual, limit, {"code": code})
            for code, usual, limit in (("500", 0.1, 1.6), ("503", 0.1, 3.0)):
                self._put(one, "http_requests_total", usual, limit, {"code": code}, service.name)
            for route in service.routes:
                self._put(one, "http_answer_seconds", 0.2, 0.8, {"route": route, "quantile": "0.95"}, service.name)
            self._put(one, "process_memory_share", 0.55, 0.9, most=0.998)
            if service.pooled:
                self._put(one, "db_pool_in_use", 6, 18, {"pool": "main"}, service.name, most=20)
                one.series.append(Series("db_pool_size", {"pool": "main"}, repeat(20.0)))
            if service.name == "identity":
                self._put(one, "sign_ins_failed_total", 1, 9)
            if service.name == "payments":
                for provider in PROVIDERS:
                    self._put(one, "payment_answers_total", 20, 26, {"provider": provider, "outcome": "approved"})
                    self._put(one, "payment_answers_total", 1, 4, {"provider": provider, "outcome": "declined"})

    def _add_pods(self, region: str) -> None:
        cluster = self._target("kubernetes", f"kube-state.{region}.example:8080", {"region": region})
        for service in SERVICES:
            for place in PLACES[: service.instances]:
                if place["region"] == region and place is not PLACES[3]:
                    self._add_deployment(cluster, service, place["namespace"])

    def _add_deployment(self, cluster: Target, service: Service, namespace: str) -> None:
        chance = self._chance(cluster.address, service.name, namespace)
        trouble = self._troubles[service.name]
        labels = {"namespace": namespace, "service": service.name, "team": service.team}
        wanted, missing = chance.randint(2, 4), chance.randint(1, 2)
        there = (float(wanted) if works else wanted - missing for works in working(chance, trouble))
        of = {**labels, "deployment": service.name}
        cluster.series.append(Series("deployment_replicas_wanted", of, repeat(float(wanted))))
        cluster.series.append(Series("deployment_replicas_available", of, there))
        since = 0
        while since < self._seconds:  # every rollout gives the pods new names
            until = since + chance.randint(480, 1800)
            generation = _letters(chance, 9)
            for _ in range(2):
                pod = {**labels, "pod": f"{service.name}-{generation}-{_letters(chance, 5)}"}
                restarts = counted(0.0 if works else 0.06 for works in working(chance, trouble))
                container = {**pod, "container": "app"}
                cluster.series += [
                    Series("pod_restarts_total", container, restarts, since, until),
                    Series("pod_ready", pod, working(chance), since, until),
                ]
            since = until

    def _add_queues(self, region: str) -> None:
        for env in ("prod", "staging") if region == EU else ("prod",):
            place = {"env": env, "region": region}
            broker = self._target("queues", f"broker.{env}.{region}.example:9419", place)
            for queue, owner in QUEUES.items():
                team = next(service.team for service in SERVICES if service.name == owner)
                labels = {"queue": queue, "service": owner, "team": team}
                self._put(broker, "queue_messages_waiting", 300, 5000, labels, trouble=owner)
                self._put(broker, "dead_letters_total", 0.02, 0.4, labels)
                readers = (works * 3 for works in working(self._chance(broker.address, queue)))
                broker.series.append(Series("queue_consumers", labels, readers))

    def _add_host(self, host: str) -> None:
        region = US if host.endswith("-2") else EU
        labels = {"environment": "prod", "region": region, "team": "platform"}
        one = self._target("hosts", f"{host}.{region}.example:9100", labels)
        for mountpoint, device in MOUNTS:
            self._put(one, "disk_used_share", 0.6, 0.85, {"mountpoint": mountpoint, "device": device}, most=0.997)
        self._put(one, "load_per_core", 0.4, 1.5)
        self._put(one, "clock_offset_seconds", 0.002, 0.05)
        for device in ("eth0", "eth1"):
            self._put(one, "network_errors_total", 0.1, 5, {"device": device})

    def _add_database(self, database: str) -> None:
        for number, place in enumerate(PLACES[:3], start=1):
            where = place["region"] if place["env"] == "prod" else place["env"]
            labels = {"service": database, "team": "databases", "env": place["env"], "region": place["region"]}
            one = self._target("databases", f"{database}-{number}.{where}.example:9187", labels)
            name = database.removesuffix("-db")
            self._put(one, "replica_lag_seconds", 0.5, 20)
            self._put(one, "database_connections", 60, 170, most=200)
            one.series.append(Series("database_connections_limit", {}, repeat(200.0)))
            self._put(one, "oldest_transaction_seconds", 4, 120, {"datname": name})
            self._put(one, "deadlocks_total", 0.002, 0.06, {"datname": name})
        for region in (EU, US):
            labels = {"service": "session-cache", "team": "access", "env": "prod", "region": region}
            cache = self._target("databases", f"session-cache.{region}.example:9121", labels)
            self._put(cache, "cache_evictions_total", 1, 50)

    def _add_outside(self) -> None:
        prober = self._target("probes", "prober.example:9115", {})
        for name in NAMES:
            chance = self._chance("certificate", name)
            labels = {"dns_name": name, "serial": f"{chance.getrandbits(40):010x}"}
            prober.series.append(Series("certificate_ends_at_seconds", labels, certificate(chance, self._started)))
            for city in ("Oslo", "Porto", "Toronto"):
                works = working(self._chance("probe", name, city))
                prober.series.append(Series("probe_worked", {"dns_name": name, "from": city}, works))
        for start, end in ((EU, US), (US, EU), (EU, "office")):
            self._put(prober, "packet_loss_share", 0.001, 0.02, {"from": start, "to": end})
        for job, owner in JOBS.items():
            team = next(service.team for service in SERVICES if service.name == owner)
            done = last_success(self._chance("job", job), self._started)
            labels = {"job_name": job, "service": owner, "team": team, "region": EU}
            prober.series.append(Series("job_last_success_seconds", labels, done))


def _letters(chance: Random, count: int) -> str:
    return "".join(chance.choices("bcdfghjklmnpqrstvwxz2456789", k=count))


# --- what is kept -----------------------------------------------------------------------------------------------


class Capture:
    """Every body as it comes, one a line; closed by whoever opened the file."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.bodies = 0
        self.size = 0
        self.alerts: Counter[tuple[str, str]] = Counter()
        self.fingerprints: set[str] = set()

    def take(self, body: bytes) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        alerts = json.loads(body)["alerts"]
        line = b'{"at":"%s","webhook":%s}\n' % (at.encode(), body.strip())
        with self._lock:
            self.size += self._file.write(line)
            self.bodies += 1
            self.alerts.update((alert["labels"]["alertname"], alert["status"]) for alert in alerts)
            self.fingerprints.update(alert["fingerprint"] for alert in alerts)

    def save(self) -> None:
        """What came so far can be read even if this process is killed."""
        with self._lock:
            self._file.flush()

    def headline(self) -> str:
        return (
            f"{self.bodies} bodies, {self.alerts.total()} alerts,"
            f" {len(self.fingerprints)} distinct fingerprints, {self.size / 1e6:.1f} MB unpacked"
        )

    def table(self) -> Iterator[str]:
        yield f"{'alertname':<24}{'firing':>8}{'resolved':>10}"
        for name in sorted({name for name, _ in self.alerts}):
            yield f"{name:<24}{self.alerts[name, 'firing']:>8}{self.alerts[name, 'resolved']:>10}"


# --- what runs --------------------------------------------------------------------------------------------------

Answer = Callable[[str, bytes], tuple[int, bytes]]
"""From path with query, and body, to status and content."""


@contextmanager
def serving(answer: Answer) -> Iterator[int]:
    """The port of a server on the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and content in one packet

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - as the standard library wants them

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextmanager
def running(folder: Path, program: str, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port and the process of a ready Prometheus or Alertmanager, on one core and known as in ``EXTERNAL``."""
    port = free_port()
    command = [program, f"--web.listen-address=127.0.0.1:{port}", f"--web.external-url={EXTERNAL[program]}"]
    log = folder / f"{program}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--log.level=warn", *options],
            cwd=folder,
            env={**os.environ, "GOMAXPROCS": "1"},
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_until_ready(process, port, log)
        yield port, process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise SystemExit(f"not ready:\n{log.read_text(encoding='utf-8')[-2000:]}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def alertmanager_configuration(capture: int) -> dict[str, object]:
    receivers = ("everyone", "pager", "databases", "staging")
    hook = {"url": f"http://127.0.0.1:{capture}/", "send_resolved": True}
    timing = {"group_wait": "5s", "group_interval": "15s", "repeat_interval": "20m"}
    routes = [
        {"receiver": "staging", "matchers": ['env="staging"'], "group_by": ["env", "service"]},
        {
            "receiver": "pager",
            "matchers": ['severity="page"'],
            "group_by": ["service", "region"],
            "continue": True,
        },
        {"receiver": "databases", "matchers": ['team="databases"'], "group_by": ["alertname", "instance"]},
    ]
    return {
        "route": {"receiver": "everyone", "group_by": ["alertname", "service"], **timing, "routes": routes},
        "receivers": [{"name": name, "webhook_configs": [hook]} for name in receivers],
        "inhibit_rules": [
            {
                "source_matchers": ['alertname="InstanceUnreachable"'],
                "target_matchers": ['alertname!="InstanceUnreachable"'],
                "equal": ["instance", "job"],
            }
        ],
    }


def prometheus_configuration(estate: Estate, exporter: int, alertmanager: int) -> dict[str, object]:
    """All targets are scraped from the one exporter, which is told which of them is meant."""
    relabelling = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__address__"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter}"},
    ]
    jobs: dict[str, list[object]] = {}
    for target in estate.targets.values():
        jobs.setdefault(target.job, []).append({"targets": [target.address], "labels": target.labels})
    return {
        "global": {
            "scrape_interval": INTERVAL,
            "scrape_timeout": "4s",
            "evaluation_interval": INTERVAL,
            "external_labels": {"monitor": "shop"},
        },
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
        "scrape_configs": [
            {"job_name": job, "static_configs": targets, "relabel_configs": relabelling}
            for job, targets in jobs.items()
        ],
    }


@click.command(help=__doc__)
@click.option("--minutes", type=click.FloatRange(min=0.5), default=60, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--seed", type=int, default=14, show_default=True)
def main(minutes: float, output: Path, seed: int) -> None:
    for program in (PROMETHEUS, ALERTMANAGER):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed")
    signal.signal(signal.SIGTERM, lambda *_: exit_by_signal())
    with gzip.open(output, "wb", compresslevel=9) as file:
        capture = Capture(file)
        watch(Estate(seed, int(minutes * 60) + 60, time.time()), capture, minutes)
    print(f"end: {capture.headline()}, {output.stat().st_size / 1e6:.2f} MB packed")
    print("\n".join(capture.table()), flush=True)


def exit_by_signal() -> None:
    raise SystemExit("ended by a signal; what came so far is kept")


def watch(estate: Estate, capture: Capture, minutes: float) -> None:
    """Everything is stopped at the end, however that comes."""

    def scrape(path: str, _: bytes) -> tuple[int, bytes]:
        text = estate.text(parse_qs(urlsplit(path).query)["target"][0])
        return (503, b"") if text is None else (200, text.encode())

    def take(_: str, body: bytes) -> tuple[int, bytes]:
        capture.take(body)
        return 200, b""

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triage-flapping-")))
        exporter, hook = stack.enter_context(serving(scrape)), stack.enter_context(serving(take))
        write_json(folder / "alertmanager.yml", alertmanager_configuration(hook))
        options = ["--config.file=alertmanager.yml", "--storage.path=alerts", "--cluster.listen-address="]
        port, alerter = stack.enter_context(running(folder, ALERTMANAGER, *options))
        write_json(folder / "prometheus.yml", prometheus_configuration(estate, exporter, port))
        (folder / "rules.yml").write_text(RULES, encoding="utf-8")
        options = ["--config.file=prometheus.yml", "--storage.tsdb.path=metrics"]
        _, scraper = stack.enter_context(running(folder, PROMETHEUS, *options))
        print(f"watching {len(estate.targets)} targets", flush=True)
        began, minute = time.monotonic(), 0
        while time.monotonic() - began < minutes * 60:
            time.sleep(1)
            if alerter.poll() is not None or scraper.poll() is not None:
                raise SystemExit("Prometheus or Alertmanager ended by itself")
            if time.monotonic() - began >= (minute + 1) * 60:
                minute += 1
                capture.save()
                print(f"minute {minute}: {capture.headline()}", flush=True)


def write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML


if __name__ == "__main__":
    main()
