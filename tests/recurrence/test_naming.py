"""What patterns are called."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from triage.recurrence.naming import LONGEST_NAME, UNNAMED, name_of

DISK = ["Disk /var on db-17.example.com 93% full", "Disk /var on db-3.example.com 97% full"]

NAMES = [
    ("shared words keep their order", DISK, "Disk /var on … full"),
    ("one title shows its masked parts", DISK[:1], "Disk /var on … full"),
    ("a pod keeps its job", ["payments-7d9f8b6c5d-x2k4q is crash-looping"], "payments-… is crash-looping"),
    ("a key keeps its name", ["lag value=12 growing", "lag value=90412.5 growing"], "lag value=… growing"),
    ("a URL keeps its place", ["https://a:b@shop.example/pay?t=1 failed"], "https://shop.example/pay?… failed"),
    ("what differs varies", ["Queue orders is full", "Queue refunds is full"], "Queue … is full"),
    ("words between vary", ["Backup failed", "Backup of shop failed"], "Backup … failed"),
    ("words before and after vary", ["[prod] login slow", "[stage] login slow today"], "… login slow …"),
    ("case does not matter", ["login Slow", "login slow", "login slow"], "login slow"),
    ("nothing shared", ["Backup failed", "Link lost 3%", "Link lost 4%"], "Link lost …"),
    ("small words are not shared", ["Link to core is down", "Backup of shop is late"], "Backup of shop is late"),
    ("a wrong merge is passed over", ["Link lost", "Login slow on a", "Login slow on b"], "Login slow on …"),
    ("status codes stay", ["HTTP 500 from checkout", "HTTP 500 from cart"], "HTTP 500 from …"),
]  # fmt: skip


@pytest.mark.parametrize(("titles", "name"), [case[1:] for case in NAMES], ids=[case[0] for case in NAMES])
def test_a_pattern_is_called_by_what_its_titles_share(titles: list[str], name: str) -> None:
    assert name_of(titles, None) == name


@pytest.mark.parametrize("titles", [[], [""], [" \n"], ["93%"], ["…"], ["<id> <n>"]])
def test_a_pattern_without_words_is_unnamed(titles: list[str]) -> None:
    assert name_of(titles, "payments") == UNNAMED


def test_one_shared_word_alone_is_told_with_the_service() -> None:
    titles = ["HighLatency cart p99", "HighLatency search"]
    assert name_of(titles, None) == "HighLatency …"
    assert name_of(titles, "shop  api") == "shop api: HighLatency …"
    assert name_of(titles, "highlatency") == "HighLatency …"
    assert name_of(["HighLatency"], "shop api") == "HighLatency"
    assert name_of(DISK, "shop api") == "Disk /var on … full"


def test_a_long_name_ends_after_a_word() -> None:
    name = name_of(["the database of the payments service does not answer " * 4], None)
    assert name == "the database of the payments service does not answer the database of the …"
    assert len(name_of(["x" * 5_000], None)) == LONGEST_NAME


PARTS = (
    "disk Disk db-3.example.com 93% on … 500 5 pods host #12 a@b.c order k=7 x?y <n> 10.0.0.1 May of 9 web01:80"
    " payments-7d9f8b6c5d-x2k4q http://w1/a?b"
)
titles = st.text() | st.lists(st.sampled_from(PARTS.split()), max_size=12).map(" ".join)


@given(st.lists(titles, max_size=6), st.none() | st.text(max_size=30), st.randoms())
@example(["disk 3 of 9 db-1", "disk 4 of 9 db-2"], None, random.Random(0))
def test_a_name_is_short_never_empty_and_the_same_in_any_order(
    titles: list[str], service: str | None, order: random.Random
) -> None:
    name = name_of(titles, service)
    assert 0 < len(name) <= LONGEST_NAME
    assert name == " ".join(name.split())
    shuffled = titles.copy()
    order.shuffle(shuffled)
    assert name_of(shuffled, service) == name


@given(st.lists(titles, max_size=4), st.none() | st.text(max_size=30))
def test_the_name_of_a_name_is_that_name(titles: list[str], service: str | None) -> None:
    name = name_of(titles, service)
    assert name_of([name], service) == name
    assert name_of([name, name], service) == name
