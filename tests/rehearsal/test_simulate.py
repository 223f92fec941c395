"""One incident tried out: the same rules and machine, on a clock that is only ever told the time."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from triage.errors import ConfigurationError, UnknownWord
from triage.escalation.state import Notice, Page, Phase
from triage.rehearsal.drawing import draw
from triage.rehearsal.scenario import read_scenario
from triage.rehearsal.simulate import notices, simulate
from triage.rehearsal.telling import simulation_as_json
from triage.rules.configuration import Configuration, load_configuration

ROOT = Path(__file__).parents[2]
NIGHT = "at: 2026-12-25T02:40:00+01:00\n"


@pytest.fixture(scope="module")
def shipped() -> Configuration:
    return load_configuration(ROOT / "config")


@pytest.fixture
def play(shipped):
    def played(text: str):
        return simulate(shipped.rulebook, read_scenario(text, "scenario.yaml"))

    return played


def pages(simulation) -> list[tuple[int, str]]:
    return [(int((at - simulation.opened_at).total_seconds() // 60), page.person) for at, page in simulation.pages]


PAYMENTS = "incident: {title: Card authorisations fail, service: payment-gateway, severity: critical}\n"


def test_p1_at_night_on_a_holiday_climbs_until_somebody_answers(play):
    found = play(NIGHT + PAYMENTS + "then: [{after: 22m, acknowledge: first}]\n")
    assert pages(found) == [
        (0, "marta"),
        (0, "claire"),
        (5, "marta"),
        (5, "claire"),
        (10, "claire"),
        (10, "henrik"),
        (20, "victor"),
        (20, "ingrid"),
        (35, "claire"),
    ]
    assert found.phase is Phase.ACKNOWLEDGED
    assert [note.notice for note in notices(found, Notice.VENDOR_LATE)] == [Notice.VENDOR_LATE]


def test_simulation_is_the_same_every_time(play):
    text = NIGHT + PAYMENTS + "answer_within: 7m\n"
    assert play(text).entries == play(text).entries


def test_simulation_ends_though_nobody_ever_answers(play):
    found = play(NIGHT + PAYMENTS + "until: 31d\n")
    assert found.phase is Phase.CALLING
    assert found.ended < found.opened_at + timedelta(hours=3)
    assert max(page.attempt for _, page in found.pages if page.number == 0) == 3


def test_raised_priority_takes_the_faster_path_without_repeating_anybody(play):
    found = play(
        NIGHT
        + "incident: {title: Slow checkout, service: checkout, severity: high}\n"
        + "then:\n  - {after: 3m, alert: {severity: critical}}\n  - {after: 6m, acknowledge: first}\nuntil: 2h\n"
    )
    assert [ruling.outcome.path.policy for ruling in found.rulings] == ["urgent", "major-incident"]
    told = [person for _, person in pages(found)]
    assert len(told) == len(set(told))
    assert "henrik" in told


def test_override_moves_it_and_pages_the_new_team_at_its_first_step(play):
    found = play(
        NIGHT
        + "incident: {title: Slow checkout, service: checkout, severity: high}\n"
        + "then:\n  - {after: 5m, acknowledge: first}\n  - {after: 30m, override: {by: amara, team: database}}\n"
    )
    moved = [page for at, page in found.pages if at == found.opened_at + timedelta(minutes=30)]
    assert moved[0].target == "oncall:database"
    assert found.rulings[1].outcome.path.resolve_by == found.path.resolve_by


def test_time_alone_may_change_the_path(configured):
    slow = configured(
        ("linger", "{priority_at_least: P1}", "incident.status == 'triaging' && incident.status_minutes >= 45")
    )
    found = simulate(
        slow.rulebook,
        read_scenario(
            "at: 2027-02-01T11:00:00Z\nincident: {service: shop}\nthen: [{after: 5m, acknowledge: bob}]\n",
            "s.yaml",
        ),
    )
    assert [(r.at, r.outcome.priority.value) for r in found.rulings] == [
        (datetime(2027, 2, 1, 11, 0, tzinfo=UTC), "P3"),
        (datetime(2027, 2, 1, 11, 50, tzinfo=UTC), "P1"),
    ]


def test_seen_again_changes_what_rules_conclude(configured):
    often = configured(("often", "{priority_at_least: P2}", "recurrence.occurrences_24h >= 5"))
    text = (
        "at: 2027-02-01T11:00:00Z\nincident: {service: shop}\nthen: [{after: 1m, seen: {occurrences: {24h: 5}}}]\n"
    )
    found = simulate(often.rulebook, read_scenario(text, "s.yaml"))
    assert [ruling.outcome.priority.value for ruling in found.rulings][:2] == ["P3", "P2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at: 2026-12-25T02:40:00\n", "scenario.yaml:1: at: "),
        (NIGHT + "incident: {servce: x}\n", "did you mean 'service'"),
        (NIGHT + "then: [{after: 5m}]\n", "exactly one thing happens at a time"),
        (NIGHT + "then: [{after: 5m, resolve: a, vendor: b}]\n", "exactly one thing happens at a time"),
        (NIGHT + "until: 40d\n", "at most 31d"),
    ],
)
def test_faulty_scenario_is_refused_with_its_line(text, said):
    with pytest.raises(ConfigurationError) as refused:
        read_scenario(text, "scenario.yaml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("happening", "said"),
    [
        ("override: {team: nowhere}", "unknown team 'nowhere'"),
        ("vendor: nowhere", "unknown vendor 'nowhere'"),
        ("alert: {data_exposure: [maybe]}", "no report has such a value of data_exposure"),
    ],
)
def test_name_that_the_configuration_does_not_know_is_refused(play, happening, said):
    with pytest.raises(UnknownWord, match=said):
        play(NIGHT + f"then: [{{after: 5m, {happening}}}]\n")


def test_drawing_tells_the_night_the_holiday_and_who_is_woken(play, shipped):
    found = play(NIGHT + PAYMENTS + "then: [{after: 22m, acknowledge: first}, {after: 2h, resolve: ines}]\n")
    drawn = draw(found, shipped.catalogue)
    assert "2026-12-25 02:40 Europe/Berlin, Friday, a holiday, at night" in drawn
    assert "page Marta Kowalczyk [oncall:payments] as responsible, is woken; until 02:45" in drawn
    assert "policy payments-critical by rule payments-critical" in drawn
    assert drawn.splitlines()[-1] == "Ends +2:00: it is resolved."
    assert max(len(line) for line in drawn.splitlines()) < 130


def test_simulation_as_json_says_the_same(play, shipped):
    found = play(NIGHT + PAYMENTS + "answer_within: 3m\nuntil: 2h\n")
    told = json.loads(json.dumps(simulation_as_json(found, shipped.catalogue)))
    assert [entry["person"] for entry in told["timeline"] if entry["kind"] == "page"] == ["marta", "claire"]
    assert told["decisions"][0]["policy"] == "payments-critical"
    assert all(entry["text"] for entry in told["timeline"])


def test_updates_are_drawn_in_their_very_words(play, shipped):
    text = NIGHT + "incident: {title: Search is down, service: checkout}\npriority: P1\nuntil: 35m\n"
    drawn = draw(play(text), shipped.catalogue)
    assert (
        "to leadership, Ingrid Voss: “Critical on checkout, not yet taken for 30 minutes;"
        " Storefront leads. Next update in 30 minutes.”"
    ) in drawn


def test_quiet_path_pages_nobody(configured):
    quiet = configured(("hush", "{suppress: maintenance}", "incident.service == 'shop'"))
    text = "at: 2027-02-01T11:00:00Z\nincident: {service: shop}\n"
    found = simulate(quiet.rulebook, read_scenario(text, "s.yaml"))
    assert (found.phase, [e for e in found.entries if isinstance(e.effect, Page)]) == (Phase.QUIET, [])


def test_step_in_business_hours_wakes_nobody_and_comes_when_they_open(play, shipped):
    report = "incident: {title: Report is late, service: checkout, severity: low}\npriority: P3\nuntil: 7d\n"
    found = play(NIGHT + report)
    assert found.path.policy == "next-working-hours"
    first, _ = found.pages[0]
    # Friday the 25th and Saturday the 26th are holidays, and Sunday is no working day.
    assert first.astimezone(shipped.catalogue.zone).strftime("%a %d %H:%M") == "Mon 28 09:00"
    assert found.path.steps[0].at == first


def test_what_memory_knows_is_seen_by_rules(configured):
    asks = configured(
        ("fix", "{require_review: fix}", "pattern.known_fix && pattern.minutes_to_resolve < 10.0"),
        ("storm", "{require_review: storm}", "recurrence.storm_size >= 5"),
        ("often", "{require_review: often}", "pattern.occurrences >= 40"),
    )
    seen = "seen: {known_fix: restart it, resolves_within: 5m, storm_size: 6, total: 40}\nuntil: 1h\n"
    found = simulate(asks.rulebook, read_scenario(f"at: 2027-02-01T11:00:00Z\n{seen}", "s.yaml"))
    assert found.rulings[0].outcome.review_reasons == ("fix: fix", "storm: storm", "often: often")
