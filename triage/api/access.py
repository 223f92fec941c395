"""Who is asking, and whether they may."""

from fastapi import Request

from triage.domain.access import LOCAL, Principal, Role
from triage.errors import Forbidden, Unauthenticated
from triage.serving.locality import refuse_foreign_pages
from triage.serving.service import Service
from triage.store.tokens import digest


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def admit(request: Request, needed: Role) -> Principal:
    """The caller, if their token's role includes ``needed``.

    Raises Unauthenticated without a valid bearer token (unless none exists and only this machine can
    reach us), Forbidden when the role does not suffice, Unavailable while tokens cannot be known yet.
    """
    service = service_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        if service.open_to_local(request.client.host if request.client else None):
            refuse_foreign_pages(request.headers.get("host", ""), request.headers.get("origin"))
            return LOCAL
        raise Unauthenticated("send Authorization: Bearer <token>")
    if scheme.lower() != "bearer":
        raise Unauthenticated("the scheme of Authorization must be Bearer")
    principal = service.find_principal(digest(token.strip()))
    if principal is None:
        raise Unauthenticated("the token is not known, has expired or was revoked")
    if not principal.role.may_act_as(needed):
        raise Forbidden(f"this needs the role {needed.value}; the token has {principal.role.value}")
    return principal
