"""The rules of the shipped configuration, each decided on by the configuration as it is shipped."""

from datetime import UTC, datetime, timedelta

import pytest

from triage.domain.decision import DecisionSource
from triage.domain.escalation import EscalationKind, Mode
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Recurrence

P1, P2, P3, P4, P5 = Priority


@pytest.fixture
def decide(shipped, facts_for):
    return lambda **fields: shipped.rulebook.decide(facts_for(shipped, **fields))


@pytest.mark.parametrize(
    "title",
    [
        "Possible BREACH of the merchant portal",
        "HostIntrusionDetected on web-3",
        "Suspected intrusion, investigating",
        "Sicherheitsvorfall: möglicher Einbruch in das Händlerportal",
        "Misstänkt dataintrång i butiken",
    ],
)
def test_security_word_means_at_least_p2_and_the_security_lead(decide, title):
    outcome = decide(title=title, _priority=P4)

    assert outcome.priority is P2
    assert outcome.priority_source is DecisionSource.RULE
    assert "samuel" in outcome.path.steps[0].forecast
    assert any(fired.startswith("security-words: priority at least P2") for fired in outcome.fired)


def test_security_word_inside_another_word_is_not_one(decide):
    assert decide(title="unbreachable record of uptime", _priority=P4).priority is P4


def test_security_word_leaves_a_p1_at_p1(decide):
    assert decide(title="data breach", _priority=P1).priority is P1


@pytest.mark.parametrize("service", ["payment-gateway", "payouts", "Merchant payouts", "ledger"])
def test_p1_on_a_payments_service_tells_the_senior_on_call_at_once(decide, service):
    outcome = decide(service=service, _priority=P1)
    first = outcome.path.steps[0]

    assert first.at == datetime(2027, 2, 1, 11, 0, tzinfo=UTC)
    assert {"oncall:payments", "oncall:payments-senior"} <= set(first.targets)
    assert set(first.forecast) & {"claire", "joel"}


def test_p1_elsewhere_tells_no_payments_senior(decide):
    outcome = decide(service="kubernetes", _priority=P1)
    assert outcome.path.policy == "major-incident"
    assert "oncall:payments-senior" not in outcome.path.steps[0].targets


@pytest.mark.parametrize(
    "fields",
    [
        {"service": "orders-db", "region": "us-east-1"},
        {"title": "PostgresqlReplicationLag: replication lag above 300 s", "region": "US-EAST-2"},
        {"title": "Queries wait", "kind": "Database", "region": "us-east"},
    ],
)
def test_database_incident_in_us_east_reaches_the_database_on_call(decide, fields):
    outcome = decide(**fields, _priority=P2)

    assert outcome.team == "database"
    assert "oncall:database" in outcome.path.steps[0].targets
    assert set(outcome.path.steps[0].forecast) & {"dana", "marcus", "rosa"}


def test_database_incident_elsewhere_stays_with_its_owner(decide):
    assert decide(title="database slow", service="payouts", region="eu-west-1").team == "payments"


@pytest.mark.parametrize("text", ["p99 latency above 800 ms", "sign-in is SLOW", "HighRequestLatency"])
def test_latency_of_an_sre_owned_service_is_at_least_p3(decide, text):
    assert decide(title=text, service="api-gateway", _priority=P5).priority is P3
    assert decide(title=text, service="search", _priority=P5).priority is P5


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"environment": "production", "description": "Customers are affected."}, P2),
        ({"environment": "prod", "labels": {"customers_affected": "true"}}, P2),
        ({"environment": "Production", "description": "Kunden betroffen"}, P2),
        ({"environment": "production", "description": "nobody has noticed"}, P3),
        ({"environment": "", "description": "customers are affected"}, P3),
    ],
)
def test_production_and_customers_affected_is_at_least_p2(decide, fields, expected):
    assert decide(**fields).priority is expected


@pytest.mark.parametrize(("times", "told"), [(4, False), (5, True), (6, True)])
def test_fifth_recurrence_in_24_hours_tells_the_problem_team(decide, seen, times, told):
    outcome = decide(service="search", _recurrence=seen(times))
    assert ("team:problem" in outcome.path.steps[0].targets) is told
    assert ("henrik" in outcome.path.steps[0].forecast) is told


def test_vip_customer_also_tells_the_account_team_and_gets_the_vip_promise(decide):
    outcome = decide(service="search", customer_tier="VIP", _priority=P2)
    first = outcome.path.steps[0]

    assert first.targets[-1] == "team:accounts"
    assert first.roles["informed"] == "team:accounts"
    assert first.roles["responsible"] == "team:storefront"
    assert first.resolve_within == timedelta(hours=4)


def test_exposed_customer_data_waits_for_approval_before_customers_are_told(decide, shipped):
    outcome = decide(service="checkout-api", data_exposure=True, _priority=P1)
    told = {channel.id for channel in shipped.catalogue.channels.values() if channel.stage == "communications"}
    telling = [step for step in outcome.path.steps if told & set(step.channels)]

    assert [step.checkpoint.id for step in telling] == ["tell-customers"]
    assert telling[0].targets == ("person:claire",)
    assert outcome.path.steps[0].checkpoint is None
    assert any("customer data" in reason for reason in outcome.review_reasons)


def test_without_exposed_data_nothing_waits(decide):
    assert all(step.checkpoint is None for step in decide(service="checkout-api", _priority=P1).path.steps)


def test_not_production_is_at_most_p4(decide):
    assert decide(environment="staging", _priority=P1).priority is P4


def test_internal_tool_is_never_p1(decide):
    assert decide(service="ci", _priority=P1).priority is P2


def test_burst_on_a_first_tier_service_is_at_least_p2(decide):
    burst = Recurrence(occurrences={**dict.fromkeys(WINDOWS, 20)})
    assert decide(service="edge", _recurrence=burst, _priority=P4).priority is P2
    assert decide(service="ci", _recurrence=burst, _priority=P4).priority is P4


def test_heartbeat_is_suppressed_and_still_has_a_path(decide):
    outcome = decide(title="Watchdog", labels={"alertname": "Watchdog"})
    assert outcome.path.suppressed
    assert outcome.path.suppressed_because == "heartbeat: a heartbeat"
    assert outcome.path.steps[0].forecast


def test_announced_maintenance_never_suppresses_a_first_tier_service_in_production(decide):
    fields = {"service": "ledger", "labels": {"maintenance": "true"}}
    assert not decide(**fields, environment="production").path.suppressed
    assert decide(**fields, environment="staging").path.suppressed


@pytest.mark.parametrize(
    ("title", "team"),
    [
        ("Packet loss 12 % towards transit", "network"),
        ("Pods are evicted", "platform"),
        ("JavaScript error on the product page", "storefront"),
        ("Airflow DAG failed", "data"),
        ("How can I change my password", "customer-support"),
        ("Something unheard of", "triage-desk"),
    ],
)
def test_orphan_finds_a_team_by_its_words(decide, title, team):
    assert decide(title=title, _team="triage-desk").team == team


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ({"_priority": P1, "service": "card-processing"}, "payments-critical"),
        ({"_priority": P2, "_team": "security"}, "security-incident"),
        ({"_priority": P1, "service": "search"}, "major-incident"),
        ({"_priority": P2, "service": "search", "impact": "High"}, "wide-impact"),
        ({"_priority": P2, "service": "edge"}, "with-vendor"),
        ({"_priority": P2, "service": "search"}, "urgent"),
        ({"_priority": P3, "service": "search"}, "standard"),
        ({"_priority": P4, "service": "search"}, "backlog"),
        ({"_priority": P5, "service": "search"}, "for-information"),
    ],
)
def test_policy_follows_from_priority_and_service(decide, fields, policy):
    assert decide(**fields).path.policy == policy


@pytest.mark.parametrize(
    ("now", "policy"),
    [
        (datetime(2027, 2, 1, 7, 59, tzinfo=UTC), "next-working-hours"),
        (datetime(2027, 2, 1, 8, 0, tzinfo=UTC), "standard"),
        (datetime(2027, 2, 1, 17, 0, tzinfo=UTC), "next-working-hours"),
        (datetime(2027, 7, 1, 7, 0, tzinfo=UTC), "standard"),
        (datetime(2027, 2, 6, 11, 0, tzinfo=UTC), "next-working-hours"),
        (datetime(2027, 5, 17, 11, 0, tzinfo=UTC), "next-working-hours"),
    ],
)
def test_moderate_incident_waits_for_local_business_hours(decide, now, policy):
    assert decide(_now=now).path.policy == policy


def test_vendor_of_the_service_is_told_and_only_that_one(decide):
    targets = [target for step in decide(service="edge", _priority=P2).path.steps for target in step.targets]
    assert [target for target in targets if target.startswith("vendor:")] == ["vendor:swiftedge"]


def test_service_of_an_inactive_team_is_answered_for_by_its_parent(decide):
    assert decide(service="first-shop").team == "storefront"


def test_every_kind_of_escalation_is_shown(shipped):
    shown = {kind for policy in shipped.rulebook.policies.values() for kind in policy.kinds}
    assert shown == set(EscalationKind)


def test_only_the_policy_for_information_observes(shipped):
    observing = [policy.id for policy in shipped.rulebook.policies.values() if policy.mode is Mode.OBSERVE]
    assert observing == ["for-information"]


def test_shipped_configuration_is_of_a_realistic_size(shipped):
    active = [team for team in shipped.catalogue.teams.values() if team.active]
    assert len(active) >= 6
    assert len(shipped.catalogue.services) >= 12
    assert len({schedule.timezone for schedule in shipped.catalogue.schedules.values()}) == 3


def test_shipped_configuration_has_no_findings_but_the_one_it_explains(shipped):
    assert [finding.where for finding in shipped.rulebook.checks()] == ["service first-shop"]
