"""The words that incidents of an invented shop are made of: families of alerts and tickets, and variable parts.

A family is what one team is told about one kind of trouble. Each text takes one title and two or three of the
sentences; variable parts are drawn anew, so that texts are alike as real ones are and still all differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Family:
    """``priority`` is what most incidents of the family deserve in production."""

    team: str
    services: tuple[str, ...]
    priority: str
    titles: tuple[str, ...]
    sentences: tuple[str, ...]


def _one_of(words: str) -> tuple[str, ...]:
    return tuple(words.split())


REGIONS = _one_of("eu-west-1 eu-central-1 us-east-1 us-east-2 us-west-2 ap-southeast-1")
ENVIRONMENTS = ("production", "production", "production", "staging", "test")
_FIRST = _one_of(
    "Alder Amber Birch Cobalt Copper Coral Cedar Dune Ember Falcon Fjord Garnet Granite Harbour Heron Indigo Ivory"
    " Juniper Kestrel Larch Linden Maple Meadow Nimbus Ochre Opal Osprey Pebble Poplar Quartz Raven Saffron Sierra"
    " Slate Sorrel Thistle Tundra Umber Willow Zephyr"
)
_SECOND = _one_of(
    "Books Bikes Crafts Dairy Fashion Flowers Foods Furniture Games Garden Goods Interiors Jewels Kitchens Lamps"
    " Leather Music Optics Outdoors Paper Pets Pharmacy Shoes Sports Stationery Tea Textiles Tools Toys Wines"
)
_PEOPLE = _one_of(
    "Aino Bruno Carla Dmitri Elif Farah Gustav Hana Ibrahim Jonas Katja Liam Mirela Noor Oskar Petra Quentin Ravi"
    " Sanna Teo Ulrike Vera Wanda Xavier Yara Zoltan"
)
_CITIES = _one_of("Antwerp Bergen Bilbao Dresden Ghent Graz Kraków Leipzig Lyon Malmö Porto Tampere Turin Utrecht")
_TABLES = _one_of(
    "orders order_lines refunds shipments sessions addresses prices stock_levels invoices vouchers events"
)
_QUEUES = _one_of("order-events refund-requests mail-outbox price-updates stock-sync image-resize audit-trail")
_ENDPOINTS = _one_of(
    "/cart /checkout /authorize /login /search /orders /refunds /profile /catalogue /vouchers /token"
)
_JOBS = _one_of(
    "load_orders build_customer_360 export_finance dedupe_events refresh_margins score_churn sync_prices"
)
_BROWSERS = ("Safari 18", "Chrome 141", "Firefox 144", "Edge 141", "the iOS app", "the Android app")
_DEVICES = (
    "laptop",
    "label printer",
    "card terminal",
    "barcode scanner",
    "desktop",
    "tablet",
    "meeting room screen",
)
_ERRORS = _one_of(
    "TimeoutError ConnectionReset NullPointerException SocketClosed TypeError BrokenPipe QuotaExceeded"
)
_PARTNERS = _one_of("Northbank Cardlane Paystream Bluecrest Euroclear Finbridge Swiftpay Meridian")

PARTS: dict[str, Callable[[Random], str]] = {
    "region": lambda r: r.choice(REGIONS),
    "host": lambda r: (
        f"{r.choice(('db', 'app', 'edge', 'node', 'cache', 'gw'))}-{r.choice(REGIONS)[:2]}-{r.randint(1, 96):02d}"
    ),
    "pod": lambda r: (
        f"{r.choice(('api', 'web', 'worker', 'sync'))}-{r.randrange(16**8):08x}-{r.randrange(16**4):04x}"
    ),
    "merchant": lambda r: f"{r.choice(_FIRST)} {r.choice(_SECOND)}",
    "person": lambda r: f"{r.choice(_PEOPLE)} {r.choice('ABDEFGHKLMNPRSTVW')}.",
    "city": lambda r: r.choice(_CITIES),
    "percent": lambda r: f"{r.randint(3, 98)}",
    "seconds": lambda r: f"{r.randint(2, 900)}",
    "millis": lambda r: f"{r.randint(250, 9800)}",
    "count": lambda r: f"{r.randint(3, 4800)}",
    "amount": lambda r: f"{r.randint(20, 90_000)}.{r.randint(0, 99):02d} EUR",
    "clock": lambda r: f"{r.randint(0, 23):02d}:{r.randint(0, 59):02d}",
    "version": lambda r: f"{r.randint(1, 9)}.{r.randint(0, 40)}.{r.randint(0, 9)}",
    "number": lambda r: f"{r.randint(100_000, 999_999)}",
    "ip": lambda r: f"10.{r.randint(0, 255)}.{r.randint(0, 255)}.{r.randint(1, 254)}",
    "status": lambda r: r.choice(_one_of("500 502 503 504 429 408")),
    "table": lambda r: r.choice(_TABLES),
    "queue": lambda r: r.choice(_QUEUES),
    "endpoint": lambda r: r.choice(_ENDPOINTS),
    "job": lambda r: r.choice(_JOBS),
    "browser": lambda r: r.choice(_BROWSERS),
    "device": lambda r: r.choice(_DEVICES),
    "error": lambda r: r.choice(_ERRORS),
    "partner": lambda r: r.choice(_PARTNERS),
}
"""Each variable part, drawn with a ``random.Random``."""


def draw(name: str, random: Random) -> str:
    return PARTS[name](random)
