"""Which texts share terms, what is rare, and that nothing that somebody sends breaks it."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.prediction.text import MAX_CHARACTERS
from triage.recurrence.lexical import MOST_ASKED, TERMS, ask, idf, rare_terms, term_of, terms_of

SHARED = [
    ("FileSystem closed", "file-system", "filesystem"),
    ("FileSystem closed", "file_system", "system"),
    ("NullPointerException in KMSClientProvider", "kms client provider", "provider"),
    ("parseHTTPResponse fails", "http response", "response"),
    ("org.apache.hadoop.fs.s3a.S3AFileSystem", "S3AFileSystem.java", "s3afilesystem"),
    ("no space left on /var/lib/postgresql", "postgresql does not start", "postgresql"),
    ("HADOOP-17234 broke it", "see HADOOP-17234", "hadoop17234"),
    ("ORA-00600 in checkout", "ora-00600", "ora00600"),
    ("disk full", "DISK FULL!", "disk"),
    ("Größe überschritten", "GRÖSSE ÜBERSCHRITTEN", "grösse"),
    ("ﬁle lost", "file lost", "file"),
    ("数据库连接失败", "数据库", "数据"),
    ("HTTP 500 from checkout", "500", "500"),
]

NOT_SHARED = [
    ("HTTP 500", "404"),
    ("disk /var", "/home"),
    ("queue billing", "payments"),
    ("HADOOP-17234", "HADOOP-17235"),
]

VARYING = [
    ("order 8812345 failed", "order 9914467 failed"),
    ("no answer since 2026-11-23T06:55:36Z", "no answer since 2026-11-24T01:00:00Z"),
    ("host web01 is 93% full", "host web17 is 97.5% full"),
    ("payments-7d9f8b6c5d-x2k4q crashed at 10.0.0.5", "payments-6bcf9d8547-zz8mn crashed at 10.2.0.7"),
    ("mail to ann@example.com bounced", "mail to bob@example.org bounced"),
    ("link of 00:1a:2b:3c:4d:5e lost at 06:55", "link of 00:1a:2b:3c:4d:5f lost at 23:01:17"),
    ("GET https://shop.example/pay?token=abc failed", "GET https://shop.example/pay?token=def failed"),
]


@pytest.mark.parametrize(("one", "other", "word"), SHARED)
def test_spellings_of_one_word_share_a_term(one: str, other: str, word: str) -> None:
    assert term_of(word) in terms_of(one).keys() & terms_of(other).keys()


@pytest.mark.parametrize(("one", "other"), NOT_SHARED)
def test_what_tells_two_outages_apart_is_a_term(one: str, other: str) -> None:
    assert set(terms_of(other)) - set(terms_of(one))


@pytest.mark.parametrize(("one", "other"), VARYING)
def test_what_varies_by_itself_is_no_term(one: str, other: str) -> None:
    assert terms_of(one) == terms_of(other)


def test_a_term_is_the_same_number_in_every_process() -> None:
    assert term_of("disk") == 790_681_104


def test_a_title_counts_more_than_a_description() -> None:
    terms = terms_of("disk\nqueue")
    assert terms[term_of("disk")] > terms[term_of("queue")]


def test_a_word_said_often_counts_more_but_not_that_often() -> None:
    terms = terms_of("checkout fails\n" + "timeout " * 10 + "gateway")
    assert 1.0 < terms[term_of("timeout")] / terms[term_of("gateway")] < 2.2


def test_single_letters_say_nothing() -> None:
    assert terms_of("a b C 1") == {}


@given(st.text(max_size=300))
def test_any_text_has_terms_in_range_of_length_one(text: str) -> None:
    terms = terms_of(text)
    assert all(1 <= term <= TERMS and 0.0 < weight <= 1.0 for term, weight in terms.items())
    assert not terms or math.hypot(*terms.values()) == pytest.approx(1.0)


@given(st.text(max_size=120), st.text(max_size=120), st.dictionaries(st.integers(1, 50), st.integers(0, 99)))
def test_coverage_is_a_share_and_whole_for_the_text_itself(one: str, other: str, noise: dict[int, int]) -> None:
    counts = dict(zip(terms_of(one), noise.values(), strict=False))
    asked = ask(terms_of(one), counts, texts=50, budget=100)
    if not terms_of(one):
        assert asked.coverage(terms_of(other)) is None
    else:
        assert asked.coverage(terms_of(one)) == pytest.approx(1.0)
        assert 0.0 <= (asked.coverage(terms_of(other)) or 0.0) <= 1.0


@pytest.mark.parametrize("text", ["", "\n", "\ud800 lone", "\x00\x01", "<id>", "💥", "_" * 500, "ﷺ" * 4_000])
def test_odd_texts_do_no_harm(text: str) -> None:
    asked = ask(terms_of(text), {}, texts=0, budget=10)
    assert asked.coverage(terms_of("disk full")) in (None, 0.0)


@pytest.mark.parametrize(
    "piece", ["a.", "aA", "a/b_", "数", "\u0301", "x" * 300 + " ", "1.", "<", "AbCdE1 ", "()"]
)
def test_time_grows_no_faster_than_the_text(piece: str) -> None:
    text = (piece * MAX_CHARACTERS)[:MAX_CHARACTERS]
    started = time.thread_time()
    terms_of(text)
    assert time.thread_time() - started < 0.1


def test_a_rare_word_covers_more_than_a_common_one() -> None:
    asked = ask(terms_of("kerberos error"), {term_of("error"): 900, term_of("kerberos"): 3}, texts=1_000, budget=9)
    rare, common = asked.coverage(terms_of("kerberos")), asked.coverage(terms_of("error"))
    assert rare is not None
    assert common is not None
    assert rare > 0.9 > 0.1 > common


def test_of_a_long_text_only_the_most_telling_terms_ask() -> None:
    words = [f"frame{letter}{other}" for letter in "bcdfghjklm" for other in "bcdfghjklmnp"]
    counts = {term_of(word): 500 for word in words}
    asked = ask(terms_of("kerberos\n" + " ".join(words)), counts, texts=1_000, budget=100)
    assert len(asked.weights) == MOST_ASKED
    assert term_of("kerberos") in asked.weights
    assert asked.coverage(terms_of("kerberos\n" + " ".join(words))) == pytest.approx(1.0)


@pytest.mark.parametrize("texts", [0, 1, 2, 1_000])
def test_idf_falls_with_the_count_and_is_never_negative(texts: int) -> None:
    values = [idf(count, texts) for count in range(texts + 5)]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0.0


def test_a_term_not_known_yet_is_as_rare_as_can_be() -> None:
    assert idf(0, 1_000) == idf(1, 1_000) > idf(2, 1_000)


@pytest.mark.parametrize(
    ("budget", "chosen"),
    [(0, ()), (1, (7,)), (5, (7,)), (6, (7, 3)), (11, (7, 3, 4)), (10_000, (7, 3, 4, 1))],
)
def test_candidates_are_looked_up_by_the_rarest_terms_within_a_budget(budget: int, chosen: tuple[int]) -> None:
    assert rare_terms([1, 3, 4, 7], {1: 900, 3: 5, 4: 5}, budget) == chosen
