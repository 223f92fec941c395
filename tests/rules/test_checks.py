"""Findings: what loads, but its owners should look at."""

from datetime import date

import pytest


def messages(configuration, today=None):
    return [f"{finding.where}: {finding.message}" for finding in configuration.rulebook.checks(today)]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("team == 'opps'", "team is never 'opps'; did you mean 'ops'?"),
        ("priority in ['P1', 'P6']", "priority is never 'P6'"),
        ("incident.service == 'shopp'", "incident.service is never 'shopp'; did you mean 'shop'?"),
        ("time.weekday != 'Monday'", "time.weekday is never 'Monday'; did you mean 'monday'?"),
        ("service.function == 'payment'", "service.function is never 'payment'"),
    ],
)
def test_value_that_a_fact_never_has_is_found(configured, condition, message):
    configuration = configured(("odd", "{require_review: x}", condition))
    assert any(found.startswith(f"rule odd: {message}") for found in messages(configuration))


def test_known_and_free_values_are_no_findings(configured):
    condition = "team == 'ops' && service.vendor != '' && incident.region == 'anywhere' && priority == 'P1'"
    assert not [m for m in messages(configured(("fine", "{require_review: x}", condition))) if "fine" in m]


def test_overdue_reviews_are_found_only_when_asked_for_a_day(configured):
    configuration = configured()
    assert not [m for m in messages(configuration) if "review" in m]
    assert [m for m in messages(configuration, date(2028, 1, 1)) if "review" in m] == [
        "rule always: ops meant to review it after 2027-12-31",
        "policy ladder: ops meant to review it after 2027-12-31",
    ]
    assert not [m for m in messages(configuration, date(2027, 12, 31)) if "review" in m]


def test_people_who_cannot_be_reached_and_inactive_teams_are_found(configured):
    found = messages(configured(("give", "{assign: closed}")))
    assert "team lost: its senior, gone, cannot be reached" in found
    assert "service old: its owner closed is not active; ops answers" in found
    assert "rule give: it assigns closed, which is not active" in found


def test_policy_that_no_rule_chooses_is_found(configured):
    from_small = configured().policy_text.partition("policies:")[2]
    both = "policies:" + from_small + from_small.replace("ladder", "spare").lstrip("\n")
    assert "policy spare: no rule chooses it" in messages(configured(policies=both))
