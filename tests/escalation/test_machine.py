"""What happens next: who is told, told again, moved on to; what promises, approvals and vendors do to it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from triage.domain.catalogue import Catalogue, ContactMethod, Person, Team
from triage.domain.escalation import (
    Checkpoint,
    EscalationKind,
    EscalationPath,
    Mode,
    PathStep,
    Require,
    Updates,
    VendorClock,
)
from triage.domain.reach import Surroundings
from triage.domain.schedule import Hours, Layer, Limits, Schedule
from triage.escalation.machine import advance, begin
from triage.escalation.state import (
    Acknowledged,
    Answered,
    AskApproval,
    CallVendor,
    Decided,
    Escalation,
    Note,
    Notice,
    Opened,
    Page,
    Phase,
    Post,
    Resolved,
    SendUpdate,
    StandDown,
    TakeTurn,
    TimePassed,
    VendorAnswered,
    Verdict,
)

OPENED = datetime(2027, 2, 1, 11, 0, tzinfo=UTC)
PEOPLE = ("ann", "bob", "eve", "max", "zoe")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def person(person_id: str) -> Person:
    return Person(id=person_id, name=person_id.title(), contacts=(ContactMethod(channel="email", address="x"),))


def schedule(
    schedule_id: str, *people: str, hours: tuple[Hours, ...] = (), limits: Limits | None = None
) -> Schedule:
    layer = Layer(id="all", timezone="UTC", participants=people, starts_on=date(2027, 1, 4), hours=hours)
    return Schedule(id=schedule_id, timezone="UTC", layers=(layer,), limits=limits or Limits())


CATALOGUE = Catalogue(
    version="c",
    organisation="Small",
    timezone="UTC",
    triage_desk="desk",
    teams={
        "desk": Team(id="desk", name="Desk", responders=("zoe",)),
        "crew": Team(id="crew", name="Crew", responders=("ann", "bob", "eve")),
    },
    people={name: person(name) for name in PEOPLE},
    schedules={
        "nobody": schedule("nobody", "max", hours=(Hours(start="20:00", end="21:00"),)),
        "limited": schedule("limited", "ann", "bob", limits=Limits(pages_a_shift=2)),
    },
    roles={"approver": "person:ann", "second": "person:eve"},
)


def step(*targets: str, **changes) -> PathStep:
    defaults = {
        "number": 1,
        "targets": targets,
        "forecast": (),
        "require": Require.ANY,
        "roles": {},
        "channels": (),
        "at": OPENED,
        "acknowledge_within": minutes(10),
        "resolve_within": None,
        "repeat": 0,
    }
    return PathStep(**{**defaults, **changes})


def path(*steps: PathStep, **changes) -> EscalationPath:
    defaults = {
        "policy": "p",
        "rule": "r",
        "kinds": (EscalationKind.TIME,),
        "mode": Mode.NOTIFY,
        "desk": "team:desk",
    }
    numbered = tuple(
        PathStep(**{name: getattr(one, name) for name in one.__slots__} | {"number": n})
        for n, one in enumerate(steps, 1)
    )
    return EscalationPath(**{**defaults, "steps": numbered, **changes})


class Running:
    """An escalation with a clock that is moved by hand; keeps all effects with their minute."""

    def __init__(self, *steps: PathStep, **changes) -> None:
        self.around = Surroundings(catalogue=CATALOGUE)
        self.now = OPENED
        self.log: list[tuple[float, object]] = []
        self.state = begin(path(*steps, **changes), OPENED)
        self.happens(Opened())

    def happens(self, event: object, after: float = 0) -> "Running":
        """``event`` that many minutes from now; what falls due until then happens first."""
        end = self.now + minutes(after)
        while (due := self.state.due_at) is not None and due <= end and not isinstance(event, Opened):
            self.now = max(due, self.now)
            self._apply(TimePassed())
        self.now = end
        self._apply(event)
        return self

    def passes(self, count: float) -> "Running":
        return self.happens(TimePassed(), count)

    def _apply(self, event: object) -> None:
        self.state, effects = advance(self.around, self.state, event, self.now)
        self.log += [((self.now - OPENED) / minutes(1), effect) for effect in effects]

    def of(self, *kinds: type) -> list[object]:
        return [effect for _, effect in self.log if isinstance(effect, kinds)]

    @property
    def pages(self) -> list[tuple[float, str]]:
        return [(at, effect.person) for at, effect in self.log if isinstance(effect, Page)]

    @property
    def notices(self) -> list[tuple[float, Notice]]:
        return [(at, effect.notice) for at, effect in self.log if isinstance(effect, Note)]


def test_step_is_told_again_and_then_the_next_one():
    running = Running(step("person:ann", repeat=1), step("person:bob", after=minutes(5))).passes(30)
    assert running.pages == [(0, "ann"), (10, "ann"), (25, "bob")]
    assert running.notices == [(20, Notice.MOVED_ON)]


def test_nobody_on_call_is_skipped_at_once():
    running = Running(step("oncall:nobody"), step("person:bob", after=minutes(30)))
    assert running.pages == [(0, "bob")]
    assert Notice.SKIPPED in [notice for _, notice in running.notices]


def test_step_skipped_on_the_way_makes_the_next_one_wait_for_nothing():
    running = Running(step("person:ann"), step("oncall:nobody"), step("person:bob", after=minutes(30))).passes(10)
    assert running.pages == [(0, "ann"), (10, "bob")]


def test_desk_is_told_until_somebody_answers():
    running = Running(step("person:ann")).passes(10 + 15 * 2)
    assert running.pages == [(0, "ann"), (10, "zoe"), (25, "zoe"), (40, "zoe")]
    running.happens(Acknowledged("zoe"), 1).passes(600)
    assert running.pages[-1] == (40, "zoe")
    assert running.state.phase is Phase.ACKNOWLEDGED


def test_ladder_is_climbed_again_before_the_desk():
    running = Running(step("person:ann"), step("person:bob"), repeat=1).passes(40)
    assert running.pages == [(0, "ann"), (10, "bob"), (20, "ann"), (30, "bob"), (40, "zoe")]


def test_path_of_which_nobody_can_be_reached_ends_at_the_desk_at_once():
    running = Running(step("oncall:nobody"), step("oncall:nobody"), repeat=3)
    assert running.pages == [(0, "zoe")]


def test_acknowledgement_stops_the_calls():
    running = Running(step("person:ann"), step("person:bob")).happens(Acknowledged("ann"), 5).passes(600)
    assert running.pages == [(0, "ann")]
    assert running.state.due_at is None


def test_second_acknowledgement_changes_nothing():
    running = Running(step("person:ann")).happens(Acknowledged("ann"), 1)
    before = running.state
    running.happens(Acknowledged("bob"), 1)
    assert running.state == before


def test_where_all_must_answer_only_the_missing_are_told_again():
    running = Running(step("person:ann", "person:bob", require=Require.ALL, repeat=1))
    running.happens(Acknowledged("ann"), 2).passes(9)
    assert running.state.phase is Phase.CALLING
    assert running.pages == [(0, "ann"), (0, "bob"), (10, "bob")]
    running.happens(Acknowledged("bob"), 1)
    assert running.state.phase is Phase.ACKNOWLEDGED


def test_who_is_only_informed_is_told_once_and_not_waited_for():
    roles = {"responsible": "person:ann", "informed": "person:bob"}
    running = Running(step("person:ann", "person:bob", roles=roles, require=Require.ALL, repeat=1)).passes(10)
    assert running.pages == [(0, "ann"), (0, "bob"), (10, "ann")]
    running.happens(Acknowledged("ann"))
    assert running.state.phase is Phase.ACKNOWLEDGED


def test_round_robin_goes_to_the_next_one_with_every_incident_and_every_try():
    robin = step("team:crew", round_robin=True, repeat=1)
    running = Running(robin).passes(10)
    assert running.pages == [(0, "ann"), (10, "ann")]
    key = next(effect.key for effect in running.of(TakeTurn))
    second = Surroundings(catalogue=CATALOGUE, turns={key: 1})
    _, effects = advance(second, begin(path(robin), OPENED), Opened(), OPENED)
    assert [effect.person for effect in effects if isinstance(effect, Page)] == ["bob"]


def test_after_so_many_pages_in_a_shift_the_next_person_is_paged():
    borne = {"ann": (OPENED - minutes(60), OPENED - minutes(30)), "bob": (OPENED - timedelta(days=9),) * 5}
    for pages, expected in (({}, "ann"), (borne, "bob"), ({**borne, "bob": borne["ann"]}, "ann")):
        around = Surroundings(catalogue=CATALOGUE, pages=pages)
        _, effects = advance(around, begin(path(step("oncall:limited")), OPENED), Opened(), OPENED)
        assert [effect.person for effect in effects if isinstance(effect, Page)] == [expected]


def test_not_resolved_in_time_calls_the_next_step_though_somebody_works_on_it():
    running = Running(step("person:ann", resolve_within=minutes(60)), step("person:bob"))
    running.happens(Acknowledged("ann"), 5).passes(60)
    assert running.pages == [(0, "ann"), (60, "bob")]
    assert running.state.phase is Phase.CALLING


def test_promises_count_from_the_opening_and_are_noted_once():
    promised = {"acknowledge_by": OPENED + minutes(15), "resolve_by": OPENED + minutes(60)}
    running = Running(step("person:ann", repeat=9), **promised).passes(20)
    moved = path(step("person:bob", repeat=9), **promised)
    running.happens(Decided(moved, "override", moved=True)).passes(60)
    assert [(at, n) for at, n in running.notices if n.value.endswith("breached")] == [
        (15, Notice.ACKNOWLEDGE_BREACHED),
        (60, Notice.RESOLVE_BREACHED),
    ]


def test_reassignment_tells_the_new_team_at_its_first_step_with_a_fresh_clock():
    running = Running(step("person:ann"), step("person:eve")).happens(Acknowledged("ann"), 5)
    new = path(step("person:bob", roles={"responsible": "person:bob"}), step("person:eve"))
    running.happens(Decided(new, "override", moved=True), 25).passes(10)
    assert running.pages == [(0, "ann"), (30, "bob"), (40, "eve")]


def test_new_team_is_told_even_if_it_was_told_before_and_bystanders_are_not():
    running = Running(step("person:ann", "person:eve")).passes(2)
    new = path(step("person:ann", "person:eve", "person:bob", roles={"responsible": "person:ann"}), policy="q")
    running.happens(Decided(new, "override", moved=True))
    assert running.pages[2:] == [(2, "ann"), (2, "bob")]


def test_faster_path_repeats_nobody_and_counts_the_time_they_had():
    running = Running(step("person:ann", acknowledge_within=minutes(120))).passes(10)
    fast = path(step("person:ann"), step("person:bob"), policy="fast")
    running.happens(Decided(fast, "priority raised"))
    assert running.pages == [(0, "ann"), (10, "bob")]


def test_faster_path_leaves_the_rest_of_their_time_to_those_who_were_told():
    running = Running(step("person:ann", acknowledge_within=minutes(120))).passes(4)
    fast = path(step("person:ann"), step("person:bob"), policy="fast")
    running.happens(Decided(fast, "priority raised")).passes(6)
    assert running.pages == [(0, "ann"), (10, "bob")]


def test_faster_path_tells_further_people_though_somebody_works_on_it():
    running = Running(step("person:ann")).happens(Acknowledged("ann"), 1)
    fast = path(step("person:ann", "person:max"), step("person:bob"), policy="fast")
    running.happens(Decided(fast, "priority raised"), 1).passes(60)
    assert running.pages == [(0, "ann"), (2, "max")]
    assert running.state.phase is Phase.ACKNOWLEDGED


def test_same_path_again_changes_nothing_that_runs():
    running = Running(step("person:ann", repeat=1)).passes(5)
    running.happens(Decided(path(step("person:ann", repeat=1)), "another alert")).passes(5)
    assert running.pages == [(0, "ann"), (10, "ann")]


def test_hold_lets_a_flapper_end_before_anybody_is_told():
    held = Running(step("person:ann", at=OPENED + minutes(5))).happens(Resolved("source"), 3).passes(60)
    assert held.pages == []
    assert Running(step("person:ann", at=OPENED + minutes(5))).passes(5).pages == [(5, "ann")]


@pytest.mark.parametrize(
    "quiet", [{"suppressed": True, "suppressed_because": "maintenance"}, {"mode": Mode.OBSERVE}]
)
def test_suppressed_or_observed_tells_nobody_until_it_is_decided_otherwise(quiet):
    running = Running(step("person:ann"), **quiet).passes(600)
    assert (running.pages, running.state.due_at, running.state.phase) == ([], None, Phase.QUIET)
    running.happens(Decided(path(step("person:ann")), "silence ended"))
    assert running.pages == [(600, "ann")]


ASK = Checkpoint(id="ask", role="approver", reason="may we", decide_within=minutes(20), deputy="second")


def waiting(**changes) -> PathStep:
    return step("person:ann", checkpoint=ASK, beside=True, channels=("page",), **changes)


def test_approval_holds_back_the_announcement_and_nobodys_page():
    running = Running(step("person:bob"), waiting(), step("person:eve")).passes(10)
    assert running.pages == [(0, "bob"), (10, "eve")]
    assert [effect.people for effect in running.of(AskApproval)] == [("ann",)]
    assert running.of(Post) == []
    running.happens(Answered("ask", True, "ann"), 1)
    assert running.of(Post) == [Post(channels=("page",), number=2)]


def test_deputy_is_asked_in_time_and_after_that_it_stays_unsaid():
    running = Running(step("person:bob"), waiting()).happens(Acknowledged("bob")).passes(41)
    assert [(effect.people, effect.deputy) for effect in running.of(AskApproval)] == [
        (("ann",), False),
        (("eve",), True),
    ]
    assert running.state.verdicts == {"ask": Verdict.EXPIRED}
    assert running.of(Post) == []
    running.happens(Answered("ask", True, "eve"), 1)
    assert running.of(Post)


def test_refusal_is_final():
    running = Running(step("person:bob"), waiting()).happens(Answered("ask", False, "ann"), 1)
    running.happens(Answered("ask", True, "eve"), 1)
    assert running.of(Post) == []


def test_step_behind_an_approval_is_told_when_it_comes():
    running = Running(step("person:bob"), step("person:max", checkpoint=ASK, acknowledge_within=minutes(60)))
    running.passes(15)
    assert running.pages == [(0, "bob")]
    running.happens(Answered("ask", True, "ann"), 1).passes(60)
    assert running.pages == [(0, "bob"), (16, "max"), (76, "zoe")]


def test_vendor_has_the_time_of_its_contract():
    clock = VendorClock(vendor="host", contract="24 x 7", respond_within=minutes(30))
    called = step("person:ann", vendors=(clock,), roles={"accountable": "person:eve"})
    late = Running(called).happens(Acknowledged("ann"), 1).passes(30)
    assert late.of(CallVendor)[0].answer_by == OPENED + minutes(30)
    assert late.pages == [(0, "ann"), (30, "eve")]
    answered = Running(called).happens(Acknowledged("ann"), 1).happens(VendorAnswered("host"), 1).passes(60)
    assert answered.pages == [(0, "ann")]


def test_updates_go_out_until_it_is_over():
    updates = Updates(every=minutes(30), template="{status}", channels=("page",))
    running = Running(step("person:ann"), updates=updates).happens(Acknowledged("ann"), 5).passes(60)
    running.happens(Resolved("ann"), 1)
    sent = [(at, e.status, e.next_within) for at, e in running.log if isinstance(e, SendUpdate)]
    assert sent == [
        (0, "not yet taken", minutes(30)),
        (30, "being worked on", minutes(30)),
        (60, "being worked on", minutes(30)),
        (66, "resolved", None),
    ]
    assert running.of(StandDown) == [StandDown(people=("ann",))]


events = st.one_of(
    st.just(TimePassed()),
    st.sampled_from(PEOPLE).map(Acknowledged),
    st.just(Resolved("ann")),
    st.builds(Answered, st.just("ask"), st.booleans(), st.just("ann")),
    st.builds(
        Decided,
        st.sampled_from(
            [
                path(step("person:max"), waiting(), policy="q"),
                path(step("oncall:nobody"), step("team:crew", require=Require.ALL, repeat=2), policy="z"),
                path(step("person:ann"), suppressed=True),
            ]
        ),
        st.just("drawn"),
        st.booleans(),
    ),
)


@given(st.lists(st.tuples(events, st.integers(0, 200)), max_size=12))
def test_whatever_happens_somebody_is_called_until_it_is_taken(happenings):
    running = Running(step("oncall:nobody"), step("person:ann"), waiting(), step("team:crew", require=Require.ALL))
    for event, after in happenings:
        running.happens(event, after)
        state = running.state
        assert (state.due_at is None) or state.due_at > running.now
        if state.phase is Phase.CALLING:
            assert state.due_at is not None
            assert running.pages
        if state.phase in (Phase.RESOLVED, Phase.QUIET):
            assert state.timers == ()


@given(st.integers(1, 7))
def test_late_clock_loses_nothing(delay):
    """A clock that comes late tells the same people in the same order as one that is on time."""
    on_time = Running(step("person:ann", repeat=1), step("person:bob"), step("person:eve")).passes(600)
    late = Running(step("person:ann", repeat=1), step("person:bob"), step("person:eve"))
    for _ in range(200):
        late.now += minutes(delay)
        late._apply(TimePassed())
    assert [name for _, name in on_time.pages[:4]] == [name for _, name in late.pages[:4]]


def test_later_step_in_business_hours_waits_for_them():
    steps = (step("person:ann", acknowledge_within=minutes(7 * 60)), step("person:bob", in_hours=True))
    running = Running(*steps).passes(24 * 60)
    assert running.pages == [(0, "ann"), ((24 + 9 - 11) * 60, "bob"), ((24 + 9 - 11) * 60 + 10, "zoe"), *DESK]


DESK = [((24 + 9 - 11) * 60 + 10 + 15 * n, "zoe") for n in range(1, 8)]


def test_where_it_stands_is_a_value_that_a_row_can_hold():
    rows = TypeAdapter(Escalation)
    running = Running(step("person:bob"), waiting(), step("team:crew", require=Require.ALL)).passes(15)
    stored = json.loads(rows.dump_json(running.state))
    assert rows.validate_python(stored) == running.state


def test_desk_is_reached_in_the_gap_of_its_own_schedule():
    desk = Team(id="desk", name="Desk", schedule="nobody")
    gappy = replace(CATALOGUE, teams={**CATALOGUE.teams, "desk": desk})
    ladder = path(step("oncall:nobody"), desk="oncall:nobody")
    _, effects = advance(Surroundings(catalogue=gappy), begin(ladder, OPENED), Opened(), OPENED)
    assert [effect.person for effect in effects if isinstance(effect, Page)] == ["max"]


def test_hold_ends_at_once_when_nothing_holds_it_any_more():
    held = Running(step("person:ann", at=OPENED + minutes(30)))
    held.happens(Decided(path(step("person:ann", at=OPENED + minutes(4))), "priority raised"), 4)
    assert held.pages == [(4, "ann")]


def test_another_alert_lets_a_hold_last_no_longer():
    held = Running(step("person:ann", at=OPENED + minutes(10)))
    held.happens(Decided(path(step("person:ann", at=OPENED + minutes(14))), "another alert"), 4).passes(6)
    assert held.pages == [(10, "ann")]


def test_further_people_are_told_without_delaying_the_ladder():
    running = Running(step("person:ann", repeat=1), step("person:bob")).passes(12)
    more = path(step("person:ann", "person:max", repeat=1, roles={"informed": "person:max"}), step("person:bob"))
    running.happens(Decided(more, "another alert")).passes(8)
    assert running.pages == [(0, "ann"), (10, "ann"), (12, "max"), (20, "bob")]


def test_approval_asked_for_later_moves_no_clock():
    running = Running(step("person:bob"), step("person:eve")).passes(4)
    asked = path(step("person:bob"), waiting(), step("person:eve"))
    running.happens(Decided(asked, "data exposed")).passes(6)
    assert [effect.people for effect in running.of(AskApproval)] == [("ann",)]
    assert running.pages == [(0, "bob"), (10, "eve")]


def test_promise_to_acknowledge_is_kept_for_good_once_somebody_took_it():
    promised = {"acknowledge_by": OPENED + minutes(15)}
    running = Running(step("person:ann", resolve_within=minutes(60)), step("person:bob"), **promised)
    running.happens(Acknowledged("ann"), 5).passes(60)
    running.happens(Decided(path(step("person:eve"), policy="q", **promised), "override", moved=True)).passes(5)
    assert Notice.ACKNOWLEDGE_BREACHED not in [notice for _, notice in running.notices]
