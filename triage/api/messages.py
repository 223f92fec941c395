"""``/v1/messages``: what was said to people and what could not be; once more, and on trial."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from triage.api.access import admit, service_of
from triage.api.actions import Word
from triage.api.bodies import answer, read_fields, render
from triage.api.examples import MESSAGE_KEYS, TESTED
from triage.api.paging import cursor_of, moment_and_word
from triage.api.routing import BODY, answers, reads
from triage.domain.access import Role
from triage.domain.message import Message, MessageState
from triage.serving.parts import catalogue_in_force, utc_now
from triage.store.outbox import MessageFilter
from triage.telling.trial import reached_by_trial, trial_page

router = APIRouter(prefix="/v1/messages", tags=["messages"])


class MessageView(BaseModel):
    """``sent_with``: the message that it went out in, being the same; ``fault``: why it was not sent, or not sent
    at first."""

    key: str
    incident_id: str | None
    kind: str
    recipient: str
    state: str
    attempts: int
    made_at: str
    sent_at: str | None
    sent_with: str | None
    fault: str | None


class MessagesView(BaseModel):
    messages: list[MessageView]
    next_cursor: str | None


class MessageKeyBody(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    key: Annotated[str, Field(min_length=1, max_length=512)]


class TestBody(BaseModel):
    """``person``: left out, whoever asks."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    person: Word | None = None


@router.get("", response_model=MessagesView, responses=answers(422))
async def list_messages(
    request: Request,
    state: MessageState | None = None,
    recipient: Annotated[str | None, Query(max_length=200)] = None,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """What was said and is to be said, the newest first. `state=dead`: what nobody took within an hour."""
    admit(request, Role.RESPONDER)
    wanted = MessageFilter(
        state=state,
        recipient=recipient.replace("\x00", "") if recipient else None,
        before=moment_and_word(cursor),
        limit=limit,
    )
    found = await run_in_threadpool(service_of(request).parts.outbox.find, wanted)
    last = found[-1] if len(found) == limit else None
    following = cursor_of((last.made_at, last.key) if last else None)
    return answer(render({"messages": [_view(message) for message in found], "next_cursor": following}))


@router.post(
    "/send-again",
    response_model=MessageView,
    responses=answers(*BODY, 404),
    openapi_extra=reads("MessageKeyBody", MESSAGE_KEYS),
)
async def send_again(request: Request) -> Response:
    """A dead or withdrawn message waits once more, under the same key."""
    admit(request, Role.RESPONDER)
    asked = await read_fields(request, service_of(request).settings, MessageKeyBody)
    outbox = service_of(request).parts.outbox
    found = await run_in_threadpool(outbox.send_again, asked.key.replace("\x00", ""), utc_now())
    return answer(render(_view(found)))


@router.post(
    "/test",
    status_code=201,
    response_model=MessageView,
    responses=answers(*BODY),
    openapi_extra=reads("TestBody", TESTED, required=False),
)
async def send_test(request: Request) -> Response:
    """A test page to yourself, by your own contact methods; administrators may send one to somebody else."""
    principal = admit(request, Role.RESPONDER)
    service = service_of(request)
    asked = await read_fields(request, service.settings, TestBody)
    person = reached_by_trial(principal, asked.person, catalogue_in_force(service.activation))
    message = trial_page(person, principal.actor, utc_now())
    await run_in_threadpool(service.parts.outbox.put, [message])
    return answer(render(_view(message)), 201)


def _view(message: Message) -> dict[str, Any]:
    return {
        "key": message.key,
        "incident_id": message.incident_id,
        "kind": message.kind.value,
        "recipient": message.recipient,
        "state": message.state.value,
        "attempts": message.attempts,
        "made_at": message.made_at,
        "sent_at": message.sent_at,
        "sent_with": message.sent_with,
        "fault": message.fault,
    }
