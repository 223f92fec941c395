"""Reading ``escalation.yaml``: every fault with its line, and nothing of a faulty file is used."""

import re

import pytest

from triage.errors import ConfigurationError
from triage.rules.configuration import configuration_from_texts, load_configuration

GOOD = """\
rules:
  - id: first
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


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        (
            "when: priority == 'P1'",
            "when: priorty == 'P1'",
            5,
            "rule 'first': unknown name 'priorty'; did you mean",
        ),
        (
            "when: priority == 'P1'",
            "when: |\n      true &&\n      incident.regulated == 1",
            7,
            "no matching overload",
        ),
        (
            "when: priority == 'P1'",
            "wenn: priority == 'P1'",
            5,
            "rule 'first': unknown key 'wenn'.*did you mean 'when'",
        ),
        ("when: priority == 'P1'", "when: true", 5, r"found True \(yes or no\)"),
        ("owner: ops", "owner: opps", 3, "unknown team or person 'opps'; did you mean 'ops'?"),
        ("review_after: 2027-12-31", "review_after: soon", 4, "a date such as"),
        ("    review_after: 2027-12-31\n    when", "    when", 2, "rule 'first': missing key 'review_after'"),
        ("priority_at_least: P2", "priority_at_least: 2", 6, "expected 'P1'"),
        ("priority_at_least: P2", "assign: opss", 6, "unknown team 'opss'"),
        ("priority_at_least: P2", "policy: ladder, assign: ops", 6, "either a policy or adjustments"),
        ("{priority_at_least: P2}", "{}", 6, "at least one action, or a policy"),
        ("{priority_at_least: P2}", "{policy: null}", 6, "at least one action, or a policy"),
        ("priority_at_least: P2", "also_tell: [owner.boss]", 6, "unknown target 'owner.boss'"),
        ("priority_at_least: P2", "also_tell: ['role:chief']", 6, "unknown role 'chief'"),
        ("priority_at_least: P2", "also_tell: ['oncall:opz']", 6, "unknown schedule 'opz'; did you mean 'ops'?"),
        ("priority_at_least: P2", "suppress: the model says so", 5, "on the model's word alone"),
        ("priority_at_least: P2", "policy: laddr", 6, "unknown policy 'laddr'; did you mean 'ladder'?"),
        ("id: last", "id: first", 7, "duplicate rule id 'first'"),
        ("    then: {policy: ladder}", "    when: 1 == 1\n    then: {policy: ladder}", 10, "must have no 'when'"),
        (
            "    when: priority == 'P1'\n    then: {priority_at_least: P2}",
            "    then: {policy: ladder}",
            5,
            "never reached",
        ),
        ("targets: [owner]", "targets: [service.vendor]", 17, "only vendors"),
        ("targets: [owner]", "targets: []", 17, "found a list"),
        ("targets: [owner]", "targets: [owner], channels: [rom]", 17, "unknown channel or stage 'rom'"),
        ("targets: [owner]", "targets: [owner], repeat: 1000", 17, r"found 1000 \(a number\)"),
        ("kinds: [time]", "kinds: [tiem]", 15, "'tiem'; expected 'hierarchical'"),
        ("  ladder:\n", "  ladder:\n    mode: silent\n", 13, "'silent'; expected 'notify' or 'observe'"),
    ],
)
def test_fault_refuses_the_file_and_names_the_line(catalogue_text, old, new, line, said):
    assert old in GOOD
    with pytest.raises(ConfigurationError) as caught:
        configuration_from_texts(catalogue_text, GOOD.replace(old, new, 1))
    assert caught.value.file == "escalation.yaml"
    assert re.search(said, caught.value.message), caught.value.message
    assert caught.value.line == line


def test_good_file_is_read_and_its_version_names_its_content(catalogue_text):
    configuration = configuration_from_texts(catalogue_text, GOOD)
    assert re.fullmatch("policy:[0-9a-f]{12}", configuration.rulebook.version)
    assert configuration.policy_text == GOOD
    assert configuration.rulebook.catalogue is configuration.catalogue


def test_several_bad_conditions_are_counted(catalogue_text):
    text = GOOD.replace("priority == 'P1'", "nope == 'P1'").replace(
        "then: {policy", "when: nope\n    then: {policy"
    )
    with pytest.raises(ConfigurationError, match=r"\(\+2 more\)"):
        configuration_from_texts(catalogue_text, text)


def test_folder_is_read_with_its_texts(tmp_path, catalogue_text):
    (tmp_path / "catalogue.yaml").write_text(catalogue_text, encoding="utf-8")
    (tmp_path / "escalation.yaml").write_text("\ufeff" + GOOD, encoding="utf-8")
    configuration = load_configuration(tmp_path)
    again = configuration_from_texts(configuration.catalogue_text, configuration.policy_text)
    assert again.catalogue.version == configuration.catalogue.version
    assert again.rulebook.version == configuration.rulebook.version


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such file"), (b"a: \xff", "not UTF-8 at byte 3"), (b"#" * 8_400_000, "at most 8388608")],
)
def test_file_that_cannot_be_read_is_named(tmp_path, content, said):
    if content is not None:
        (tmp_path / "catalogue.yaml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_configuration(tmp_path)
    assert caught.value.file == str(tmp_path / "catalogue.yaml")
