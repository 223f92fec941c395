"""By what two problems that read alike are told apart."""

import pytest

from triage.domain.incident import Incident
from triage.domain.memory import Looks
from triage.recurrence.looking import look_at
from triage.recurrence.splitting import is_passing, plan_split, telling_words


def looks(*titles: str) -> list[Looks]:
    return [look_at(Incident(title=title, service="orders-db")) for title in titles]


def words(*texts: str) -> list[frozenset[str]]:
    return [frozenset(text.split()) for text in texts]


@pytest.mark.parametrize(
    ("moving", "staying", "found"),
    [
        (["disk web1 full"], ["disk web2 full"], ("web1",)),
        (["disk web1 full", "disk web1 slow"], ["disk web2 full"], ("web1",)),
        (["disk web1 full", "disk web3 full"], ["disk web2 full"], ()),
        (["disk web1 full"], ["disk web1 full now"], ()),
        (["c b a d x"], ["x"], ("a", "b", "c")),
        (["10.0.0.7 b x"], ["x"], ("b", "10.0.0.7")),
        (["7 x"], ["9 x"], ()),
        (["93% x"], ["95% x"], ()),
        (["4f5e2d1c-9b8a-4c3d-8e7f-6a5b4c3d2e1f x"], ["x"], ()),
        (["order 12345678 x", "order 12345678 y"], ["order x y"], ("12345678",)),
    ],
)
def test_a_telling_word_is_in_all_texts_that_move_and_in_none_that_stays(
    moving: list[str], staying: list[str], found: tuple[str, ...]
) -> None:
    assert telling_words(words(*moving), words(*staying)) == found


@pytest.mark.parametrize(
    "word", ["93%", "7", "2026-03-09T09:42:00Z", "deadbeef01", "job=8841923", "api-7d4b9c6f5d-x2x7q"]
)
def test_a_word_that_is_another_one_the_next_time_is_passing(word: str) -> None:
    assert is_passing(word)


@pytest.mark.parametrize("word", ["web1", "10.0.0.7", "ann@northwind.example", "db-3.northwind.example", "/var"])
def test_a_word_that_names_something_lasts(word: str) -> None:
    assert not is_passing(word)


def test_a_template_that_nothing_else_has_moves_as_a_whole() -> None:
    moving = looks("Disk of host web1 full", "Replica lags by 7 s")
    plan = plan_split(moving, looks("Disk of host web2 full"))
    assert plan.whole == (moving[1].template_key,)
    assert plan.told == {moving[0].template_key: ("web1",)}
    assert plan.refused == ()
    assert set(plan.exact) == {look.fingerprint for look in moving}


def test_a_template_under_which_nothing_tells_them_apart_is_refused() -> None:
    moving = looks("Queue depth is 7 items")
    plan = plan_split(moving, looks("Queue depth is 9 items"))
    assert (plan.whole, plan.told, plan.refused) == ((), {}, (moving[0].template_key,))


def test_texts_that_were_split_off_by_their_words_before_are_told_by_those_too() -> None:
    moving = looks("Backup of host web1 to host nas2 failed")
    template = moving[0].template_key or ""
    plan = plan_split(moving, looks("Backup of host web1 to host nas1 failed"), {template: frozenset({"web1"})})
    assert plan.told == {template: ("nas2", "web1")}


def test_a_text_without_a_template_moves_by_its_exact_text_alone() -> None:
    moving = looks("12345678 / 9")
    plan = plan_split(moving, looks("12345679 / 9"))
    assert (plan.whole, plan.told, plan.refused) == ((), {}, ())
    assert plan.exact == (moving[0].fingerprint,)
