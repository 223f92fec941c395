"""Which texts share a template and which must not. A wrong merge hides an outage, so both sides are tested."""

import re
import time
import uuid

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from triage.recurrence.template import mask, template_key

SAME = [
    ("identifier", "order {} failed", ["8812", "93114"]),
    ("identifier", "job {} timed out", [str(uuid.UUID(int=n)) for n in (1, 2**127)]),
    ("identifier", "build {} broke the deploy", ["a1b2c3d4e5f6", "00ff00ff11", "20481123", "1234567"]),
    ("identifier", "image sha256:{} cannot be pulled", ["ab12" * 16, "0" * 64]),
    ("identifier", "segfault at {} in worker", ["0x7ffd3c2a1b40", "0x55d0c0ffee00"]),
    ("identifier", "request_id={}; no answer", ["1", "7f"[:1] + "9", "83"]),
    ("identifier", "ticket #{} was reopened", ["12", "40213"]),
    ("identifier", "GET /orders/{}/items failed", ["84512", "9931"]),
    ("identifier", "sshd[{}]: too many failures", ["17", "40213"]),
    (
        "time",
        "backup of {} failed",
        ["2026-11-23", "2026-11-24T06:55:36Z", "2026/11/25", "2026-11-26T06:55:36.123+01:00"],
    ),
    ("time", "no heartbeat since {} on edge", ["06:55", "23:01:17", "06:55:36,123", "6:55pm"]),
    ("time", "Nov {} 06:55:36 gateway: link lost", ["2", "23", "30"]),
    ("time", "report of {} is missing", ["23.11.2026", "11/24/2026", "25/Nov/2026"]),
    ("quantity", "disk /var is {} full", ["93%", "94.5%", "100%"]),
    ("quantity", "answers take {} at the edge", ["250ms", "1.5s", "2m", "1h30m"]),
    ("quantity", "heap grew to {}", ["512MiB", "1.5GB", "2,048kB"]),
    ("quantity", "down for more than {} minutes", ["5", "15", "1.5"]),
    ("quantity", "{} pods are not ready", ["1", "17", "3/5", "1,204"]),
    ("quantity", "{} of 9 replicas ready", ["1", "3"]),
    ("quantity", "load average {} on the build farm", ["14", "14.3", "98.71"]),
    ("quantity", "error ratio 0.{} over budget", ["0123", "98734"]),
    ("quantity", "lag value={} growing", ["12", "90412.5"]),
    ("machine", "instance {} is down", ["10.0.0.5:9100", "10.12.0.77:9100"]),
    ("machine", "no route to {}", ["fe80::1", "2001:db8::7", "fe80::a2:1"]),
    ("machine", "duplicate address {}", ["00:1a:2b:3c:4d:5e", "00-1a-2b-3c-4d-5f"]),
    ("machine", "host {} does not answer", ["web01", "web17"]),
    ("machine", "scrape of {}:9100 failed", ["pay-1", "pay-23"]),
    ("machine", "cannot reach {}.eu-west-1.compute.internal", ["ip-10-0-3-4", "ip-10-12-3-44"]),
    ("machine", "node={} not ready", ["worker-3", "worker-12"]),
    ("pod", "{} is crash-looping", ["payments-7d9f8b6c5d-x2k4q", "payments-6bcf9d8547-zz8mn"]),
    ("pod", "shop/{} was killed", ["mailer-29384756-x2k4q", "mailer-29384816-b7xfd"]),
    ("pod", "pod {} was evicted", ["fluentd-x2k4q", "fluentd-22222", "fluentd-b7xfd"]),
    ("person", "mail to {} bounced", ["ann@example.com", "bob.b@mail.example.org"]),
    ("URL", "GET https://shop.example/pay{} failed", ["?token=abc", "?token=def&x=1", "#top"]),
    ("URL", "clone https://{}git.example/infra failed", ["ann:pw1@", "bob:pw2@"]),
    ("spacing", "disk{}full", [" ", "\n", " \t "]),
]

DIFFERENT = [
    ("status code", "HTTP {} from checkout", ["500", "404", "503"]),
    ("status code", "{} errors on checkout", ["500", "404"]),
    ("status code", "many {}s from checkout", ["500", "404"]),
    ("status code", "GET /pay returned status={}", ["500", "404"]),
    ("error code", "{}: internal error", ["ORA-00600", "ORA-07445", "ORA-12154"]),
    ("error code", "installation failed: {}", ["0x80070005", "0x80070643"]),
    ("error code", "exit code {} in the worker", ["1", "137"]),
    ("error code", "SQLSTATE[{}]: constraint", ["23505", "40001"]),
    ("event number", "Windows event {} on the directory", ["4625", "4740"]),
    ("percentile", "{} latency above target", ["p50", "P99", "p99.9"]),
    ("port", "port {} refuses connections", ["22", "443", "8080"]),
    ("port", "checkout:{} refuses", ["8080", "9100"]),
    ("path", "disk {} full", ["/var", "/data", "/mnt/1", "/mnt/2"]),
    ("device", "{} reports bad sectors", ["/dev/sda1", "/dev/sdb1", "nvme0n1"]),
    ("version", "handshake failed with TLS {}", ["1.0", "1.2"]),
    ("version", "image {} does not start", ["v1.2.3", "v2.0.0"]),
    ("name", "{} is out of capacity", ["us-east-1", "us-east-2", "eu-1"]),
    ("name", "{} lost its replica", ["db-1", "db-2"]),
    ("name", "queue {} is stuck", ["7", "9"]),
    ("name", "layer {} requests pile up", ["4", "7"]),
    ("name", "priority of shard {} wrong", ["1", "2"]),
    ("quoted", 'queue "{}" does not drain', ["orders", "payments"]),
    ("quoted", "table '{}' is locked", ["orders_2", "orders_3"]),
    (
        "host",
        "cannot reach {}",
        ["https://shop.example/pay", "https://shop.example/login", "https://api.example/pay"],
    ),
    ("host", "host {} does not answer", ["web01", "db01"]),
    ("pod", "{} is crash-looping", ["payments-7d9f8b6c5d-x2k4q", "mailer-7d9f8b6c5d-x2k4q"]),
    ("unit", "{} failed", ["s3", "ec2", "k8s", "http2"]),
]


@pytest.mark.parametrize(
    ("kind", "text", "parts"), SAME, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_changes_by_itself_is_masked(kind: str, text: str, parts: list[str]) -> None:
    assert len({mask(text.format(part)) for part in parts}) == 1, [mask(text.format(part)) for part in parts]


@pytest.mark.parametrize(
    ("kind", "text", "parts"), DIFFERENT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_tells_outages_apart_is_kept(kind: str, text: str, parts: list[str]) -> None:
    assert len({mask(text.format(part)) for part in parts}) == len(parts)


def test_a_mask_says_what_it_hides() -> None:
    text = "Pod payments-7d9f8b6c5d-x2k4q on host web01 (10.0.0.5) used 93% at 2026-11-23T06:55:36Z, see #12."
    assert mask(text) == "Pod payments-<pod> on host web<n> (<ip>) used <number> at <date>, see #<id>."


def test_credentials_of_an_address_leave_no_trace() -> None:
    assert "pw" not in mask("clone https://ann:pw@git.example/infra failed")


@pytest.mark.parametrize("text", ["", " ", "12345678", "93% 10.0.0.1 2026-11-23", "42", "!?", "«»"])
def test_without_a_word_there_is_no_template(text: str) -> None:
    assert template_key(mask(text), "db", "prod") is None


def test_a_template_holds_within_its_scope_and_ignores_case() -> None:
    masked = mask("Disk /var is 93% full")
    assert template_key(masked, "db", "prod") == template_key(masked.upper(), "DB", "prod")
    assert template_key(masked, "db", "prod") != template_key(masked, "db", "test")


def test_the_form_carries_its_version_and_its_value_stays() -> None:
    """A changed digest would forget every pattern in a database: then ``tp1`` must become ``tp2``."""
    assert template_key(mask("Disk /var is 93% full"), "db", "prod") == "tp1:bbd53041da862cacee2638cfb6145678"


SEPARATORS = [" ", "", "=", ":", "/", "-", ".", ",", "@", "://", "?", "#", "%", "(", "]", "<", ">", "[", "\n"]
PIECES = [
    *(
        "a",
        "f",
        "deadbeef",
        "node",
        "pod",
        "order",
        "of",
        "errors",
        "minutes",
        "GiB",
        "Nov",
        "http",
        "value",
        "is",
        "web",
    ),
    *(
        "0",
        "5",
        "17",
        "500",
        "2026",
        "12345678",
        "0x",
        "7d9f8b6c5d",
        "x2k4q",
        "10.0.0.5",
        "06:55",
        "93",
        "<id>",
        "<n>",
    ),
    *(
        "2026-11-23",
        "fe80::1",
        "a1b2c3d4",
        "ann@example.com",
        "p99",
        "https://shop.example/1234?x=1",
        "<query>",
        "é",
        "７",
    ),
]
texts = st.lists(st.sampled_from(PIECES) | st.sampled_from(SEPARATORS), max_size=24).map("".join)


@settings(max_examples=400)
@given(texts | st.text(st.characters()))
@example("https://shop.example/a?b=1)")
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(
    st.uuids(),
    st.uuids(),
    st.sampled_from(["order {} failed", "GET /a/{}/b", "id={}", '"{}",', "at [{}]:"]),
)
def test_a_template_does_not_depend_on_an_identifier(one: uuid.UUID, other: uuid.UUID, text: str) -> None:
    assert mask(text.format(one)) == mask(text.format(other))
    assert mask(text.format(str(one).upper())) == mask(text.format(other))


@given(st.from_regex(r"[a-f]{0,7}[0-9][0-9a-f]{8,32}", fullmatch=True))
def test_any_long_hexadecimal_number_is_an_identifier(number: str) -> None:
    assert mask(f"trace {number} lost") == "trace <id> lost"


@given(texts)
def test_words_without_digits_or_signs_are_never_touched(text: str) -> None:
    plain = re.sub(r"[0-9@?#]", "", text)
    assert mask(plain) == " ".join(plain.split())


HOSTILE = [
    "deadbeef",
    "1",
    "a1-",
    "1.",
    "1:",
    "a=1:",
    "1 ",
    "/1234",
    "@",
    "?",
    "<1",
    "-7d9f8b6c5d",
    "0x1",
    "p1d",
    "http://1",
    "é1",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    """100 KB took at most 0.3 s where this was written; quadratic matching would take minutes."""
    started = time.process_time()
    mask(piece * (100_000 // len(piece)))
    mask((piece * 120 + " ") * (100_000 // (len(piece) * 120)))
    assert time.process_time() - started < 5
