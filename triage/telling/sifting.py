"""Which messages are still needed, and which of them are the same."""

from collections.abc import Sequence

from triage.domain.message import Message, MessageKind
from triage.store.outbox import Taken

_REPLACED = {MessageKind.PAGE, MessageKind.UPDATE}
_ASKED = ("asked", "deputy_asked")
_ALONE = {MessageKind.UPDATE, MessageKind.APPROVAL, MessageKind.REMINDER}
"""Each of these says something of its own."""


def why_not(taken: Taken) -> str | None:
    """Why nobody needs a message any more; None where somebody does."""
    message = taken.message
    if message.kind is MessageKind.STAND_DOWN:
        if not taken.over:
            return "it is open again"
        return None if taken.was_told else "they were never told of it"
    if taken.over and message.kind is not MessageKind.REMINDER and not _is_last_update(message):
        return "it is over"
    if taken.replaced and message.kind in _REPLACED:
        return "a later one says the same"
    if message.kind is MessageKind.PAGE and taken.phase == "acknowledged" and taken.acknowledged_at is not None:
        return "somebody took it" if message.made_at <= taken.acknowledged_at else None
    if message.kind is MessageKind.APPROVAL and taken.verdict not in _ASKED:
        return "it was decided"
    return None


def _is_last_update(message: Message) -> bool:
    return message.kind is MessageKind.UPDATE and message.detail.get("next_within") is None


def together(taken: Sequence[Taken]) -> list[list[Taken]]:
    """Those that are the same for the same recipient: of one pattern, or of one storm."""
    groups: list[list[Taken]] = []
    known: dict[tuple[str, ...], list[Taken]] = {}
    for one in taken:
        message = one.message
        marks = [
            (message.recipient, message.kind.value, *mark)
            for mark in (("family", one.family or message.key), ("head", one.head or message.key))
        ]
        found = next((known[mark] for mark in marks if mark in known), None)
        if found is None or message.kind in _ALONE:
            found = []
            groups.append(found)
        found.append(one)
        for mark in marks:
            known[mark] = found
    return groups
