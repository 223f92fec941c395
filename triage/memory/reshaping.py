"""What reviewers change of patterns: merge, split, tell apart, name, say what mends them, and take it back.

Each is one transaction with all patterns to itself, and is kept for ever.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from triage.errors import Conflict
from triage.memory.splitting import get_incidents, split_family, unmerge
from triage.store.pattern_changes import Act, Alteration, PatternChanges
from triage.store.pattern_history import Family, PatternChange
from triage.store.pattern_splits import put_back


@dataclass(frozen=True, slots=True)
class Changed:
    """The pattern to show now, and the change that was made or taken back."""

    pattern_id: str
    change: PatternChange


def mark_of(said: str | None) -> str:
    """Names what stands as a name or a known fix; empty for nothing."""
    return hashlib.sha256(said.encode()).hexdigest()[:16] if said is not None else ""


class Reshaping:
    """Every method raises NotFound for what is not stored, and Conflict where it cannot be done."""

    def __init__(self, changes: PatternChanges, clock: Callable[[], datetime]) -> None:
        self._changes = changes
        self._clock = clock

    def merge(
        self, pattern_id: str, other_id: str, actor: str, *, reason: str = "", anyway: bool = False
    ) -> Changed:
        """The other pattern counts under this one from now on. ``anyway``: also if somebody told them apart."""
        with self._changes.changing() as alteration:
            into, other = alteration.get_family(pattern_id), alteration.get_family(other_id)
            change_id = alteration.merge(into, other, self._act(actor, reason), anyway=anyway)
            return Changed(into.root, alteration.get_change(change_id))

    def split(self, pattern_id: str, incidents: Sequence[str], actor: str, *, reason: str = "") -> Changed:
        """These incidents become a pattern of their own; the whole of what was once merged becomes it again."""
        with self._changes.changing() as alteration:
            family = alteration.get_family(pattern_id)
            change = split_family(alteration, family, incidents, self._act(actor, reason))
        return Changed(change.pattern_id, change)

    def tell_apart(
        self,
        pattern_id: str,
        actor: str,
        *,
        pattern: str | None = None,
        incident: str | None = None,
        reason: str = "",
    ) -> Changed:
        """Another pattern, or one of an incident, is not the same problem: of an incident of this very pattern it
        is split off, of a pattern that was merged into it the merge is undone. If they had been told apart
        before they were merged anyway, that is in force again, and is the answer."""
        act = self._act(actor, reason)
        with self._changes.changing() as alteration:
            family = alteration.get_family(pattern_id)
            if incident is not None:
                pattern = get_incidents(alteration, [incident])[0].pattern_id
            other = alteration.get_family(pattern or "")
            detail: dict[str, str] = {}
            one, two = family.root, other.root
            if one == two:
                if incident is not None:
                    parted = split_family(alteration, family, [incident], act)
                else:
                    parted = self._unmerge_between(alteration, family, pattern_id, pattern or "", act)
                one, two = alteration.get_family(parted.pattern_id).root, parted.other_id or ""
                if apart := alteration.find_differences(one, two):
                    return Changed(one, alteration.get_change(apart[-1]))
                detail = {"split" if parted.kind == "split" else "unmerged": parted.id}
            change_id = alteration.differ(one, two, act, detail)
            return Changed(one, alteration.get_change(change_id))

    def say(
        self,
        kind: Literal["name", "known_fix"],
        pattern_id: str,
        value: str | None,
        actor: str,
        *,
        reason: str = "",
        looked_at: str | None = None,
    ) -> Changed:
        """What it is called, or what mends it; None takes that away. ``looked_at``: the ``mark_of`` what stood
        there for whoever changes it; Conflict where it is another by now."""
        with self._changes.changing() as alteration:
            root = alteration.get_family(pattern_id).root
            if looked_at is not None and looked_at != mark_of(alteration.get_said(kind, root)):
                raise Conflict("somebody changed it while you looked; see what it is now, then change it again")
            change_id = alteration.say(kind, root, self._act(actor, reason), value)
            return Changed(root, alteration.get_change(change_id))

    def undo(self, change_id: str, actor: str, *, reason: str = "") -> Changed:
        """As it was before, with what has come in since. Nothing is deleted: both stay to be read."""
        act = self._act(actor, reason)
        with self._changes.changing() as alteration:
            change = alteration.get_change(change_id)
            if change.undone_at is not None:
                raise Conflict("it was undone already")
            if change.kind == "merge":
                unmerge(alteration, change, act)
            elif change.kind == "split":
                put_back(alteration, change, act)
            elif change.kind == "difference":
                self._forget_difference(alteration, change, act)
            else:
                alteration.unsay(change, act)
            root = alteration.get_family(change.pattern_id).root
            return Changed(root, alteration.get_change(change_id))

    def _act(self, actor: str, reason: str) -> Act:
        return Act(by=actor, at=self._clock(), reason=reason)

    def _unmerge_between(
        self, alteration: Alteration, family: Family, one: str, other: str, act: Act
    ) -> PatternChange:
        """Undo the newest merge that brought these two together."""
        if one == other:
            raise Conflict("a pattern is not told apart from itself")
        for change in alteration.find_merges(family):
            if (one in change.detail["members"]) != (other in change.detail["members"]):
                unmerge(alteration, change, act)
                return alteration.get_change(change.id)
        raise Conflict("no merge that is in force brought these two together")

    def _forget_difference(self, alteration: Alteration, change: PatternChange, act: Act) -> None:
        """With what was done to tell them apart: it was one act. A merge that it undid is made anew."""
        alteration.forget_difference(change, act)
        if split := change.detail.get("split"):
            made = alteration.get_change(split)
            if made.undone_at is None:
                put_back(alteration, made, act)
        elif unmerged := change.detail.get("unmerged"):
            alteration.merge_again(alteration.get_change(unmerged), act)
