"""Human checkpoints: asking a role, its deputy when it does not answer, and what an answer sets free.

An approval holds back an announcement or a further step's page, and never who is told first.
"""

from triage.domain.escalation import Checkpoint, PathStep
from triage.escalation.run import Run
from triage.escalation.state import AskApproval, Notice, Phase, Post, Timer, TimerKind, Verdict

_OPEN = (Verdict.ASKED, Verdict.DEPUTY_ASKED)


def ask_beside(run: Run, place: int) -> None:
    """Ask for the approvals that stand beside the step at ``place``."""
    for beside in range(place + 1, len(run.path.steps)):
        step = run.path.steps[beside]
        if not step.beside:
            return
        if step.checkpoint is not None and step.checkpoint.id not in run.verdicts:
            _ask(run, step.checkpoint, beside)


def ask_first(run: Run, place: int) -> bool:
    """Whether the step at ``place`` may be told; asks its role if nobody has yet."""
    checkpoint = run.path.steps[place].checkpoint
    if checkpoint is None:
        return True
    if checkpoint.id not in run.verdicts:
        _ask(run, checkpoint, place)
    return run.verdicts[checkpoint.id] is Verdict.APPROVED


def _ask(run: Run, checkpoint: Checkpoint, place: int, *, deputy: bool = False) -> None:
    role = checkpoint.deputy if deputy and checkpoint.deputy else checkpoint.role
    people = run.reached_role(role)
    if not people and not deputy and checkpoint.deputy:
        run.say(Notice.SKIPPED, f"nobody can be reached as {role}; the deputy is asked", place + 1)
        _ask(run, checkpoint, place, deputy=True)
        return
    run.verdicts[checkpoint.id] = Verdict.DEPUTY_ASKED if deputy else Verdict.ASKED
    answer_by = run.now + checkpoint.decide_within
    run.effects.append(
        AskApproval(
            checkpoint=checkpoint.id,
            role=role,
            people=people,
            reason=checkpoint.reason,
            answer_by=answer_by,
            number=place + 1,
            deputy=deputy,
        )
    )
    run.schedule(TimerKind.CHECKPOINT, answer_by, place, checkpoint.id)


def ask_deputy(run: Run, timer: Timer) -> None:
    """The time to decide is over: the deputy is asked, and after the deputy's time it stays unannounced."""
    step = _step_of(run, timer.name)
    if step is None or step.checkpoint is None or run.verdicts.get(timer.name) not in _OPEN:
        return
    if run.verdicts[timer.name] is Verdict.ASKED and step.checkpoint.deputy is not None:
        _ask(run, step.checkpoint, step.number - 1, deputy=True)
        return
    run.verdicts[timer.name] = Verdict.EXPIRED
    run.say(
        Notice.EXPIRED,
        f"checkpoint {timer.name} was not decided in time; what waits for it is not done",
        step.number,
    )


def answer_checkpoint(run: Run, checkpoint: str, *, approved: bool, by: str) -> None:
    """An approval that comes late still counts, as long as the incident is open."""
    step = _step_of(run, checkpoint)
    verdict = run.verdicts.get(checkpoint)
    late = verdict is Verdict.EXPIRED and approved
    if step is None or not (verdict in _OPEN or late) or run.phase in (Phase.RESOLVED, Phase.QUIET):
        return
    run.drop(lambda timer: timer.kind is TimerKind.CHECKPOINT and timer.name == checkpoint)
    run.verdicts[checkpoint] = Verdict.APPROVED if approved else Verdict.REFUSED
    notice = Notice.APPROVED if approved else Notice.REFUSED
    run.say(notice, f"checkpoint {checkpoint} was {run.verdicts[checkpoint].value} by {by}", step.number)
    if not approved:
        return
    channels = tuple(channel for channel in step.channels if f"channel {channel}" not in run.done)
    if channels:
        run.effects.append(Post(channels=channels, number=step.number))
        run.done |= {f"channel {channel}" for channel in channels}
    if not step.beside and run.phase is Phase.CALLING and run.step == step.number - 1:
        answer_by = run.now + step.acknowledge_within
        for called in run.reached_by(step):
            for person in called.people:
                run.page(person, called.target, step.number, 1, answer_by)
            run.called = (*run.called, called)
        # Whoever is told only now has all of the step's time.
        run.cancel(TimerKind.ACKNOWLEDGE)
        run.schedule(TimerKind.ACKNOWLEDGE, answer_by, run.step)


def _step_of(run: Run, checkpoint: str) -> PathStep | None:
    return next((step for step in run.path.steps if step.checkpoint and step.checkpoint.id == checkpoint), None)
