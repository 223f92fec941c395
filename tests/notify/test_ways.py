"""Which ways lead to people, and where they end: gateways, own addresses, secrets of the environment."""

import pytest

from triage.domain.catalogue import Catalogue, Channel, ContactMethod, Gateway, GatewayKind, Person, Team, Vendor
from triage.errors import DeliveryFailed
from triage.notify.ways import resolve, ways_to

MAIL = Gateway(id="mail", url="mailtos://${USER}:${PASSWORD}@mail.example?to={address}")
ROOM = Gateway(id="room", kind=GatewayKind.RECORD)
CATALOGUE = Catalogue(
    version="x",
    organisation="x",
    timezone="UTC",
    triage_desk="desk",
    teams={"desk": Team(id="desk", name="Desk")},
    people={
        "ann": Person(
            id="ann",
            name="Ann",
            contacts=(
                ContactMethod(channel="mail", address="ann@x.example"),
                ContactMethod(channel="pigeon", address="loft 3"),
                ContactMethod(channel="chat", address="ntfys://push.example/ann"),
            ),
        ),
        "gone": Person(
            id="gone", name="Gone", active=False, contacts=(ContactMethod(channel="mail", address="g@x"),)
        ),
        "lost": Person(id="lost", name="Lost", contacts=(ContactMethod(channel="pigeon", address="loft"),)),
    },
    channels={
        "war": Channel(id="war", stage="war_room", address="${WAR_ROOM}"),
        "kept": Channel(id="kept", stage="war_room", address="${WAR_ROOM}", gateway="room"),
        "blank": Channel(id="blank", stage="war_room"),
    },
    vendors={
        "written": Vendor(id="written", name="W", contact="noc@v.example", gateway="mail"),
        "called": Vendor(id="called", name="C", contact="+49 30 1"),
    },
    gateways={"mail": MAIL, "room": ROOM},
)
SECRETS = {"USER": "triage", "PASSWORD": "p@ss/word", "WAR_ROOM": "slack://token-a/token-b/token-c/#war"}


def names(recipient: str) -> list[str]:
    return [way.name for way in ways_to(CATALOGUE, recipient)]


def test_ways_are_tried_in_the_order_of_the_contacts() -> None:
    assert names("person:ann") == ["mail", "ntfys"]


def test_channels_and_vendors_have_one() -> None:
    assert [names(r) for r in ("channel:war", "channel:kept", "vendor:written")] == [
        ["address"],
        ["room"],
        ["mail"],
    ]


@pytest.mark.parametrize(
    ("recipient", "why"),
    [
        ("person:lost", "no gateway pigeon"),
        ("person:gone", "no address"),
        ("person:nobody", "no address"),
        ("channel:blank", "no address"),
        ("vendor:called", "no address"),
    ],
)
def test_who_cannot_be_reached_is_said(recipient: str, why: str) -> None:
    with pytest.raises(DeliveryFailed, match=why):
        ways_to(CATALOGUE, recipient)


def test_secrets_and_addresses_are_quoted_within_an_address_and_whole_alone() -> None:
    (mail, _) = ways_to(CATALOGUE, "person:ann")
    assert resolve(mail, SECRETS).url == "mailtos://triage:p%40ss%2Fword@mail.example?to=ann%40x.example"
    (war,) = ways_to(CATALOGUE, "channel:war")
    assert resolve(war, SECRETS).url == SECRETS["WAR_ROOM"]


def test_what_is_recorded_needs_no_secret() -> None:
    (kept,) = ways_to(CATALOGUE, "channel:kept")
    assert resolve(kept, {}).url == ""


def test_a_lane_is_a_host_and_does_not_show_it() -> None:
    (war,) = ways_to(CATALOGUE, "channel:war")
    lane = resolve(war, SECRETS).lane
    assert "token" not in lane
    assert lane == resolve(war, SECRETS).lane
    assert lane != resolve(war, {"WAR_ROOM": "slack://other/token-b/token-c/#war"}).lane


def test_a_missing_variable_is_named() -> None:
    (mail, _) = ways_to(CATALOGUE, "person:ann")
    with pytest.raises(DeliveryFailed, match=r"^the environment variable USER is not set$"):
        resolve(mail, {})
