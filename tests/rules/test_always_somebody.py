"""Whatever the schedules leave open and whoever left: every path tells somebody, at the latest the triage desk."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.domain.decision import DecisionSource
from triage.domain.priority import Priority
from triage.domain.reach import is_reachable
from triage.domain.schedule import OnCallOverride
from triage.errors import ConfigurationError
from triage.rules.configuration import configuration_from_texts

CATALOGUE = """\
organisation: Thin
timezone: Europe/Berlin
triage_desk: desk
people:
  ann: {name: Ann, contacts: [{channel: email, address: ann@thin.example}]}
  bob: {name: Bob, contacts: [{channel: email, address: bob@thin.example}]}
  eve: {name: Eve, contacts: [{channel: email, address: eve@thin.example}]}
  gone: {name: Gone, active: false, contacts: [{channel: email, address: gone@thin.example}]}
  mute: {name: Mute}
schedules:
  nights: {timezone: Europe/Berlin, participants: [gone, bob, mute], starts_on: 2027-01-04, turn: 1d,
    hours: [{start: "22:00", end: "06:00"}]}
  weekends:
    timezone: America/New_York
    layers:
      - {id: saturday, participants: [eve], starts_on: 2027-01-04, hours: [{days: [saturday]}]}
      - {id: sunday, participants: [gone, mute], starts_on: 2027-01-04, hours: [{days: [sunday]}]}
  left: {timezone: UTC, participants: [gone, mute], starts_on: 2027-01-04}
  desk: {timezone: UTC, participants: [ann], starts_on: 2027-01-04, hours: [{start: "09:00", end: "17:00"}]}
teams:
  desk: {name: Desk, schedule: desk, responders: [ann]}
  night: {name: Night, schedule: nights}
  weekend: {name: Weekend, schedule: weekends, senior: person:gone, lead: oncall:weekends, parent: night}
  left: {name: Left, schedule: left, responders: [gone, mute], senior: person:gone, lead: person:mute}
  closed: {name: Closed, active: false, responders: [bob], parent: left}
services:
  a: {name: A, owner: night}
  b: {name: B, owner: weekend, vendor: host}
  c: {name: C, owner: left}
  d: {name: D, owner: closed}
vendors:
  host: {name: Host, contact: help@host.example}
channels:
  page: {stage: communications}
roles:
  approver: person:gone
"""
TARGETS = [
    *["owner", "owner.senior", "owner.lead", "owner.parent", "team:night", "team:left", "team:weekend.senior"],
    *[
        "oncall:nights",
        "oncall:weekends",
        "oncall:left",
        "person:gone",
        "person:mute",
        "team:closed",
        "role:approver",
    ],
]
POLICIES = """\
  p{n}:
    owner: desk
    review_after: 2027-12-31
    kinds: [time]
    steps:
      - {{targets: ['{first}'], channels: [page], round_robin: {turns}}}
      - {{targets: ['{second}', service.vendor], after: 90m}}
"""
POLICY_COUNT = len(TARGETS)
RULES = "rules:\n" + "".join(
    f'  - {{id: {rule_id}, owner: desk, review_after: 2027-12-31, when: "{when}", then: {then}}}\n'
    for rule_id, when, then in [
        ("also", "'also' in incident.labels", "{also_tell: ['person:mute', owner.lead]}"),
        ("straight", "'straight' in incident.labels", "{straight_to: ['oncall:left', 'person:gone']}"),
        (
            "ask",
            "'ask' in incident.labels",
            "{checkpoint: {id: c, role: approver, reason: r, decide_within: 5m, before: communications}}",
        ),
        ("give", "'give' in incident.labels", "{assign: left}"),
        ("hold", "'hold' in incident.labels && incident.title != ''", "{hold: 45m}"),
        *((f"r{n}", f"incident.kind == 'p{n}'", f"{{policy: p{n}}}") for n in range(1, POLICY_COUNT)),
    ]
)
LAST = "  - {id: last, owner: desk, review_after: 2027-12-31, then: {policy: p0}}\npolicies:\n"


@pytest.fixture(
    scope="module", params=["schedule: desk, responders: [ann]", "schedule: desk", "responders: [ann]"]
)
def thin(request):
    """The desk is on call in office hours only, with responders behind it and without, or has responders alone."""
    policies = "".join(
        POLICIES.format(
            n=n, first=first, second=TARGETS[(n * 5 + 3) % POLICY_COUNT], turns=str(n % 2 == 0).lower()
        )
        for n, first in enumerate(TARGETS)
    )
    catalogue = CATALOGUE.replace("schedule: desk, responders: [ann]", request.param)
    return configuration_from_texts(catalogue, RULES + LAST + policies)


moments = st.one_of(
    st.integers(1_790_000_000, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.builds(lambda day, hour: datetime(2027, 2, day, hour, tzinfo=UTC), st.integers(1, 28), st.integers(0, 23)),
)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_every_path_tells_somebody_whatever_the_schedules_leave_open(thin, facts_for, data):
    now = data.draw(moments)
    labels = data.draw(st.sets(st.sampled_from(["also", "straight", "ask", "give", "hold"])))
    swap = OnCallOverride(
        id="s",
        schedule="nights",
        person="gone",
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=2),
        made_by="bob",
        made_at=now,
    )
    facts = facts_for(
        thin,
        service=data.draw(st.sampled_from([None, "a", "b", "c", "d", "unheard of"])),
        kind=data.draw(st.sampled_from([f"p{n}" for n in range(POLICY_COUNT)])),
        labels=dict.fromkeys(labels, "yes"),
        _priority=data.draw(st.sampled_from(list(Priority))),
        _team=data.draw(st.sampled_from(["no such team", *thin.catalogue.teams])),
        _team_source=data.draw(st.sampled_from(list(DecisionSource))),
        _now=now,
        _opened_at=now,
        _oncall_overrides=data.draw(st.sampled_from([(), (swap,)])),
    )
    path = thin.rulebook.decide(facts).path
    told = [person for step in path.steps for person in step.forecast if not step.checkpoint]
    people = thin.catalogue.people
    assert told, path
    assert all(is_reachable(people[person]) for step in path.steps for person in step.forecast)
    assert all(step.forecast or step.skipped or step.beside for step in path.steps)


@pytest.mark.parametrize("desk", ["schedule: left", "responders: [gone, mute]", "schedule: desk, active: false"])
def test_desk_that_never_answers_is_refused(desk):
    policy = POLICIES.format(n=0, first="owner", second="owner", turns="false")
    catalogue = CATALOGUE.replace("schedule: desk, responders: [ann]", desk)
    with pytest.raises(ConfigurationError, match="triage_desk: team 'desk'"):
        configuration_from_texts(catalogue, f"rules:\n{LAST}{policy}")


def test_in_a_gap_of_the_desk_its_responders_are_told(thin, facts_for):
    """On a Monday at noon and at midnight, for a team that nobody is left of."""
    told = {}
    for hour in (12, 0):
        now = datetime(2027, 2, 1, hour, tzinfo=UTC)
        path = thin.rulebook.decide(facts_for(thin, service="c", kind="p9", _now=now, _opened_at=now)).path
        told[hour] = path.steps[-1].targets[-1]
    desk = thin.catalogue.teams["desk"]
    at_night = "team:desk" if desk.responders else "person:ann"
    assert told == {12: "oncall:desk" if desk.schedule else "team:desk", 0: at_night}
