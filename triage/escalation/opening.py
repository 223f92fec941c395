"""How an escalation begins, stays quiet, and keeps stakeholders informed."""

from triage.domain.escalation import Mode
from triage.escalation.ladder import climb
from triage.escalation.run import Run
from triage.escalation.state import Notice, Phase, TimerKind


def open_run(run: Run) -> None:
    run.phase = Phase.CALLING
    run.timers = []
    run.forget_step()
    run.acknowledged_by = run.acknowledged_at = None
    run.climbs = 0
    if stays_quiet(run):
        return
    run.promise()
    climb(run)
    send_update(run)


def stays_quiet(run: Run) -> bool:
    path = run.path
    if not path.suppressed and path.mode is Mode.NOTIFY:
        return False
    run.phase = Phase.QUIET
    run.timers = []
    because = path.suppressed_because if path.suppressed else f"policy {path.policy} only observes"
    run.say(Notice.QUIET, f"nobody is told: {because}")
    return True


def send_update(run: Run) -> None:
    """One now, and the next one when its time has come; nothing where the path has none."""
    run.cancel(TimerKind.UPDATE)
    updates = run.path.updates
    if updates is not None and run.phase in (Phase.CALLING, Phase.ACKNOWLEDGED):
        run.send_update(updates.every)
        run.schedule(TimerKind.UPDATE, run.now + updates.every)
