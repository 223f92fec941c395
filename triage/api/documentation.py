"""``/docs``: Swagger UI from this machine alone, since an incident is when the outside may be out of reach."""

from importlib.resources import files

from fastapi import APIRouter, Response

from triage.errors import NotFound

router = APIRouter(include_in_schema=False)

CARRIER = "fastapi_offline"
"""A package that carries Swagger UI as its project publishes it, and little else."""

ASSETS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}

PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Triage API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript>This page needs JavaScript; the same is in <a href="openapi.json">openapi.json</a>.</noscript>
<main id="api"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = b"""SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null,
});
"""
# Swagger UI writes style attributes and shows its icons as data.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/docs")
async def docs() -> Response:
    return Response(PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript")


@router.get("/docs/{asset}")
def asset(asset: str) -> Response:
    """Read when asked for: the pages of a service that nobody looks up cost it no memory."""
    kind = ASSETS.get(asset)
    if kind is None:
        raise NotFound("no such page")
    content = (files(CARRIER) / "static" / asset).read_bytes()
    return Response(content, media_type=kind, headers={"Cache-Control": "max-age=86400"})
