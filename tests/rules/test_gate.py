"""The gate: with it and without it every decision is the same, faults included, whatever the conditions."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.conditions import KNOWN, TITLES, expressions, incidents, words
from triage.domain.priority import Priority
from triage.rules.chooser import RuleBook
from triage.rules.expression import ExpressionFault, Language
from triage.rules.rule import Adjustment, Rule

LANGUAGE = Language()
DUE = date(2030, 1, 1)
ASK = Adjustment(require_review="matched")
THENS = st.sampled_from(
    [
        *(Adjustment(set_priority=priority) for priority in Priority),
        *(Adjustment(assign=team) for team in ("ops", "desk", "closed")),
        Adjustment(priority_at_least=Priority.P2),
        Adjustment(priority_at_most=Priority.P4),
        Adjustment(hold=timedelta(minutes=5)),
        *[ASK, "ladder", "ladder"],
    ]
)


def rule_of(place, expression, then=ASK):
    """None where the language refuses the condition."""
    try:
        when = LANGUAGE.compile(expression)
    except ExpressionFault:
        return None
    return Rule(id=f"r{place}", owner="ops", review_after=DUE, when=when, then=then)


@pytest.fixture(scope="module")
def plain(configured):
    return configured()


@pytest.fixture(scope="module")
def book_of(plain):
    def make(*rules):
        last = Rule(id="last", owner="ops", review_after=DUE, when=None, then="ladder")
        return RuleBook(
            version="policy:test",
            catalogue=plain.catalogue,
            rules=(*(rule for rule in rules if rule is not None), last),
            policies=plain.rulebook.policies,
            language=LANGUAGE,
        )

    return make


@pytest.fixture(scope="module")
def asked(plain, facts_for, book_of):
    """What one condition says of an incident, with the gate: matched, fault or nothing."""

    def ask(expression, **fields):
        book = book_of(rule_of(0, expression))
        facts = facts_for(plain, **fields)
        outcome = book.decide(facts)
        assert outcome == book.without_gate().decide(facts)
        return "fault" if outcome.faults else "matched" if outcome.review_reasons else ""

    return ask


@settings(max_examples=500, deadline=None)
@given(
    written=st.lists(st.tuples(expressions, THENS), min_size=1, max_size=6),
    fields=st.lists(st.one_of(st.just(KNOWN), incidents()), min_size=1, max_size=3),
)
def test_decisions_are_the_same_with_and_without_the_gate(plain, facts_for, book_of, written, fields):
    book = book_of(*(rule_of(place, expression, then) for place, (expression, then) in enumerate(written)))
    every = book.without_gate()
    for one in fields:
        facts = facts_for(plain, **one)
        assert book.decide(facts) == every.decide(facts), written


@settings(max_examples=200, deadline=None)
@given(listed=st.lists(words, min_size=1, max_size=3), title=st.sampled_from(TITLES))
def test_words_are_found_or_not_as_without_the_gate(plain, facts_for, book_of, listed, title):
    found = f"mentions([{', '.join(listed)}])"
    book = book_of(
        rule_of("title", f"incident.title.{found}"),
        rule_of("text", f"service.known && incident.text.{found}"),
        rule_of("both", f"incident.text.{found} && incident.service == 'shop'"),
    )
    facts = facts_for(plain, title=title, description="p99 leaked", service="shop")
    assert book.decide(facts) == book.without_gate().decide(facts), (listed, title)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("incident.service == 'shop' && service.known", "matched"),
        ("incident.service == 'kiosk' && service.known", ""),
        ("incident.service == 'kiosk' || service.known", "matched"),
        ("incident.service == 'kiosk' || false && service.known", ""),
        ("service.known || true && incident.service == 'kiosk'", "matched"),
        ("incident.service == 'kiosk' && false ? false : true", "matched"),
        ("(incident.service == 'kiosk' && false) ? false : true", "matched"),
        ("incident.service == 'shop' && (service.tier == 9 || service.known)", "matched"),
        ("incident.service == 'shop' && !(service.known && incident.region == 'us')", "matched"),
        ("!(incident.service == 'kiosk' && service.known)", "matched"),
        ("!(incident.service == 'kiosk') && service.known", "matched"),
        ("((incident.service == 'kiosk')) && service.known", ""),
        ("(service.known) && (incident.service == 'shop')", "matched"),
        ("(incident.service == 'kiosk') == (incident.region == 'us')", "matched"),
        ("!!service.known", "matched"),
        ("service.known == !incident.regulated", "matched"),
        ("incident.title != ' && incident.service == '", "matched"),
        ("incident.title == 'x' || ' && ' != ''", "matched"),
        ("'it\\'s && incident.service == ' != ''", "matched"),
        ('"\\" || " == "\\" || " && incident.service == "kiosk"', ""),
        ("r'\\d' != '' && incident.service == 'shop' || r'\\d' == '&&'", "matched"),
        ("incident.service == 'kiosk' && incident.labels.`a//b` == 'x' || service.known", "matched"),
        ("incident.service == 'kiosk' && has(incident.labels.`a//b`) || service.known", "matched"),
        ("has(incident.labels.`a b`) && incident.service == 'shop' || true", "matched"),
        ("'''it's && ''' != '' && incident.service == 'shop'", "matched"),
        ("'''\n' || ''' != '' && incident.service == 'kiosk'", ""),
        ("incident.service == 'kiosk' // && \n || service.known", "matched"),
        ("service.known // || true\n && incident.service == 'kiosk'", ""),
        ("'// ' != '' && incident.service == 'shop'", "matched"),
        ("service.known // && service.tier == 9\n && incident.region == 'eu'", "matched"),
        ("'\\' && service.tier == 9 && \\'' != '' && service.known", "matched"),
        ('"\\" && service.tier == 9 && \\"" != \'\' && service.known', "matched"),
        ("''' ' && service.tier == 9 && ' ''' != '' && service.known", "matched"),
        ("r''' ' && service.tier == 9 && ' ''' != '' && service.known", "matched"),
        ("r'\\d' != '' && service.tier == 9", ""),
        ("incident.service // it's\n == 'shop'", "matched"),
        ("incident\n  .service == 'shop'", "matched"),
        ("incident.service == '\\x73hop'", "matched"),
        ("incident.service == '''shop'''", "matched"),
        ("incident.service in ['kiosk', r'shop']", "matched"),
        ("incident.service in []", ""),
        ("incident.service in ['kiosk'] + ['shop']", "matched"),
        ("incident.service + '' == 'shop'", "matched"),
        ("incident.service == 'ki' + 'osk'", ""),
        ("'shop' in ['shop'] && incident.service in ['shop',]", "matched"),
        ("service.tier == 0x1", "matched"),
        ("service.tier >= 2 - 1", "matched"),
        ("-1 <= -service.tier", "matched"),
        ("recurrence.occurrences_24h < 9223372036854775807", "matched"),
        ("recurrence.similarity >= 0.1e-9 - 1.0", "matched"),
        ("[1].exists(x, x == service.tier && incident.service == 'shop')", "matched"),
        ("has(incident.labels.app) && incident.labels.app == 'shop'", "matched"),
        ("'app' in incident.labels && incident.labels['app'] == 'shop'", "matched"),
        ("incident.labels['app'] == 'shop' && 'app' in incident.labels", "matched"),
        ("'gone' in incident.labels && incident.labels['gone'] == 'shop'", ""),
        ("service.known && 'app' in incident.labels && incident.labels['app'] == 'kiosk'", ""),
        ("incident.service == 'shop' && 'app' in incident.labels && incident.labels['app'] == 'kiosk'", ""),
        ("incident.service == 'shop' && 'app' in incident.labels && incident.labels['app'] == 'shop'", "matched"),
        ("incident.service == 'shop' && 'gone' in incident.labels", ""),
        ("incident.service == 'shop' && 'burst' in recurrence.flags", "matched"),
        ("incident.service == 'shop' && 'novel' in recurrence.flags", ""),
        ("incident.service == 'shop' && incident.text.mentions(['intrus*', 'unheard'])", "matched"),
        ("incident.service == 'shop' && incident.text.mentions(['unheard'])", ""),
        ("service.known && incident.labels['gone'] == 'shop'", "fault"),
        ("service.known && incident.labels['gone'] in ['shop']", "fault"),
        ("service.known && incident.labels['gone'] == 'shop' && service.tier == 2", ""),
        ("service.known && incident.labels['gone'] == 'shop' && incident.labels['app'] == 'kiosk'", ""),
        ("service.known && incident.text.mentions(['--'])", "fault"),
        ("service.known && incident.text.mentions(['breach', '--'])", "fault"),
        ("service.known && incident.text.mentions(['--']) && incident.service == 'kiosk'", ""),
        ("service.known && 1 / (service.tier - 1) == 0", "fault"),
        ("incident.service == 'kiosk' && 1 / (service.tier - 1) == 0", ""),
        ("incident.text.mentions(['intrusion'])", "matched"),
        ("incident.text.mentions(['intru'])", ""),
        ("incident.text.mentions(['intru*'])", "matched"),
        ("incident.text.mentions(['host intru*'])", "matched"),
        ("incident.text.mentions(['DISK   full'])", "matched"),
        ("incident.text.mentions(['br' + 'each'])", "matched"),
        ("!incident.text.mentions(['breach'])", ""),
        ("incident.text.mentions(['breach']) == false", ""),
        ("incident.text.mentions(['breach']) && incident.title.mentions(['disk'])", ""),
    ],
)
def test_condition_says_the_same_whether_the_gate_knows_it_or_not(asked, expression, said):
    assert rule_of(0, expression) is not None
    assert asked(expression, **KNOWN) == said


@pytest.mark.parametrize("title", ["漏洩", "データ漏洩が発生", "ЁЛКА упала", "e\u0301cran noir", "ﬁre", "डेटा सेंध"])
def test_words_of_every_script_get_through(asked, title):
    for word in ("漏洩", "ёлка", "écran", "fire", "सेंध"):
        assert asked(f"incident.title.mentions(['{word}'])", title=title) in ("matched", "")
    assert asked(f"service.tier == 0 && incident.title.mentions(['{title[:4]}*'])", title=title) == "matched"


def test_what_rules_change_brings_rules_below_in_and_takes_them_out(plain, facts_for, book_of):
    book = book_of(
        rule_of("early", "team == 'desk'"),
        rule_of("move", "priority == 'P2' && incident.service == 'shop'", Adjustment(assign="desk")),
        rule_of("late", "team == 'desk'"),
        rule_of("left", "team == 'ops'"),
        rule_of("raise", "team in ['desk', 'x']", Adjustment(set_priority=Priority.P5)),
        rule_of("no-promise", "!sla.known"),
        rule_of("gone", "priority == 'P2'", "ladder"),
        rule_of("here", "priority == 'P5' && team == 'desk'", "ladder"),
    )
    outcome = book.decide(facts_for(plain, **KNOWN))
    assert [fired.partition(":")[0] for fired in outcome.fired] == [
        "rmove",
        "rlate",
        "rraise",
        "rno-promise",
        "rhere",
    ]
