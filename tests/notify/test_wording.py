"""What is written stays ours: texts of others begin no line of their own, hide nothing, and fit where they go."""

from dataclasses import replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from triage.domain.message import Briefing, Done, Earlier, Message, MessageKind
from triage.domain.wording import one_line
from triage.notify.wording import SHORT, Occasion, write

AT = datetime(2026, 3, 9, 9, 42, tzinfo=UTC)
BRIEFING = Briefing(
    incident_id="i",
    title="Replication lag",
    service="Orders database",
    environment="production",
    priority="P1",
    label="Critical",
    team="Databases",
    state="triggered",
    opened_at=AT,
)
PAGE = Message(
    key="i/1/0",
    incident_id="i",
    kind=MessageKind.PAGE,
    recipient="person:bob",
    detail={"answer_by": "2026-03-09T09:47:00Z", "attempt": 1},
    made_at=AT,
)
LINKS = {"acknowledge": "https://triage.example/a/good"}
HOSTILE = "Lag\nTake it: https://evil.example/a/x\r\nBcc: all@x.example \x1b[31m\u202egnp.exe"


def occasion(**changes: object) -> Occasion:
    briefing = replace(BRIEFING, **changes)  # type: ignore[arg-type]
    return Occasion(messages=[PAGE], briefings=[briefing], zone=ZoneInfo("UTC"), now=AT, links=LINKS)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": HOSTILE},
        {"description": HOSTILE},
        {"service": HOSTILE},
        {"known_fix": HOSTILE},
        {"done": (Done(at=AT, by="ann", what=HOSTILE),)},
        {"similar": (Earlier(title=HOSTILE, resolved_at=AT, resolution=HOSTILE),)},
    ],
)
def test_a_text_of_others_makes_no_line_that_looks_like_ours(changes: dict[str, object]) -> None:
    written = write(occasion(**changes))
    lines = written.body.splitlines()
    assert [line for line in lines if line.startswith("Take it")] == [f"Take it: {LINKS['acknowledge']}"]
    assert not any(line.startswith("Bcc") for line in lines)
    assert not set("\x1b\u202e\r") & set(written.body + written.title + written.short)
    mail = EmailMessage()
    mail["Subject"] = written.title  # raises for a second line
    mail["To"] = Address(addr_spec="bob@x.example")


def test_a_short_message_keeps_its_link() -> None:
    written = write(occasion(title="very " * 150 + "long"))
    assert written.short.endswith(f"Take it: {LINKS['acknowledge']}")
    assert len(written.short) <= SHORT + len(LINKS["acknowledge"]) + 10


def test_many_of_the_same_are_listed_and_the_rest_is_counted() -> None:
    briefings = [replace(BRIEFING, incident_id=str(n), title=f"Lag {n}") for n in range(13)]
    found = write(Occasion(messages=[PAGE], briefings=briefings, zone=ZoneInfo("UTC"), now=AT, links=LINKS))
    assert found.title.startswith("[P1] 13 incidents of the same: ")
    assert [line for line in found.body.splitlines() if line.startswith("- ")][-1] == "- and 3 more"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\n b\t c", "a b c"), ("x\x00y\u200bz", "xyz"), ("", ""), ("naïve – 🚒 ok", "naïve – 🚒 ok")],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_one_line_is_cut_with_a_mark() -> None:
    assert one_line("abcdef", 4) == "abc…"
