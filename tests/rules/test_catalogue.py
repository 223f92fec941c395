"""Reading ``catalogue.yaml``: what is understood, and what is refused with its line."""

import re
from datetime import date, timedelta

import pytest

from triage.domain.priority import Priority
from triage.errors import ConfigurationError
from triage.rules.catalogue import load_catalogue

DESK = """\
organisation: Small
triage_desk: desk
people:
  ann: {name: Ann, contacts: [{channel: sms, address: secret-number}]}
teams:
  desk: {name: Desk, responders: [ann]}
"""


def refused(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_catalogue(text, "c.yaml")
    return caught.value


def test_least_catalogue_answers_for_everything():
    catalogue = load_catalogue(DESK)
    assert catalogue.owner_of("never heard of").id == "desk"
    assert catalogue.timezone == "UTC"
    assert catalogue.default_priority is Priority.P3


def test_version_names_the_content():
    version = load_catalogue(DESK).version
    assert version == load_catalogue(DESK, "elsewhere.yaml").version
    assert version != load_catalogue(DESK + "# a comment\n").version
    assert version.startswith("catalogue:")
    assert len(version.removeprefix("catalogue:")) == 12


def test_everything_written_is_understood():
    catalogue = load_catalogue(
        DESK
        + """\
timezone: Asia/Singapore
priorities: {P1: {label: Critical, words: [sev1]}}
severities: {page: {priority: P2, floor: P3}}
matrix: {1: {2: P2}}
slas: [{priority: P1, acknowledge_within: PT5M, resolve_within: 1h30m, customer_tier: vip}]
sources: {am: {join_window: 2d, auto_resolve_after: never}}
business_hours: {start: "08:30", end: "17:00", days: [sunday, monday]}
holidays: [2027-01-01]
"""
    )
    assert catalogue.find_priority("SEV1") is Priority.P1
    assert catalogue.find_severity("Page").floor is Priority.P3
    assert catalogue.find_matrix_priority("1", "2") is Priority.P2
    assert catalogue.find_sla(Priority.P1, "VIP").resolve_within == timedelta(minutes=90)
    assert catalogue.source_settings("am").auto_resolve_after is None
    assert catalogue.source_settings("am").join_window == timedelta(days=2)
    assert catalogue.business_days == {6, 0}
    assert catalogue.holidays == {date(2027, 1, 1)}


@pytest.mark.parametrize(
    ("addition", "line", "said"),
    [
        ("time_zone: UTC", 7, "unknown key 'time_zone'; expected one of .*; did you mean 'timezone'?"),
        (
            "services: {s: {name: S, owner: desk, teir: 1}}",
            7,
            "unknown key 'services.s.teir'.*did you mean 'tier'?",
        ),
        ("services:\n  s: {name: S}", 8, "missing key 'services.s.owner'"),
        ("services:\n  s: {name: S, owner: desk, tier: '1'}", 8, r"services.s.tier: found '1'; expected"),
        ("services:\n  s: {name: S, owner: desk, tier: 9}", 8, r"found 9 \(a number\)"),
        ("services:\n  s:\n    name: S\n    owner: desc", 10, "unknown team 'desc'; did you mean 'desk'?"),
        ("services: {s: {name: S, owner: desk, vendor: v}}", 7, "unknown vendor 'v'"),
        ("services: {s: {name: S, owner: desk, dependencies: [t]}}", 7, "unknown service 't'"),
        ("schedules: {o: {timezone: UTC, starts_on: 2027-01-01, participants: [an]}}", 7, "did you mean 'ann'"),
        ("schedules: {o: {timezone: UTC, starts_on: 2027-02-30, participants: [ann]}}", 7, "a date such as"),
        ("schedules: {o: {timezone: Mars/X, starts_on: 2027-01-01, participants: [ann]}}", 7, "unknown time zone"),
        ("schedules: {o: {timezone: UTC, starts_on: 2027-01-01, participants: []}}", 7, "a list"),
        (
            "schedules: {o: {timezone: UTC, starts_on: 2027-01-01, participants: [ann], turn: 12h}}",
            7,
            "whole days",
        ),
        ("roles: {chief: ann}", 7, "unknown target 'ann'"),
        ("roles: {chief: 'person:bob'}", 7, "unknown person 'bob'"),
        ("timezone: Europe/Nowhere", 7, "unknown time zone 'Europe/Nowhere'"),
        ("timezone: ../../etc/passwd", 7, "unknown time zone"),
        ("slas: [{priority: P6, acknowledge_within: 5m, resolve_within: 1h}]", 7, "'P6'; expected 'P1'"),
        ("slas: [{priority: P1, acknowledge_within: 5, resolve_within: 1h}]", 7, "a length of time such as"),
        ("slas: [{priority: P1, acknowledge_within: 5 min, resolve_within: 1h}]", 7, "a length of time such as"),
        ("business_hours: {start: '18:00', end: '09:00'}", 7, "start before end"),
        ("priorities: {P1: {label: High}, P2: {label: high}}", 7, "means both P1 and P2"),
        ("services: {a: {name: Shop, owner: desk}, shop: {name: B, owner: desk}}", 7, "names both 'a' and 'shop'"),
        ("organisation: Again", 7, "duplicate key 'organisation', first given in line 1"),
        ("vendors: {v: {name: V, respond_within: 4000d}}", 7, "at most 366 days"),
    ],
)
def test_fault_is_told_with_line_and_what_is_expected(addition, line, said):
    fault = refused(DESK + addition + "\n")
    assert fault.line == line
    assert fault.file == "c.yaml"
    assert re.search(said, fault.message), fault.message


def test_same_word_for_services_of_two_environments_is_no_fault():
    catalogue = load_catalogue(
        DESK
        + "services:\n"
        + "  live: {name: Shop, owner: desk, environment: production}\n"
        + "  trial: {name: Shop, owner: desk, environment: staging}\n"
    )
    assert catalogue.find_service("shop", "staging").id == "trial"


def test_address_is_never_shown():
    fault = refused(DESK.replace("address: secret-number", "address: 4930231250"))
    assert "address" in fault.message
    assert "4930231250" not in str(fault)


def test_circle_of_parents_is_refused():
    text = DESK.replace("responders: [ann]}", "responders: [ann], parent: a}")
    text += "  a: {name: A, parent: b}\n  b: {name: B, parent: desk}\n"
    assert "circle, desk → a → b → desk" in refused(text).message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("triage_desk: desk", "triage_desk: dessk", "unknown team 'dessk'; did you mean 'desk'?"),
        ("responders: [ann]", "responders: [ann], active: false", "not active; it must always answer"),
        ("responders: [ann]", "responders: []", "nobody who is active and has a contact method"),
        ("{name: Ann,", "{name: Ann, active: false,", "nobody who is active"),
        (", contacts: [{channel: sms, address: secret-number}]", "", "nobody who is active"),
    ],
)
def test_triage_desk_must_answer(old, new, said):
    fault = refused(DESK.replace(old, new))
    assert said in fault.message
    assert fault.line == 2


def test_all_faults_of_a_file_are_counted():
    fault = refused(DESK + "roles: {a: 'person:x', b: 'person:y', c: 'person:z'}\n")
    assert fault.message.endswith("(+2 more)")
