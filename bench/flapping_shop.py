"""The made-up shop that ``bench.flapping`` watches: what there is, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """``calls``: what it cannot work without, so that their trouble becomes its own."""

    name: str
    team: str
    instances: int
    calls: tuple[str, ...] = ()
    routes: tuple[str, ...] = ("/",)
    pooled: bool = False


SERVICES = (
    Service("storefront", "web", 4, ("catalogue", "checkout", "identity"), ("/", "/basket")),
    Service("checkout", "buying", 4, ("payments", "orders"), ("/checkout", "/vouchers")),
    Service("orders", "buying", 4, (), ("/orders", "/orders/{id}"), pooled=True),
    Service("payments", "money", 3, ("identity",), ("/authorise", "/capture"), pooled=True),
    Service("refunds", "money", 2, ("payments", "orders"), ("/refunds",), pooled=True),
    Service("catalogue", "discovery", 3, ("search",), ("/products",), pooled=True),
    Service("search", "discovery", 3, (), ("/search", "/suggest")),
    Service("identity", "access", 3, (), ("/token", "/profile"), pooled=True),
    Service("shipping", "parcels", 2, ("orders",), ("/labels", "/tracking")),
    Service("invoicing", "money", 2, ("orders",), ("/invoices",), pooled=True),
    Service("mailer", "parcels", 2, (), ("/send",)),
    Service("reports", "data", 2, (), ("/reports",)),
)
EU, US = "eu-central", "us-east"
PLACES = (
    {"env": "prod", "region": EU, "namespace": "shop"},
    {"env": "prod", "region": US, "namespace": "shop"},
    {"env": "staging", "region": EU, "namespace": "shop-staging"},
    {"env": "prod", "region": EU, "namespace": "shop"},
)
HOSTS = (
    "orders-db-1",
    "orders-db-2",
    "customers-db-1",
    "customers-db-2",
    "queue-1",
    "build-1",
    "build-2",
    "files-1",
)
MOUNTS = (
    ("/", "/dev/nvme0n1p1"),
    ("/var", "/dev/nvme0n1p2"),
    ("/home", "/dev/nvme0n1p3"),
    ("/srv", "/dev/nvme1n1"),
)
DATABASES = ("orders-db", "customers-db")
QUEUES = {
    "orders.placed": "orders",
    "orders.cancelled": "orders",
    "refunds.requested": "refunds",
    "refunds.failed": "refunds",
    "mail.outgoing": "mailer",
    "invoices.due": "invoicing",
}
NAMES = ("shop.example", "www.shop.example", "pay.shop.example", "login.shop.example", "staging.shop.example")
JOBS = {
    "nightly-stock-count": "reports",
    "payout-file": "refunds",
    "search-index": "search",
    "dunning": "invoicing",
}
PROVIDERS = ("northpay", "cardline", "voltbank")
