"""What is wrong with a rule file is told with file, line, rule or policy, and how to mend it."""

import pytest

from triage.errors import ConfigurationError
from triage.rules.configuration import configuration_from_texts

GOOD = """\
rules:
  - id: nights
    owner: ops
    review_after: 2027-12-31
    when: priority == 'P1'
    then: {priority_at_least: P2}
  - id: last
    owner: ops
    review_after: 2027-12-31
    then: {policy: ladder}
policies:
  ladder:
    owner: ann
    review_after: 2027-12-31
    kinds: [time]
    steps:
      - {targets: [owner]}
"""
WHEN, THEN, STEP, POLICY = "when: priority == 'P1'", "{priority_at_least: P2}", "{targets: [owner]}", "  ladder:\n"
LAST = "    then: {policy: ladder}"
TYPES = "an int is written 5, a double 5.0, a string 'text', and a bool bare or with '!'"
IN_RULES = [
    (WHEN, "when: priorty == 'P1'", 5, "did you mean 'priority'?"),
    (WHEN, "when: qqq == 'x'", 5, "unknown name 'qqq'; docs/facts.md has every fact"),
    (WHEN, "when: |\n      true &&\n      team = 'ops'", 7, "compare with '=='"),
    (WHEN, "when: priority", 5, "a condition that is true or false; this one is of type string"),
    (WHEN, "when: service.tier == '1'", 5, TYPES),
    (WHEN, "when: incident.labels['x'] == 'y'", 5, "a label may be missing; ask first"),
    (WHEN, "when: incident.text.mentions(['--'])", 5, "takes words with letters or digits"),
    (WHEN, "when: incident.text.matches('(')", 5, "invalid regular expression: missing ): (; write it as RE2"),
    (WHEN, "when: 1 / service.tier == 1", 5, "ask first that it is not 0"),
    (WHEN, 'when: "\'a" ', 5, "put texts in quotes"),
    (WHEN, "when: true", 5, "when: found True (yes or no); expected a text, so write it in quotes"),
    (WHEN, "when: ''", 5, "when: found ''; expected 1 or more characters"),
    (WHEN, "wenn: team == 'ops'", 5, "did you mean 'when'?"),
    (WHEN, "when: 'priority", 5, "close the quote"),
    (WHEN, "when: priority: x", 5, "check the indentation, and quote a text that holds ': ' or ' #'"),
    (WHEN, "when: &night x", 5, "write the value out"),
    ("    owner: ops\n", "    owner: ops\n    owner: desk\n", 4, "keep one of them"),
    ("    owner: ops\n", "    owner: Opps\n", 3, "unknown team or person 'Opps'; did you mean 'ops'?"),
    ("    owner: ops\n", "    owner: zzz\n", 3, "expected one of desk, ops, lost, closed, ann, bob, eve"),
    ("    owner: ops\n", "", 2, "missing key 'owner'; add it: the team or person that keeps it right"),
    ("2027-12-31", "soon", 4, "review_after: found 'soon'; expected a date such as '2027-03-31'"),
    (THEN, "{priority_at_least: p2}", 6, "did you mean 'P2'?"),
    (THEN, "{asign: ops}", 6, "did you mean 'assign'?"),
    (THEN, "{assign: opss}", 6, "unknown team 'opss'; did you mean 'ops'?"),
    (THEN, "{policy: laddr}", 6, "unknown policy 'laddr'; did you mean 'ladder'?"),
    (THEN, "{policy: ladder, assign: ops}", 6, "either a policy or adjustments, never both in one rule"),
    (THEN, "{}", 6, "at least one action, or a policy"),
    (THEN, "[assign]", 6, "then: found a list; expected a mapping"),
    (THEN, "{also_tell: owner}", 6, "then.also_tell: found 'owner'; expected a list"),
    (THEN, "{also_tell: []}", 6, "found a list without entries; expected 1 or more entries"),
    (THEN, "{also_tell: [owner.boss]}", 6, "expected one of owner, owner.senior"),
    (THEN, "{also_tell: ['role:chief']}", 6, "unknown role 'chief'; expected one of approver"),
    (THEN, "{straight_to: [service.vendor]}", 6, "name somebody of the organisation too"),
    (THEN, "{hold: 2h}", 6, "hold is more than nothing and at most 1h"),
    (THEN, "{hold: soon}", 6, "then.hold: found 'soon'; expected a length of time such as '15m'"),
    (THEN, "{suppress: noise}", 5, "on the model's word alone; ask for a fact of the incident too"),
    (f"    {WHEN}\n    then: {THEN}", LAST, 5, "add a 'when', or move it below them"),
]
IN_POLICIES = [
    (STEP, "{targets: []}", 17, "steps.0.targets: found a list without entries; expected 1 or more entries"),
    (STEP, "{targets: [owner], repeat: 1000}", 17, "found 1000 (a number); expected 20 or less"),
    (STEP, "{targets: [owner], repeat: '2'}", 17, "found '2'; expected a whole number"),
    (STEP, "{targets: [owner], round_robin: 'no'}", 17, "expected true or false"),
    (STEP, "{targets: [owner], channels: [rom]}", 17, "unknown channel or stage 'rom'; did you mean 'room'?"),
    (STEP, "{targets: [owner], acknowledge_within: 15}", 17, "expected a length of time such as '15m'"),
    (STEP, "{targets: [owner], require: al}", 17, "did you mean 'all'?"),
    (STEP, "{target: [owner]}", 17, "unknown key 'steps.0.target'; expected one of targets"),
    (STEP, "owner", 17, "steps.0: found 'owner'; expected a mapping"),
    ("[time]", "[tiem]", 15, "did you mean 'time'?"),
    (POLICY, f"{POLICY}    updates: {{every: 5m}}\n", 13, "name channels or targets, for nobody would hear it"),
    ("    owner: ann", "    owner: anna", 13, "did you mean 'ann'?"),
]
ELSEWHERE = [
    ("id: last", "id: nights", 7, "rule 'nights': duplicate rule id 'nights', first given in line 2; give one of"),
    (
        LAST,
        f"    when: 1 == 1\n{LAST}",
        10,
        "rule 'last': the last rule that chooses a policy must have no 'when'",
    ),
    (LAST, "    then: {assign: ops}", 1, "no rule chooses a policy; add one without 'when' at the end"),
    ("id: nights", "id: my rule", 2, "rule 'my rule': id: found 'my rule'; expected up to 64 letters, digits"),
    ("id: nights", "id: 7", 2, "rule number 1: id: found 7 (a number); expected a text, so write it in quotes"),
    ("- id: nights\n    owner", "- owner", 2, "rule number 1: missing key 'id'; add it"),
    (POLICY, "  the ladder:\n", 12, "policy 'the ladder': found 'the ladder'; expected up to 64 letters"),
    (
        "policies:",
        "polices:",
        11,
        "unknown key 'polices'; expected one of rules, policies; did you mean 'policies'?",
    ),
    ("rules:\n", "rules: none\nrule:\n", 1, "rules: found 'none'; expected a list"),
]


def refusal(catalogue_text, old, new):
    assert old in GOOD
    with pytest.raises(ConfigurationError) as caught:
        configuration_from_texts(catalogue_text, GOOD.replace(old, new, 1))
    return str(caught.value)


@pytest.mark.parametrize(("old", "new", "line", "mend"), IN_RULES)
def test_fault_of_a_rule_names_file_line_rule_and_mend(catalogue_text, old, new, line, mend):
    said = refusal(catalogue_text, old, new)
    assert said.startswith(f"escalation.yaml:{line}: rule 'nights': "), said
    assert mend in said
    assert "Should" not in said
    assert "valid" not in said.replace("not valid YAML", "").replace("invalid regular expression", "")


@pytest.mark.parametrize(("old", "new", "line", "mend"), IN_POLICIES)
def test_fault_of_a_policy_names_file_line_policy_and_mend(catalogue_text, old, new, line, mend):
    said = refusal(catalogue_text, old, new)
    assert said.startswith(f"escalation.yaml:{line}: policy 'ladder': "), said
    assert mend in said


@pytest.mark.parametrize(("old", "new", "line", "said"), ELSEWHERE)
def test_fault_between_rules_names_what_it_can(catalogue_text, old, new, line, said):
    assert refusal(catalogue_text, old, new).startswith(f"escalation.yaml:{line}: {said}")


def test_misspelt_key_is_one_fault_and_not_a_missing_one_too(catalogue_text):
    assert "more)" not in refusal(catalogue_text, STEP, "{target: [owner]}")


def test_every_fault_of_a_rule_deep_in_a_long_file_is_found_by_its_id(catalogue_text):
    many = "".join(
        f"  - {{id: r{n}, owner: ops, review_after: 2027-12-31, then: {{require_review: x}}}}\n"
        for n in range(500)
    )
    said = refusal(
        catalogue_text, "rules:\n", "rules:\n" + many.replace("id: r321, owner: ops", "id: r321, owner: op")
    )
    assert said.startswith("escalation.yaml:323: rule 'r321': unknown team or person 'op'; did you mean 'ops'?")
