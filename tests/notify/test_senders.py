"""What a target gets: signed webhooks that a published library checks, mail by a real server; and how it fails."""

import logging

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.fixtures_receivers import Hook, Mailbox, text_of
from tests.fixtures_service import free_port
from triage.domain.catalogue import Gateway, GatewayKind
from triage.domain.message import MessageKind, Outgoing
from triage.errors import DeliveryFailed
from triage.notify.senders import send
from triage.notify.ways import Target, Way, resolve

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OUTGOING = Outgoing(
    key="0190/3/0",
    kind=MessageKind.PAGE,
    title="[P1] Orders database: replication lag",
    body="What: replication lag\nTake it: https://triage.example/a/xyz",
    short="[P1] lag Take it: https://triage.example/a/xyz",
    urgent=True,
    data={"key": "0190/3/0", "title": "Replikationsverzögerung"},
)


def webhook(hook: Hook, **settings: object) -> Target:
    given = {"kind": GatewayKind.WEBHOOK, "url": f"{hook.url}/{{address}}", "secret": SECRET, **settings}
    return resolve(Way(gateway=Gateway(id="hook", **given), address="bob"), {})  # type: ignore[arg-type]


def mail(mailbox: Mailbox, **settings: object) -> Target:
    url = f"mailto://127.0.0.1:{mailbox.port}?from=triage@northwind.example&to={{address}}&mode=insecure"
    return resolve(Way(gateway=Gateway(id="mail", url=url, **settings), address="bob@northwind.example"), {})  # type: ignore[arg-type]


def test_a_webhook_is_signed_as_the_published_library_checks_it(hook: Hook) -> None:
    send(webhook(hook), OUTGOING, 5)
    got = hook.received[0]
    assert got.path == "/bob"
    assert Webhook(SECRET).verify(got.content, got.headers) == OUTGOING.data
    assert got.headers["idempotency-key"] == OUTGOING.key
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(got.content.replace(b"Repli", b"Dupli"), got.headers)


def test_a_secret_may_be_any_text(hook: Hook) -> None:
    send(webhook(hook, secret="just words"), OUTGOING, 5)
    got = hook.received[0]
    assert Webhook(b"just words").verify(got.content, got.headers) == OUTGOING.data


@pytest.mark.parametrize(("status", "why"), [(500, "answered with 500"), (302, "answered with 302"), (404, "404")])
def test_a_refusal_says_the_number_of_the_answer(hook: Hook, status: int, why: str) -> None:
    hook.status = status
    with pytest.raises(DeliveryFailed, match=why):
        send(webhook(hook), OUTGOING, 5)


def test_an_answer_that_does_not_come_is_not_waited_for(hook: Hook) -> None:
    hook.takes = 2
    with pytest.raises(DeliveryFailed, match="no answer within"):
        send(webhook(hook), OUTGOING, 0.2)


def test_who_says_nothing_took_nothing_where_a_receipt_is_asked_for(hook: Hook) -> None:
    hook.answer = ""
    send(webhook(hook), OUTGOING, 5)
    with pytest.raises(DeliveryFailed, match="does not name the message's key"):
        send(webhook(hook, receipt=True), OUTGOING, 5)
    hook.answer = '{{"taken": "{key}"}}'
    send(webhook(hook, receipt=True), OUTGOING, 5)


def test_nobody_listening_is_said_without_the_address() -> None:
    with pytest.raises(DeliveryFailed, match=r"^cannot be reached \(ConnectError\)$"):
        send(webhook(Hook(free_port())), OUTGOING, 5)


def test_a_mail_arrives_with_its_text_and_its_key(mailbox: Mailbox) -> None:
    send(mail(mailbox), OUTGOING, 5)
    (got,) = mailbox.to("bob@northwind.example")
    assert got["subject"] == OUTGOING.title
    assert "https://triage.example/a/xyz" in text_of(got)
    assert got["idempotency-key"] == OUTGOING.key


def test_a_short_gateway_gets_the_short_text(mailbox: Mailbox) -> None:
    send(mail(mailbox, short=True), OUTGOING, 5)
    assert text_of(mailbox.to("bob@northwind.example")[0]).strip() == OUTGOING.short


def test_a_dead_mail_server_is_a_failure() -> None:
    with pytest.raises(DeliveryFailed, match="cannot be reached"):
        send(mail(Mailbox(free_port())), OUTGOING, 2)


def test_an_address_of_no_known_service_is_a_failure_that_does_not_repeat_it() -> None:
    way = Way(gateway=Gateway(id="odd", url="gopher://{address}"), address="secret-token")
    with pytest.raises(DeliveryFailed, match="no service that Apprise knows") as caught:
        send(resolve(way, {}), OUTGOING, 1)
    assert "secret-token" not in str(caught.value)


def test_what_is_only_recorded_goes_nowhere() -> None:
    send(resolve(Way(gateway=Gateway(id="x", kind=GatewayKind.RECORD), address="bob"), {}), OUTGOING, 1)


def test_apprise_says_nothing_in_our_logs(mailbox: Mailbox) -> None:
    """Its own words hold addresses."""
    heard: list[logging.LogRecord] = []
    ear = logging.Handler()
    ear.emit = heard.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(ear)
    try:
        send(mail(mailbox), OUTGOING, 5)
        with pytest.raises(DeliveryFailed):
            send(mail(Mailbox(free_port())), OUTGOING, 1)
    finally:
        logging.getLogger().removeHandler(ear)
    assert [record.name for record in heard if record.name.startswith("apprise")] == []
