"""Trying a policy out, today's or a proposed one: checked, one incident played, what was decided lately through
it, and drilled. Nothing is sent but by a drill that says so."""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from triage.domain.catalogue import Catalogue
from triage.domain.decision import DecisionSource
from triage.domain.priority import Priority
from triage.drilling.report import DrillReport
from triage.drilling.subject import urgent_report
from triage.drilling.virtual import rehearse
from triage.errors import ConfigurationError, FieldFault, InvalidIncident
from triage.oncall import OnCall
from triage.rehearsal.backtest import Answering, Past, backtest
from triage.rehearsal.check import check
from triage.rehearsal.comparison import Comparison, compare
from triage.rehearsal.findings import Finding
from triage.rehearsal.scenario import ScenarioShape
from triage.rehearsal.simulate import Simulation, simulate
from triage.rehearsal.virtual import Known
from triage.rules.configuration import Configuration, configuration_from_texts
from triage.store.database import Database
from triage.store.decided import DecidedIncident, DecidedIncidents

LOOKED_AT = 2_000
"""Incidents that a backtest for somebody who waits looks at, the newest; ``triage backtest`` looks at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtested:
    incidents: int
    compared: Comparison


class Trying:
    """``today`` gives the configuration in force."""

    def __init__(
        self,
        database: Database,
        oncall: OnCall,
        today: Callable[[], Configuration],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._oncall = oncall
        self._today = today
        self._clock = clock

    def proposed(self, escalation: str | None, catalogue: str | None) -> Configuration:
        """The configuration in force with these texts in it. Raises InvalidIncident with file and line."""
        today = self._today()
        if escalation is None and catalogue is None:
            return today
        try:
            return configuration_from_texts(catalogue or today.catalogue_text, escalation or today.policy_text)
        except ConfigurationError as error:
            field = "catalogue" if error.file.startswith("catalogue") else "escalation"
            fault = FieldFault(field, str(error))
            raise InvalidIncident("the proposed configuration is refused", (fault,)) from None

    def check(self, configuration: Configuration, days: int) -> list[Finding]:
        """What is wrong with it in the coming days."""
        now = self._clock()
        overrides = self._oncall.between(now, now + timedelta(days=days))
        return list(check(configuration, now, overrides, days))

    def simulate(self, configuration: Configuration, scenario: ScenarioShape) -> Simulation:
        """Raises UnknownWord for what the scenario names in vain."""
        overrides = self._oncall.between(scenario.at, scenario.at + scenario.until)
        return simulate(configuration.rulebook, scenario, overrides)

    def backtest(self, configuration: Configuration, days: int, answering: Answering) -> Backtested:
        """The newest LOOKED_AT decided incidents of so many days, through today's policy and this one."""
        today, now = self._today(), self._clock()
        since = now - timedelta(days=days)
        with closing(DecidedIncidents(self._database).read(since, LOOKED_AT)) as found:
            pasts = [past_of_decision(incident, today.catalogue) for incident in found]
        swaps = self._oncall.between(since, now)
        before, after = (backtest(one.rulebook, pasts, answering, swaps) for one in (today, configuration))
        return Backtested(incidents=len(pasts), compared=compare(before, after))

    def drill(
        self, configuration: Configuration, scenario: ScenarioShape | None, by: str, *, keep: bool
    ) -> DrillReport:
        """On the virtual clock; None: a P1 on the most important service. ``keep``: it counts as a drill of its
        policy."""
        played = scenario if scenario is not None else self.urgent(configuration)
        return rehearse(self._database, configuration, played, os.environ, by=by, keep=keep)

    def urgent(self, configuration: Configuration, priority: Priority = Priority.P1) -> ScenarioShape:
        """An urgent incident of the most important service, now."""
        report = urgent_report(configuration, priority)
        return ScenarioShape(at=self._clock().replace(microsecond=0), incident=report)


def past_of_decision(found: DecidedIncident, catalogue: Catalogue) -> Past:
    """With what was concluded then before any rule, as far as no rule changed it; what a rule did to it is
    undone by starting from the report again."""
    decision, inputs = found.decision, found.inputs
    priority = None if decision.priority.source is DecisionSource.RULE else decision.priority.value
    known_team = decision.team.source is not DecisionSource.RULE and decision.team.value in catalogue.teams
    return Past(
        id=found.id,
        incident=inputs.incident,
        opened_at=found.opened_at,
        resolved_at=found.resolved_at,
        known=Known(
            recurrence=inputs.recurrence,
            priority=priority,
            priority_source=decision.priority.source,
            team=decision.team.value if known_team else None,
            team_source=decision.team.source,
            override=inputs.override,
        ),
    )
