"""A configuration rehearsed as a whole: everything that its owners should mend before it pages anybody."""

from datetime import datetime, timedelta

from triage.domain.schedule import OnCallOverride
from triage.rehearsal.check_catalogue import check_catalogue
from triage.rehearsal.check_paths import check_paths
from triage.rehearsal.check_rules import check_rules
from triage.rehearsal.findings import Finding, Places, Severity
from triage.rules.configuration import Configuration

DAYS = 30
"""How far ahead gaps and holidays are looked for."""


def check(
    configuration: Configuration, now: datetime, overrides: tuple[OnCallOverride, ...] = (), days: int = DAYS
) -> tuple[Finding, ...]:
    """Errors first, then warnings; each kind in the order of the files. ``now`` is an aware datetime; nothing else
    is read from a clock."""
    rulebook, places = configuration.rulebook, Places(configuration)
    end = now + timedelta(days=days)
    found = (
        *check_catalogue(configuration.catalogue, rulebook.rules, places, now, end, overrides),
        *check_rules(rulebook, places, now.astimezone(configuration.catalogue.zone).date()),
        *check_paths(rulebook, places, now, days, overrides),
    )
    return tuple(sorted(dict.fromkeys(found), key=_in_order))


def _in_order(finding: Finding) -> tuple[bool, str, int, str]:
    return finding.kind.severity is not Severity.ERROR, finding.file, finding.line or 0, finding.kind.code
