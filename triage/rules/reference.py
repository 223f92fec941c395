"""The reference of facts, written from the code: ``python -m triage.rules.reference [FILE]``."""

import sys
from itertools import groupby
from pathlib import Path

from triage.rules.fact import Fact
from triage.rules.facts import CHAIN_FACTS, CLOCK_FACTS, FACTS

_HEAD = """\
# Facts

What a condition in `escalation.yaml` may use. This page is written from the code by
`python -m triage.rules.reference`; how conditions are written stands in [rules](rules.md), and whole policies to
start from in the [cookbook](cookbook.md).

What was not reported is `''`, `0`, `0.0` or `false`, so no condition fails on absence; only a label may be
missing. Facts marked ◦ change while rules are applied: each rule sees what the ones above left. Facts marked ⏱
change though nothing happens; where a rule uses one, its incident is asked about again as time goes by.
"""
_TITLES = {
    "incident": "The incident",
    "priority_before": "What was decided before",
    "team_before": "What was decided before",
    "sla": "What is promised",
    "slo": "Service level objectives",
    "service": "The service, from the catalogue",
    "suggestion": "What the model suggests",
    "recurrence": "Recurrence",
    "pattern": "The pattern that it belongs to",
    "time": "Time",
}
_CONCLUSION = "What is concluded so far"


def reference_text() -> str:
    """The page as it is published: the same text every time."""
    parts = [_HEAD]
    for title, facts in groupby(FACTS, key=_title):
        rows = "\n".join(_row(fact) for fact in facts)
        parts.append(f"\n## {title}\n\n| fact | type | meaning | example |\n|---|---|---|---|\n{rows}\n")
    return "".join(parts)


def _title(fact: Fact) -> str:
    return _TITLES.get(fact.name.partition(".")[0], _CONCLUSION)


def _row(fact: Fact) -> str:
    marks = (" ◦" if fact.name in CHAIN_FACTS else "") + (" ⏱" if fact.name in CLOCK_FACTS else "")
    example = fact.example.replace("|", "\\|")
    return f"| `{fact.name}`{marks} | {fact.type.value} | {fact.meaning} | `{example}` |"


if __name__ == "__main__":
    Path(sys.argv[1] if len(sys.argv) > 1 else "docs/facts.md").write_text(reference_text(), encoding="utf-8")
