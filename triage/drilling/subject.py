"""What is practised: a P1 or P2 that the rules decide as such."""

from triage.domain.delivery import Delivery
from triage.domain.incident import DRILL_SOURCE, Incident
from triage.domain.priority import Priority
from triage.errors import BadRequest, TriageError
from triage.rehearsal.scenario import ReportShape
from triage.rules.configuration import Configuration
from triage.triager import Received, Triager

DRILLED = (Priority.P1, Priority.P2)


def urgent_report(configuration: Configuration, priority: Priority) -> ReportShape:
    """An incident of this priority: a severity that stands for it, on a service of the highest tier. Raises
    BadRequest where the catalogue has no such word."""
    catalogue = configuration.catalogue
    severity = next((s.word for s in catalogue.severities if s.priority is priority), None)
    services = sorted(catalogue.services.values(), key=lambda service: (service.tier, service.id))
    if severity is None:
        raise BadRequest(f"no severity of the catalogue stands for {priority.value}; say what comes in")
    service = services[0].id if services else None
    return ReportShape(title="A drill", severity=severity, service=service, environment="production")


def receive_one(triager: Triager, event: Incident) -> Received:
    """What became of a drill's event. Raises whatever it was refused with."""
    outcome = triager.receive([Delivery(events=(event,), actor=f"source:{DRILL_SOURCE}")])[0]
    first = outcome if isinstance(outcome, TriageError) else outcome[0]
    if isinstance(first, TriageError):
        raise first
    if not isinstance(first, Received):
        raise BadRequest("the drill's alert opened no incident")
    return first


def check_drilled(priority: Priority) -> None:
    """Raises BadRequest for one that nobody has to practise."""
    if priority not in DRILLED:
        raise BadRequest(f"this is decided as {priority.value}; a drill is of a P1 or P2")
