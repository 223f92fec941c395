"""The ways that lead to a recipient, and where each of them ends: gateways, addresses, secrets."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from triage.domain.catalogue import Catalogue, Gateway, GatewayKind
from triage.errors import DeliveryFailed

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to a recipient. ``address`` as it stands in the catalogue."""

    gateway: Gateway
    address: str

    @property
    def name(self) -> str:
        """The gateway's id, or the scheme of an address of its own: what logs and people may see of it."""
        return self.gateway.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a way ends. ``url`` and ``secret`` are secrets; ``lane`` names what is slow or dead together."""

    way: Way
    url: str
    secret: str
    lane: str


def ways_to(catalogue: Catalogue, recipient: str) -> tuple[Way, ...]:
    """All ways to ``person:ID``, ``channel:ID`` or ``vendor:ID``, in the order they are tried. Raises
    DeliveryFailed with the reason where there is none."""
    kind, _, name = recipient.partition(":")
    ways: list[Way] = []
    missing: list[str] = []
    for gateway, address in _addresses(catalogue, kind, name):
        if "://" in address or (_is_reference(address) and gateway not in catalogue.gateways):
            ways.append(Way(gateway=Gateway(id=_scheme(address)), address=address))
        elif gateway in catalogue.gateways:
            ways.append(Way(gateway=catalogue.gateways[gateway], address=address))
        else:
            missing.append(gateway)
    if ways:
        return tuple(ways)
    if missing:
        raise DeliveryFailed(f"the catalogue has no gateway {', '.join(sorted(set(missing)))}")
    raise DeliveryFailed(f"{recipient} has no address in the catalogue")


def _addresses(catalogue: Catalogue, kind: str, name: str) -> list[tuple[str, str]]:
    """Gateway and address of each way."""
    if kind == "person":
        person = catalogue.people.get(name)
        return [(c.channel, c.address) for c in person.contacts] if person is not None and person.active else []
    if kind == "channel" and (channel := catalogue.channels.get(name)) is not None:
        return [(channel.gateway or "of its own", channel.address)] if channel.address else []
    if kind == "vendor" and (vendor := catalogue.vendors.get(name)) is not None:
        return [(vendor.gateway, vendor.contact)] if vendor.contact and vendor.gateway else []
    return []


def resolve(way: Way, environment: Mapping[str, str]) -> Target:
    """Raises DeliveryFailed for a variable that the environment lacks."""
    gateway = way.gateway
    if gateway.kind is GatewayKind.RECORD:
        return Target(way=way, url="", secret="", lane=way.name)
    url = filled(gateway.url or way.address, environment)
    if gateway.url:
        url = url.replace("{address}", quote(filled(way.address, environment), safe=""))
    host = _host(url)
    # A host may be a token, as with some chat services, and lanes are seen in logs.
    lane = f"{way.name}#{hashlib.sha256(host.encode()).hexdigest()[:8]}"
    return Target(way=way, url=url, secret=filled(gateway.secret, environment), lane=lane)


def filled(text: str, environment: Mapping[str, str]) -> str:
    """A text that is one reference becomes what it refers to; within a longer one it is quoted, as passwords hold
    characters that mean something in an address."""
    whole = _is_reference(text)

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if not environment.get(name):
            raise DeliveryFailed(f"the environment variable {name} is not set")
        return environment[name] if whole else quote(environment[name], safe="")

    return _REFERENCE.sub(value_of, text)


def _is_reference(text: str) -> bool:
    return _REFERENCE.fullmatch(text) is not None


def _scheme(address: str) -> str:
    scheme, separator, _ = address.partition("://")
    return scheme if separator and scheme.isidentifier() else "address"


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return url
