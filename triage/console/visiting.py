"""Who looks at a page: signed in with a personal token, or on this machine while no token exists.

A session is what every way of signing in ends in. There is one way today, a personal token
(``triage.console.signing_in``); another, such as OpenID Connect, needs a page of its own and the same
``Sessions.begin``.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from triage.domain.access import LOCAL, Principal, Role
from triage.domain.catalogue import Catalogue, Person
from triage.errors import Forbidden, Unauthenticated
from triage.serving.locality import refuse_foreign_pages
from triage.serving.parts import catalogue_in_force, utc_now
from triage.serving.service import Service
from triage.store.sessions import Session

NOBODY = "local"
"""In place of a session's secret where there are no tokens."""
_PROCESS_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """``person``: of the catalogue; None for who has none there. ``csrf``: what their forms have to bring back;
    ``session``: None on this machine without tokens."""

    principal: Principal
    catalogue: Catalogue
    csrf: str
    now: datetime
    session: Session | None = None

    @property
    def actor(self) -> str:
        return self.principal.actor

    @property
    def person(self) -> Person | None:
        return self.catalogue.people.get(self.actor)

    @property
    def name(self) -> str:
        return self.catalogue.person_name(self.actor)

    @property
    def teams(self) -> tuple[str, ...]:
        """Those that they respond for or are on the schedule of."""
        found = (
            team.id
            for team in self.catalogue.teams.values()
            if self.actor in team.responders
            or (team.schedule and self.actor in self.catalogue.schedules[team.schedule].participants)
        )
        return tuple(found)

    @property
    def zone(self) -> ZoneInfo:
        """By which their times are shown."""
        own = self.person.timezone if self.person else None
        return ZoneInfo(own) if own else self.catalogue.zone

    def may(self, needed: Role) -> bool:
        return self.principal.role.may_act_as(needed)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def visitor_of(request: Request, needed: Role = Role.RESPONDER) -> Visitor:
    """Asks the database; not for the event loop.

    Raises Unauthenticated for who is not signed in, Forbidden where the role does not suffice, StoreUnavailable.
    """
    service, now = service_of(request), utc_now()
    secret = request.cookies.get(cookie_name(request))
    session = _find_session(service, secret, now) if secret else None
    if session is not None and secret is not None:
        principal = service.find_principal(session.token_digest)
        if principal is None:
            raise Unauthenticated("the token that you signed in with has ended")
    elif service.open_to_local(request.client.host if request.client else None):
        refuse_foreign_pages(request.headers.get("host", ""), request.headers.get("origin"))
        principal, secret = LOCAL, NOBODY
    else:
        raise Unauthenticated("sign in to see this")
    if not principal.role.may_act_as(needed):
        raise Forbidden(f"this needs the role {needed.value}; you have {principal.role.value}")
    return Visitor(
        principal=principal,
        catalogue=catalogue_in_force(service.activation),
        csrf=csrf_of(secret or NOBODY),
        now=now,
        session=session,
    )


def _find_session(service: Service, secret: str, now: datetime) -> Session | None:
    return service.parts.sessions.find(secret, now, timedelta(seconds=service.settings.session_idle))


def csrf_of(secret: str) -> str:
    """What a form has to bring back: known to pages of this session alone, and tells nothing of its secret."""
    key = _PROCESS_KEY if secret == NOBODY else secret.encode()
    return hmac.new(key, b"csrf", hashlib.sha256).hexdigest()


def check_origin(request: Request) -> None:
    """A form comes from a page of ours. Browsers say where from; whoever says nothing is no browser of today, and
    still has to know the CSRF token. Raises Forbidden."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host", "")
    if site not in ("same-origin", "none") or foreign:
        raise Forbidden("this form was sent from another site")


def check_csrf(visitor: Visitor, given: str) -> None:
    """Raises Forbidden."""
    if not hmac.compare_digest(visitor.csrf.encode(), given.encode("utf-8", "surrogatepass")):
        raise Forbidden("this page is from an earlier session; load it again and repeat what you did")


def is_secure(request: Request) -> bool:
    """Whether people reach us over TLS, which may end in front of us."""
    public = service_of(request).settings.public_url or ""
    return request.url.scheme == "https" or public.startswith("https://")


def cookie_name(request: Request) -> str:
    """The prefix makes browsers refuse the cookie from a neighbouring host, and asks for TLS."""
    return "__Host-triage" if is_secure(request) else "triage_session"


def set_session(request: Request, response: Response, secret: str) -> None:
    lasts = int(service_of(request).settings.session_lasts)
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=lasts,
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
        path="/",
    )


def clear_session(request: Request, response: Response) -> None:
    response.delete_cookie(
        cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )
