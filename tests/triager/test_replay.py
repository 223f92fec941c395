"""A stored decision is derived again from its record, whatever has happened since."""

from pathlib import Path

import pytest

from tests.fixtures_store import POLICY, Desk, an_event
from triage.domain.decision import Decision
from triage.errors import NotFound
from triage.replay import Difference, Replayer, differences
from triage.rules.configuration import configuration_from_texts
from triage.store.configurations import Configurations
from triage.store.incidents import Incidents


def replayer(desk: Desk, models: Path) -> Replayer:
    return Replayer(Incidents(desk.database), Configurations(desk.database), models)


def identifier(decision: Decision) -> str:
    assert decision.decision_id is not None
    return decision.decision_id


def test_a_decision_without_a_bundle_is_derived_the_same(desk: Desk, tmp_path: Path) -> None:
    decision = desk.fire().decision
    assert replayer(desk, tmp_path).replay(identifier(decision)).differences == ()


def test_a_trained_bundles_decision_is_derived_the_same(desk: Desk, trained_bundle: Path) -> None:
    desk.use(trained_bundle)
    decision = desk.fire(service=None, title="Refund batch fails with a timeout at the acquirer").decision
    replayed = replayer(desk, trained_bundle.parent).replay(identifier(decision))
    assert replayed.differences == ()
    assert replayed.derived.team.probability == decision.team.probability


def test_more_history_another_policy_and_another_bundle_change_no_earlier_decision(
    desk: Desk, starter_bundle: Path, tmp_path: Path
) -> None:
    desk.use(starter_bundle)
    first = desk.fire(service=None).decision
    for _ in range(6):
        desk.fire(service=None)
    desk.configuration = configuration_from_texts(
        desk.configuration.catalogue_text, POLICY.replace("policy: standard", "policy: fast")
    )
    desk.keep()
    desk.use(starter_bundle)
    later = desk.fire(title="Something new", service=None).decision
    assert (first.escalation.policy, later.escalation.policy) == ("standard", "fast")
    again = replayer(desk, starter_bundle.parent)
    assert again.replay(identifier(first)).differences == ()
    assert again.replay(identifier(later)).differences == ()


def test_a_recorded_prediction_can_be_replayed_and_opens_nothing(desk: Desk, starter_bundle: Path) -> None:
    desk.use(starter_bundle)
    decision = desk.triager.predict([an_event(service=None)], record=True)[0]
    assert replayer(desk, starter_bundle.parent).replay(identifier(decision)).differences == ()
    assert desk.count("incident") == 0


def test_a_plain_prediction_leaves_no_trace(desk: Desk, starter_bundle: Path) -> None:
    desk.use(starter_bundle)
    assert desk.triager.predict([an_event()])[0].decision_id is None
    assert [desk.count(t) for t in ("decision", "incident", "text_embedding", "pattern")] == [0, 0, 0, 0]


def test_a_bundle_that_is_gone_is_named(desk: Desk, starter_bundle: Path, tmp_path: Path) -> None:
    desk.use(starter_bundle)
    decision = desk.fire().decision
    with pytest.raises(NotFound, match=decision.versions.bundle):
        replayer(desk, tmp_path).replay(identifier(decision))


def test_every_difference_is_shown_with_its_place(desk: Desk) -> None:
    assert list(differences({"a": {"b": [1.0, 2.0]}}, {"a": {"b": [1.0 + 1e-7, 2.1]}})) == [
        Difference(at="a.b.1", stored=2.0, derived=2.1)
    ]
    assert list(differences({"a": None}, {"a": 0.0})) == [Difference(at="a", stored=None, derived=0.0)]
