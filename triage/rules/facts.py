"""Every fact that a condition may use, in the order of docs/facts.md, which is written from here."""

from collections.abc import Mapping

from triage.rules.fact import Fact
from triage.rules.facts_catalogue import SERVICE, SUGGESTION
from triage.rules.facts_incident import INCIDENT
from triage.rules.facts_memory import CONCLUSION, RECURRENCE
from triage.rules.facts_progress import PROGRESS, PROMISES

FACTS: tuple[Fact, ...] = (
    *INCIDENT,
    *PROGRESS,
    *PROMISES,
    *SERVICE,
    *SUGGESTION,
    *RECURRENCE,
    *CONCLUSION,
)

FACT_BY_NAME: Mapping[str, Fact] = {fact.name: fact for fact in FACTS}
CHAIN_FACTS = frozenset({"priority", "team", *(fact.name for fact in FACTS if fact.name.startswith("sla."))})
"""Facts that change while rules are applied: what they set, and what is promised for it."""
MODEL_FACTS = frozenset(fact.name for fact in FACTS if fact.name.startswith("suggestion.")) | CHAIN_FACTS
"""Facts that may rest on the model alone."""
CLOCK_FACTS = frozenset(
    {
        "incident.age_minutes",
        "incident.status_minutes",
        "incident.minutes_to_due",
        "sla.minutes_to_acknowledge",
        "sla.minutes_to_resolve",
        "sla.used",
    }
)
"""Facts that change though nothing happens, so that rules which use them are asked again as time goes by. The time
of day is none: at nine o'clock nobody starts over with everything that came in the night."""
