"""Faults planted into the shipped example, each a small change that somebody could make, and what has to be found.

``python -m bench.planted`` prints which of them ``triage check`` finds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from triage.rehearsal import findings as kinds
from triage.rehearsal.check import check
from triage.rehearsal.findings import Finding, Kind
from triage.rules.configuration import Configuration, configuration_from_texts, load_configuration

EXAMPLE = Path(__file__).parents[1] / "config"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """``catalogue`` and ``escalation``: texts to replace, each by what follows it. ``where``: the entry that the
    finding has to name."""

    name: str
    kind: Kind
    where: str
    catalogue: tuple[tuple[str, str], ...] = ()
    escalation: tuple[tuple[str, str], ...] = ()

    def plant(self, sound: Configuration) -> Configuration:
        return configuration_from_texts(
            _changed(sound.catalogue_text, self.catalogue), _changed(sound.policy_text, self.escalation)
        )

    def found_in(self, found: tuple[Finding, ...]) -> Finding | None:
        return next((one for one in found if one.kind is self.kind and one.where == self.where), None)


def _changed(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        if old not in text:
            raise ValueError(f"the example has no {old!r} any more")
        text = text.replace(old, new, 1)
    return text


def _rule(rule_id: str, then: str, when: str | None = None, at: str = "rules:\n") -> tuple[str, str]:
    """A rule put where ``at`` stands, before it unless it is the head of the list."""
    condition = f'    when: "{when}"\n' if when else ""
    text = f"  - id: {rule_id}\n    owner: sre\n    review_after: 2027-06-30\n{condition}    then: {then}\n"
    return (at, at + text) if at == "rules:\n" else (at, text + "\n" + at)


CHOICES = "  - id: payments-critical\n"
LAST = "  - id: everything-else\n"
POLICIES = "\npolicies:\n"


def _policy(policy_id: str, *steps: str) -> tuple[str, str]:
    written = "".join(f"      - {step}\n" for step in steps)
    head = f"  {policy_id}:\n    owner: sre\n    review_after: 2027-06-30\n    kinds: [time]\n    steps:\n"
    return (POLICIES, f"{POLICIES}{head}{written}\n")


def _chosen(policy_id: str, *steps: str, when: str = "incident.kind == 'drill'") -> tuple[tuple[str, str], ...]:
    return (_policy(policy_id, *steps), _rule(policy_id, f"{{policy: {policy_id}}}", when, CHOICES))


TURNS = "participants: [ines, tobias, marta], starts_on: 2026-01-05"
HENRIK = "  henrik: {name: Henrik Lund, "

FAULTS = (
    Fault(
        name="dead end: the only step reaches people who have left",
        kind=kinds.DEAD_END,
        where="policy quick",
        catalogue=(("  samuel: {", "  samuel: {active: false, "), ("  selin: {", "  selin: {active: false, ")),
        escalation=_chosen("quick", "{targets: ['oncall:security']}"),
    ),
    Fault(
        name="step without an owner: a person without a contact method",
        kind=kinds.STEP_WITHOUT_OWNER,
        where="policy quick, step 2",
        catalogue=((HENRIK, "  ghost: {name: Ghost}\n" + HENRIK),),
        escalation=_chosen(
            "quick", "{targets: [owner]}", "{targets: ['person:ghost']}", "{targets: [owner.lead]}"
        ),
    ),
    Fault(
        name="inactive person on a schedule",
        kind=kinds.PERSON_UNREACHABLE,
        where="schedule platform",
        catalogue=((HENRIK, "  henrik: {active: false, name: Henrik Lund, "),),
    ),
    Fault(
        name="inactive person named by a step",
        kind=kinds.PERSON_UNREACHABLE,
        where="policy quick, step 1",
        catalogue=((HENRIK, "  gone: {name: Gone, active: false}\n" + HENRIK),),
        escalation=_chosen("quick", "{targets: [owner, 'person:gone']}"),
    ),
    Fault(
        name="role of somebody who has left",
        kind=kinds.PERSON_UNREACHABLE,
        where="role security-lead",
        catalogue=(("  samuel: {", "  samuel: {active: false, "),),
    ),
    Fault(
        name="nobody on call at night in the next 30 days",
        kind=kinds.GAP,
        where="schedule payments",
        catalogue=((TURNS, TURNS + ', hours: [{start: "07:00", end: "22:00"}]'),),
    ),
    Fault(
        name="nobody on call on a holiday only",
        kind=kinds.GAP,
        where="schedule payments",
        catalogue=((TURNS, TURNS + ", hours: [{holidays: exclude}]"),),
    ),
    Fault(
        name="unreachable rule: two priorities at once",
        kind=kinds.RULE_NEVER,
        where="rule never",
        escalation=(_rule("never", "{require_review: x}", "priority == 'P1' && priority in ['P2', 'P3']"),),
    ),
    Fault(
        name="unreachable rule: numbers that exclude each other",
        kind=kinds.RULE_NEVER,
        where="rule never",
        escalation=(_rule("never", "{require_review: x}", "time.hour >= 22 && time.hour < 6"),),
    ),
    Fault(
        name="value that never occurs",
        kind=kinds.UNKNOWN_VALUE,
        where="rule typo",
        escalation=(_rule("typo", "{require_review: x}", "service.function == 'paymets' || incident.regulated"),),
    ),
    Fault(
        name="shadowed rule: below a wider one",
        kind=kinds.RULE_SHADOWED,
        where="rule late",
        escalation=(_rule("late", "{policy: wide-impact}", "priority == 'P2' && service.tier == 1", LAST),),
    ),
    Fault(
        name="shadowed rule: every priority is chosen for above",
        kind=kinds.RULE_SHADOWED,
        where="rule late",
        escalation=(
            _rule("late", "{policy: standard}", "incident.kind == 'request'", LAST),
            _rule("fourth", "{policy: backlog}", "priority == 'P4'", "  - id: late\n"),
        ),
    ),
    Fault(
        name="a priority without a path",
        kind=kinds.PRIORITY_WITHOUT_PATH,
        where="rule everything-else",
        escalation=(
            ("    when: priority == 'P1'\n", "    when: priority == 'P1' && incident.kind == 'outage'\n"),
            (
                "    when: priority == 'P1' && service.function",
                "    when: false && priority == 'P1' && service.function",
            ),
        ),
    ),
    Fault(
        name="a priority of which nobody is told",
        kind=kinds.PRIORITY_WITHOUT_PATH,
        where="policy urgent",
        escalation=(("  urgent:\n", "  urgent:\n    mode: observe\n"),),
    ),
    Fault(
        name="contradictory rules: two teams for the same",
        kind=kinds.RULES_CONTRADICT,
        where="rule other",
        escalation=(
            _rule("other", "{assign: network}", "incident.region == 'moon' && incident.kind == 'link'"),
            _rule("one", "{assign: platform}", "incident.kind == 'link' && incident.region == 'moon'"),
        ),
    ),
    Fault(
        name="contradictory rules: bounds that exclude each other",
        kind=kinds.RULES_CONTRADICT,
        where="rule other",
        escalation=(
            _rule("other", "{priority_at_most: P3}", "incident.kind == 'link'"),
            _rule("one", "{priority_at_least: P2}", "incident.kind == 'link'"),
        ),
    ),
    Fault(
        name="escalation longer than the SLA",
        kind=kinds.LONGER_THAN_SLA,
        where="policy major-incident",
        escalation=(
            (
                "        acknowledge_within: 5m\n        repeat: 1\n      - targets: [owner.senior, owner.lead]",
                "        acknowledge_within: 20m\n        repeat: 1\n      - targets: [owner.senior, owner.lead]",
            ),
        ),
    ),
    Fault(
        name="last step after the time to resolve",
        kind=kinds.LONGER_THAN_SLA,
        where="policy urgent",
        escalation=(
            (
                "      - targets: [owner.senior]\n        acknowledge_within: 15m\n      - targets: [owner.lead]",
                "      - targets: [owner.senior]\n        acknowledge_within: 9h\n      - targets: [owner.lead]",
            ),
        ),
    ),
    Fault(
        name="P1 without a commander",
        kind=kinds.NO_COMMANDER,
        where="policy payments-critical",
        escalation=((', commander: "role:incident-commander"}', "}"),),
    ),
    Fault(
        name="ladder that goes nowhere",
        kind=kinds.LADDER_GOES_NOWHERE,
        where="policy quick",
        escalation=_chosen("quick", "{targets: ['person:henrik']}", "{targets: ['role:incident-commander']}"),
    ),
    Fault(
        name="approver who is their own deputy",
        kind=kinds.CHECKPOINT_ALONE,
        where="rule data-exposed",
        escalation=(("        deputy: management\n", "        deputy: compliance\n"),),
    ),
    Fault(
        name="approval that outlasts the SLA",
        kind=kinds.CHECKPOINT_ALONE,
        where="rule data-exposed",
        escalation=(("        decide_within: 30m\n", "        decide_within: 5h\n"),),
    ),
    Fault(
        name="vendor without a contract clock",
        kind=kinds.VENDOR_WITHOUT_CONTRACT,
        where="policy with-vendor, step 2",
        catalogue=((", contract: enterprise, respond_within: 30m}", ", contract: enterprise}"),),
    ),
    Fault(
        name="gateway that is not there",
        kind=kinds.GATEWAY_MISSING,
        where="person ines",
        catalogue=(("  voice: {kind: record, text: short}\n", ""),),
    ),
    Fault(
        name="channel that leads nowhere",
        kind=kinds.CHANNEL_WITHOUT_ADDRESS,
        where="policy wide-impact, step 2",
        catalogue=(
            (
                "leadership: {stage: leadership, gateway: email, address: leadership@fernway.example}",
                "leadership: {stage: leadership}",
            ),
        ),
    ),
    Fault(
        name="suppression of whatever comes at night",
        kind=kinds.SUPPRESS_HIDES_ANYTHING,
        where="rule quiet",
        escalation=(_rule("quiet", "{suppress: nobody works}", "!time.business_hours"),),
    ),
    Fault(
        name="limit of nights on one person",
        kind=kinds.LIMIT_CANNOT_HOLD,
        where="schedule database",
        catalogue=(("    participants: [dana, marcus, rosa]\n", "    participants: [dana]\n"),),
    ),
    Fault(
        name="service of a team that nobody answers for",
        kind=kinds.TEAM_WITHOUT_ANSWER,
        where="rule give",
        catalogue=(
            (
                "  triage-desk:\n    name: Triage desk\n",
                "  empty: {name: Empty, parent: triage-desk}\n  triage-desk:\n    name: Triage desk\n",
            ),
        ),
        escalation=(_rule("give", "{assign: empty}", "incident.kind == 'link'"),),
    ),
    Fault(
        name="rule that assigns a team that is not active",
        kind=kinds.TEAM_INACTIVE,
        where="rule give",
        escalation=(_rule("give", "{assign: legacy-shop}", "incident.kind == 'link'"),),
    ),
    Fault(
        name="policy that nobody chooses",
        kind=kinds.POLICY_UNUSED,
        where="policy spare",
        escalation=(_policy("spare", "{targets: [owner]}"),),
    ),
    Fault(
        name="review that is overdue",
        kind=kinds.REVIEW_OVERDUE,
        where="rule heartbeat",
        escalation=(("review_after: 2027-06-30", "review_after: 2026-01-31"),),
    ),
)


@click.command()
def main() -> None:
    """Plant each fault alone, check, and print what was found; then check the example as it is."""
    sound = load_configuration(EXAMPLE)
    found = 0
    for fault in FAULTS:
        finding = fault.found_in(check(fault.plant(sound), NOW))
        found += finding is not None
        click.echo(f"{'found ' if finding else 'MISSED'}  {fault.name}")
        if finding is not None:
            click.echo(f"        {finding}")
    click.echo(
        f"{found} of {len(FAULTS)} planted faults found; {len(check(sound, NOW))} findings on the example as it is"
    )


if __name__ == "__main__":
    main()
