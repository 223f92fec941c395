"""Conditions: what compiles, what is refused and where, and that only a true boolean matches."""

import pytest

from triage.rules.expression import MAX_EXPRESSION, ExpressionFault, Language
from triage.rules.facts import FACT_BY_NAME
from triage.rules.wording import mentions


@pytest.fixture(scope="module")
def language():
    return Language()


@pytest.fixture(scope="module")
def asked(language):
    def ask(expression, **values):
        values = {name.replace("__", "."): value for name, value in values.items()}
        return language.compile(expression).evaluate(language.activation(values))

    return ask


def test_condition_matches_or_not(asked):
    assert asked("priority in ['P1', 'P2']", priority="P2") is True
    assert asked("priority in ['P1', 'P2']", priority="P3") is False


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("incident.servise == 'x'", "unknown name 'incident.servise'; did you mean 'incident.service'?"),
        ("incident.regulated == 'yes'", "no matching overload"),
        ("recurrence.occurrences_24h >= 2.5", "no matching overload"),
        ("priority", "true or false; this one is of type string"),
        ("priority ==", "Syntax error"),
        ("incident.labels['x'] == 'y'", "a label may be missing; ask first"),
        ("incident.text.matches('(')", "invalid regular expression"),
        ("priority == 'P1' && incident.text.matches('(')", "invalid regular expression"),
        ("incident.text.mentions([])  || 1 / 0 == 1", "divide by zero"),
        ("incident.text.mentions(['a', 1])", "list of texts"),
        ("incident.text.mentions(['--'])", "words with letters or digits"),
        ("true || " * 400 + "true", f"at most {MAX_EXPRESSION}"),
        ("(" * 200 + "true" + ")" * 200, ""),
        ("[1].map(a, " * 40 + "1" + ")" * 40 + ".size() > 0", ""),
    ],
)
def test_what_cannot_be_asked_is_refused_when_it_is_compiled(language, expression, said):
    with pytest.raises(ExpressionFault) as caught:
        language.compile(expression)
    assert said in str(caught.value)


def test_fault_names_the_line_within_the_expression(language):
    with pytest.raises(ExpressionFault) as caught:
        language.compile("priority == 'P1'\n  && incident.foo == 'x'")
    assert caught.value.line == 2


def test_evaluation_error_is_no_match_but_a_fault(asked):
    expression = "priority == 'P1' && incident.labels['team'] == 'x'"
    assert asked(expression, priority="P1", incident__labels={}) is None
    assert asked(expression, priority="P2", incident__labels={}) is False


def test_condition_knows_its_facts_whatever_the_spacing(language):
    condition = language.compile("incident . title == 'a' && !('x' in incident.labels)  // a comment's quote\n")
    assert condition.facts >= {"incident.title", "incident.labels"}
    assert "incident.service" not in condition.facts


def test_every_fact_can_be_asked_for(language):
    for name in FACT_BY_NAME:
        assert language.compile(f"{name} == {name}").facts >= {name}


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("A BREACH was found", ["breach"], True),
        ("breach", ["breach"], True),
        ("unbreachable", ["breach"], False),
        ("breaches", ["breach"], False),
        ("breaches", ["breach*"], True),
        ("data-breach!", ["breach"], True),
        ("data_breach", ["data breach"], True),
        ("leaked\n  credentials", ["leaked credentials"], True),
        ("HostIntrusionDetected", ["intrusion"], True),
        ("HostIntrusionDetected", ["hostintrusiondetected"], True),
        ("HTTPLatencyHigh", ["latency"], True),
        ("EINBRÜCHE gemeldet", ["Einbrüche"], True),
        ("Straße gesperrt", ["STRASSE"], True),
        ("дата УТЕЧКА", ["утечка"], True),
        ("データ漏洩が発生", ["漏洩"], True),
        ("डेटा सेंध मिली", ["सेंध"], True),
        ("डेटा सेंधमारी", ["सेंध"], False),
        ("", ["breach"], False),
        ("anything", [], False),
    ],
)
def test_mentions_finds_whole_words_in_any_case_and_script(text, words, found):
    assert mentions(text, words) is found
