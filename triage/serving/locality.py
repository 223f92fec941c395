"""Who may come without a token: this machine, and no page of another site that happens to be open on it."""

from urllib.parse import urlsplit

from triage.errors import Forbidden
from triage.serving.service import is_loopback


def refuse_foreign_pages(host: str, origin: str | None) -> None:
    """Without tokens, whoever reaches us is trusted; a web page in a browser on this machine reaches us too.

    Such a request carries its page's Origin, or, where the page's own name was made to lead here, that name as
    Host. Programs send no Origin and ask for a loopback address. Raises Forbidden.
    """
    if not is_local_name(host):
        raise Forbidden("without a token, ask for localhost or a loopback address")
    if origin is not None and origin.partition("://")[2] != host:
        raise Forbidden("without a token, pages of other sites may not ask")


def is_local_name(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or name.endswith(".localhost")
