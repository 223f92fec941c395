"""What is counted, for Prometheus."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MOST_SOURCES = 200
SENDING = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """One registry per service, so that two in one process count apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sources: set[str] = set()
        r = self.registry
        self.requests = Counter(
            "triage_http_requests", "Requests by route and status", ["route", "method", "status"], registry=r
        )
        self.latency = Histogram(
            "triage_http_request_seconds", "Time to answer by route", ["route"], buckets=LATENCY, registry=r
        )
        self.batches = Histogram(
            "triage_batch_events", "Events decided together", ["kind"], buckets=SIZES, registry=r
        )
        self.events = Counter(
            "triage_events", "Events by source and what became of them", ["source", "outcome"], registry=r
        )
        self.decisions = Counter(
            "triage_decisions",
            "Decisions by priority and by where the team came from",
            ["priority", "team_source"],
            registry=r,
        )
        self.failures = Counter("triage_failures", "Failures by their code", ["code"], registry=r)
        self.rule_faults = Counter(
            "triage_rule_faults", "Conditions that could not be evaluated and counted as no match", registry=r
        )
        self.dead_letters = Counter(
            "triage_dead_letters",
            "Parts of payloads that could not be used, each content counted once",
            ["source"],
            registry=r,
        )
        self.omitted = Counter(
            "triage_source_omitted_events", "Events a sender says it left out of a payload", ["source"], registry=r
        )
        self.notes = Counter(
            "triage_source_notes", "What was bent to fit when reading a payload", ["source", "kind"], registry=r
        )
        self.escalations = Counter(
            "triage_escalations_carried_on", "Times that an escalation was carried on", registry=r
        )
        self.messages = Counter(
            "triage_messages",
            "Messages to people by kind, by the way they went, and what became of them",
            ["kind", "way", "outcome"],
            registry=r,
        )
        self.delivery_time = Histogram(
            "triage_message_seconds", "Time to send a message by way", ["way"], buckets=SENDING, registry=r
        )
        self.escalation = Gauge(
            "triage_escalation_30d",
            "Figures of the incidents opened in the last 30 days, as /v1/metrics/escalation gives them",
            ["figure"],
            registry=r,
        )
        self.spooled = Counter("triage_spooled", "Payloads accepted while the database was away", registry=r)
        self.drained = Counter("triage_spool_drained", "Payloads carried out from the spool", registry=r)
        self.spool_pending = Gauge("triage_spool_pending", "Payloads waiting in the spool", registry=r)
        self.degraded = Gauge("triage_degraded", "1 for each part that is missing", ["part"], registry=r)
        self.reembedded = Counter(
            "triage_reembedded_texts", "Remembered texts embedded for an encoder that came later", registry=r
        )
        self.shadowed = Counter("triage_shadowed", "Incidents that a challenger was asked about", registry=r)
        self.version = Gauge(
            "triage_active_info", "1 for what is in force", ["bundle", "catalogue", "policy", "code"], registry=r
        )

    def source_label(self, source: str) -> str:
        """A source's name as a label; "other" once there are too many, for senders choose their names freely."""
        if source not in self._sources:
            if len(self._sources) >= MOST_SOURCES:
                return "other"
            self._sources.add(source)
        return source

    def show_degraded(self, degraded: Mapping[str, str]) -> None:
        self.degraded.clear()
        for part in degraded:
            self.degraded.labels(part).set(1)

    def show_figures(self, figures: Mapping[str, object]) -> None:
        """Those that are numbers; what is not known has no sample."""
        self.escalation.clear()
        for name, value in figures.items():
            if isinstance(value, int | float):
                self.escalation.labels(name).set(value)

    def render(self) -> bytes:
        """The text that a Prometheus server reads."""
        return generate_latest(self.registry)
