"""Conditions as people and machines might write them, and incidents that they ask about, for hypothesis."""

from hypothesis import strategies as st

from triage.domain.decision import DecisionSource, Standing
from triage.domain.priority import Priority
from triage.domain.recurrence import WINDOWS, Recurrence

VALUES = [
    "shop",
    "kiosk",
    "",
    "SHOP",
    "a && b",
    "a || b",
    "it's",
    'say "x"',
    "a//b",
    "?",
    "(",
    "]",
    "ß",
    "店",
    "\\",
]
LABELS = ["app", "job", "a && b", "it's", "店"]
WORDS = ["breach", "disk full", "intrusi*", "host intrusion", "Straße", "漏洩", "leak*", "p99", "a", "--", "", "*"]
TITLES = [
    *["A breach!", "breaches", "HostIntrusionDetected", "disk\nfull", "disk_full", "DISK-FULL p99", "-"],
    *["データ漏洩が発生", "STRASSE gesperrt", "p", "a\x00breach", "leaked 'a'", "diskfull", "hostIntrusion"],
]
KNOWN: dict[str, object] = {
    "title": "A breach!",
    "description": "HostIntrusionDetected, disk\nfull",
    "service": "shop",
    "region": "eu",
    "labels": {"app": "shop", "a && b": "a || b", "it's": 'say "x"'},
    "_priority": Priority.P2,
    "_priority_source": DecisionSource.MODEL,
    "_team": "ops",
    "_recurrence": Recurrence(occurrences=dict.fromkeys(WINDOWS, 5), total=7, flags=("burst",)),
}
# Most are true of that incident, so that a chain of them is not false for a dozen reasons at once.
LIKELY = r"""
incident.service == 'shop'
'shop' == incident.service
incident.service in ['shop', "kiosk"]
incident . service == 'shop'
service.known
!incident.regulated
service.tier == 1
recurrence.occurrences_24h >= 5
recurrence.occurrences_24h==5
pattern.occurrences<8
priority == 'P2'
priority in ['P1','P2',]
priority != 'P1'
team == 'ops'
team != 'desk'
sla.known
sla.used >= 0.0
sla.minutes_to_resolve == 60
'app' in incident.labels
'app' in incident.labels && incident.labels['app'] == 'shop'
'app' in incident.labels && incident.labels['app'] == 'kiosk'
'gone' in incident.labels && incident.labels['gone'] == 'shop'
incident.labels['app'] == 'shop'
incident.labels["app"] in ['shop']
incident.labels['a && b'] == 'a || b'
incident.labels["it's"] == 'say \"x\"'
incident.labels['gone'] == 'shop'
incident.labels['gone'] in ['shop']
!('gone' in incident.labels)
incident.text.mentions(['breach'])
incident.text.mentions(['intrus*', '--'])
incident.text.mentions(['--'])
incident.text.mentions(['disk full'])
incident.title.mentions(['breaches', 'BREACH'])
incident.title.mentions(["disk"])
incident.title.contains("!")
'burst' in recurrence.flags
incident.region == r'eu'
incident.region == '\u0065u'
(incident.region == 'eu' || service.tier == 9)
(service.known && incident.region == '''eu''')
1 / (service.tier - 1) == 0
1 == 1
""".strip().splitlines()


def quoted(text: str, form: int) -> str:
    """``text`` as a literal, in one of the ways that the language has."""
    escaped = text.replace("\\", "\\\\")
    double = '"' + escaped.replace('"', '\\"') + '"'
    return [
        "'" + escaped.replace("'", "\\'") + "'",
        double,
        "'''" + escaped.replace("'", "\\'") + "'''",
        double if '"' in text else f'r"{text}"',
        "'" + "".join(f"\\u{ord(character):04x}" for character in text) + "'",
        double if "'" in text else f"R'''{text}'''",
    ][form]


def listed(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda found, end: f"[{', '.join(found)}{end}]", st.lists(items, max_size=3), _spaces)


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joints = st.sampled_from(["&&", " && ", "&&\n", " || ", "||", " // && false\n && "])
    return st.one_of(
        *[st.builds("{}{}{}".format, parts, joints, parts)] * 3,
        st.builds("({}{})".format, parts, _spaces),
        st.builds("!({})".format, parts),
        st.builds("{} && {} ? {} : {}".format, parts, parts, parts, parts),
        st.builds("({}) ? ({}) : ({})".format, parts, parts, parts),
        st.builds("({}) == ({})".format, parts, parts),
    )


_forms = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4, 5])
_spaces = st.sampled_from(["", " ", "\n", " // a || b ? 'c\n", "\t"])
_signs = st.sampled_from(["==", "!=", ">=", "<=", ">", "<"])
_texts = st.builds(quoted, st.sampled_from([*VALUES, *["shop", "kiosk"] * 6]), _forms)
_names = st.builds(quoted, st.sampled_from([*LABELS, *["app"] * 3]), _forms)
_facts = st.sampled_from(["incident.service", "incident.region", "priority", "team", "priority_before"])
_numbers = st.sampled_from(["recurrence.occurrences_24h", "service.tier", "sla.minutes_to_resolve"])
_fractions = st.sampled_from(["sla.used", "incident.customers_affected", "recurrence.similarity"])
_flags = st.sampled_from(["service.known", "sla.known", "incident.regulated", "pattern.novel"])
_text_facts = st.sampled_from(["incident.text", "incident.title"])

words = st.builds(quoted, st.sampled_from(WORDS), _forms)
atoms = st.one_of(
    *[st.sampled_from(LIKELY)] * 20,
    st.builds("{} {} {}".format, _facts, _signs, _texts),
    st.builds("{}=={}".format, _texts, _facts),
    st.builds("{} in {}".format, _facts, listed(_texts)),
    st.builds("{}{}{}".format, _numbers, _signs, st.integers(-3, 9)),
    st.builds("{} {} {}".format, st.integers(-3, 9), _signs, _numbers),
    st.builds("{} {} {}".format, _fractions, _signs, st.sampled_from(["0.5", "1000.0", "0.0", "1e1", "-1.5"])),
    st.builds("{}{}".format, st.sampled_from(["", "!", "!!", "! "]), _flags),
    st.builds("{} in incident.labels".format, _names),
    st.builds("incident.labels[{}] {} {}".format, _names, _signs, _texts),
    st.builds("({0} in incident.labels && incident.labels[{0}] == {1})".format, _names, _texts),
    st.builds("{0} in incident.labels && incident.labels[{0}] in {1}".format, _names, listed(_texts)),
    st.builds("{}.mentions({})".format, _text_facts, listed(words)),
    st.sampled_from(["true", "false", "has(incident.labels.app)", "[1, 2].exists(x, x == service.tier || x > 1)"]),
)
chains = st.builds(
    lambda parts, joint: joint.join(parts),
    st.lists(st.one_of(atoms, atoms, st.builds("({})".format, atoms)), min_size=1, max_size=4),
    st.sampled_from([" && ", " && ", "&&", " // && false\n && ", "\n  && // it's\n "]),
)
expressions = st.one_of(chains, chains, st.recursive(atoms, _joined, max_leaves=5))


@st.composite
def incidents(draw: st.DrawFn) -> dict[str, object]:
    """Fields for ``facts_for``."""
    few = st.sampled_from([None, "eu", *VALUES])
    before = Standing(
        priority=Priority.P2,
        priority_source=DecisionSource.RULE,
        severity=None,
        team="ops",
        team_source=DecisionSource.RULE,
    )
    sources = st.sampled_from([DecisionSource.MODEL, DecisionSource.OVERRIDE])
    return {
        "title": draw(st.sampled_from(TITLES)),
        "description": draw(st.sampled_from(TITLES)),
        "service": draw(few),
        "region": draw(few),
        "regulated": draw(st.sampled_from([None, True])),
        "labels": draw(st.dictionaries(st.sampled_from(LABELS), st.sampled_from(VALUES), max_size=3)),
        "_priority": draw(st.sampled_from(list(Priority))),
        "_priority_source": draw(sources),
        "_team": draw(st.sampled_from(["ops", "desk", "closed"])),
        "_team_source": draw(sources),
        "_before": draw(st.sampled_from([None, before])),
        "_recurrence": Recurrence(
            occurrences=dict.fromkeys(WINDOWS, draw(st.integers(0, 9))),
            total=draw(st.integers(0, 9)),
            flags=draw(st.sampled_from([(), ("burst",), ("novel", "burst")])),
        ),
    }
