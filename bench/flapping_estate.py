"""What Prometheus scrapes of the made-up shop, at one second after another."""

import math
import threading
import time
from dataclasses import dataclass, field
from itertools import repeat
from random import Random

from bench.flapping_motions import (
    Motion,
    certificate,
    counted,
    last_success,
    moving,
    troubles,
    walk,
    working,
)
from bench.flapping_shop import (
    DATABASES,
    EU,
    HOSTS,
    JOBS,
    MOUNTS,
    NAMES,
    PLACES,
    PROVIDERS,
    QUEUES,
    SERVICES,
    US,
    Service,
)

FOREVER = 10**9


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
