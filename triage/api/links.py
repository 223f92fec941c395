"""``/a/{signed}``: links of messages. Looking at one, as previews of links do, changes nothing."""

from collections.abc import Sequence
from html import escape

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from triage.api.access import service_of
from triage.domain.record import IncidentRecord
from triage.errors import LinkNotValid, Unavailable
from triage.notify.links import LINK_WORDS, LinkAction

router = APIRouter(prefix="/a", include_in_schema=False)

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_DONE = {
    LinkAction.ACKNOWLEDGE: "You have it.",
    LinkAction.RESOLVE: "It is resolved.",
    LinkAction.APPROVE: "You approved.",
    LinkAction.REFUSE: "You refused.",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }}
li {{ overflow-wrap: anywhere; }}
button {{ font: inherit; font-weight: 600; padding: .9rem 1.6rem; width: 100%; border-radius: .5rem; border: 0;
  background: #0b57d0; color: #fff; cursor: pointer; }}
button:focus-visible {{ outline: 3px solid #f9ab00; outline-offset: 2px; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


@router.get("/{signed}")
async def look(request: Request, signed: str) -> Response:
    try:
        offer = await run_in_threadpool(service_of(request).parts.clicking.look, signed)
    except (LinkNotValid, Unavailable) as error:
        return _refused(error)
    asked = LINK_WORDS[offer.link.action]
    listed = _listed([(record, None) for record in offer.incidents])
    if offer.used_at is not None:
        return _page("Done already", f"{listed}<p>This link was used at {offer.used_at:%Y-%m-%d %H:%M} UTC.</p>")
    return _page(asked, f'{listed}<form method="post"><button type="submit">{escape(asked)}</button></form>')


@router.post("/{signed}")
async def click(request: Request, signed: str) -> Response:
    try:
        clicked = await run_in_threadpool(service_of(request).parts.clicking.click, signed)
    except (LinkNotValid, Unavailable) as error:
        return _refused(error)
    if all(why is not None for _, why in clicked.done):
        return _page("Nothing was done", _listed(clicked.done), 409)
    return _page(_DONE[clicked.offer.link.action], _listed(clicked.done))


def _listed(incidents: Sequence[tuple[IncidentRecord, str | None]]) -> str:
    return "<ul>" + "".join(_item(record, why) for record, why in incidents) + "</ul>"


def _item(record: IncidentRecord, why: str | None) -> str:
    stands = record.state.value
    if record.acknowledged_by and record.is_open:
        stands = f"taken by {record.acknowledged_by}"
    note = f" – {why}" if why else ""
    return f"<li>[{record.priority.value}] {escape(record.title)} – {escape(stands)}{escape(note)}</li>"


def _refused(error: LinkNotValid | Unavailable) -> Response:
    return _page("This link does nothing", f"<p>{escape(str(error).capitalize())}.</p>", error.status)


def _page(title: str, body: str, status: int = 200) -> Response:
    content = _PAGE.format(title=escape(title), body=body)
    return Response(content, status, media_type="text/html; charset=utf-8", headers=HEADERS)
