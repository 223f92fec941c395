"""Files that pages load, all from this service."""

from importlib.resources import files

from fastapi import APIRouter, Response

from triage.console.templating import static_version
from triage.errors import NotFound

router = APIRouter(prefix="/static", include_in_schema=False)

KINDS = {
    "console.css": "text/css",
    "console.js": "text/javascript",
    "charts.js": "text/javascript",
    "theme.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "vendor/htmx.min.js": "text/javascript",
    "vendor/htmx.LICENSE": "text/plain",
    "vendor/uplot.min.js": "text/javascript",
    "vendor/uplot.min.css": "text/css",
    "vendor/uplot.LICENSE": "text/plain",
}


@router.get("/{name:path}")
def get_file(name: str, v: str = "") -> Response:
    """Under the address that pages name, for ever: another content has another address."""
    kind = KINDS.get(name)
    if kind is None:
        raise NotFound("no such file")
    keep = "public, max-age=31536000, immutable" if v == static_version(name) else "no-cache"
    content = files("triage.console").joinpath("static", *name.split("/")).read_bytes()
    headers = {"Cache-Control": keep, "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=kind, headers=headers)
