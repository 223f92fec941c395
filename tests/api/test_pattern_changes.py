"""What reviewers change of patterns, over HTTP."""

from typing import Any

import pytest

from tests.fixtures_api import Api, OpenApi
from triage.domain.access import Role

UNKNOWN = "0f5c9d6e-0c5e-4f0e-9a59-3b0f4f4f7c11"
ACTIONS: dict[str, dict[str, Any]] = {
    "merge": {"pattern": UNKNOWN},
    "split": {"incidents": [UNKNOWN]},
    "not-the-same": {"incident": UNKNOWN},
    "known-fix": {"fix": "Restart it"},
    "name": {"name": "Lagging replica"},
}


def change(api: Api, pattern_id: str, action: str, body: object, status: int = 200) -> dict[str, Any]:
    response = api.post(f"/v1/patterns/{pattern_id}/{action}", body)
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


def undo(api: Api, change_id: str, status: int = 200, body: object = None) -> dict[str, Any]:
    response = api.post(f"/v1/patterns/changes/{change_id}/undo", body)
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


def fired(api: Api, title: str, **fields: object) -> tuple[str, str]:
    """A new incident that is over, and the pattern that it belongs to."""
    incident = api.fire(title=title, **fields)["incident"]
    assert api.post(f"/v1/incidents/{incident['id']}/resolve").status_code == 200
    return incident["id"], incident["pattern_id"]


def linked(api: Api, title: str) -> tuple[str, str, list[str]]:
    """By what a new text is recognised, and which incidents it is said to be like."""
    recurrence = api.fire(title=title)["recurrence"]
    return recurrence["matched_by"], recurrence["of"], recurrence["related"]


def similar(api: Api, incident_id: str) -> list[str]:
    return [one["incident"]["id"] for one in api.get(f"/v1/incidents/{incident_id}/similar").json()["similar"]]


def test_a_merge_answers_with_the_family_and_is_remembered(open_api: OpenApi) -> None:
    api = open_api()
    _, one = fired(api, "Replica lags")
    _, other = fired(api, "Replication is behind")
    with api.with_token(api.issue(Role.REVIEWER, "person:ann")):
        merged = change(api, one, "merge", {"pattern": other, "reason": "One cause"})
        assert (merged["pattern"]["id"], merged["pattern"]["occurrences"]) == (one, 2)
        assert merged["change"] == merged["pattern"]["changes"][0]
        told = merged["change"]
        assert (told["id"], told["kind"], told["pattern_id"], told["other_id"]) == (
            merged["change_id"],
            "merge",
            one,
            other,
        )
        assert (told["by"], told["reason"], told["undone_at"]) == ("ann", "One cause", None)
        assert told["detail"] == {"members": [other]}
        undone = undo(api, merged["change_id"], body={"reason": "Two causes"})
        assert (undone["pattern"]["id"], undone["pattern"]["occurrences"]) == (one, 1)
        assert (undone["change_id"], undone["change"]["undone_by"]) == (merged["change_id"], "ann")
        assert api.get(f"/v1/patterns/{other}").json()["changes"] == [undone["change"]]


def test_a_conflict_names_what_stands_in_the_way(api: Api) -> None:
    _, one = fired(api, "Replica lags")
    _, other = fired(api, "Replication is behind")
    _, third = fired(api, "Door is open")
    first = change(api, other, "merge", {"pattern": third})
    second = change(api, one, "merge", {"pattern": other})
    refused = undo(api, first["change_id"], 409)
    assert second["change_id"] in refused["detail"]
    assert refused["code"] == "conflict"
    change(api, one, "merge", {"pattern": third}, 409)
    undo(api, second["change_id"])
    undo(api, first["change_id"])
    undo(api, first["change_id"], 409)


def test_a_split_says_by_which_words_its_texts_are_told_from_the_others(api: Api) -> None:
    stays, pattern_id = fired(api, "Disk of host web2 full at 90%")
    goes, _ = fired(api, "Disk of host web1 full at 91%")
    split = change(api, pattern_id, "split", {"incidents": [goes], "reason": "A disk of its own"})
    assert split["pattern"]["id"] == pattern_id
    assert split["change"]["detail"] == {"incidents": [goes], "words": [["web1"]], "only_exact_texts": False}
    new = api.get(f"/v1/patterns/{split['change']['other_id']}").json()
    assert new["known_by"] == {"exact_texts": 1, "templates": 0, "refused_templates": 0, "words": [["web1"]]}
    assert api.get(f"/v1/incidents/{goes}").json()["incident"]["pattern_id"] == new["id"]
    assert api.get("/v1/incidents", params={"pattern": pattern_id}).json()["incidents"][0]["id"] == stays
    change(api, pattern_id, "split", {"incidents": [goes]}, 409)
    undone = undo(api, split["change_id"])
    assert undone["pattern"]["occurrences"] == 2
    assert [member["id"] for member in undone["pattern"]["members"]] == [pattern_id]
    assert api.get(f"/v1/patterns/{new['id']}").json()["merged_into"] == pattern_id


def test_a_split_without_telling_words_says_so(api: Api) -> None:
    _, pattern_id = fired(api, "Queue depth is 7 items")
    goes, _ = fired(api, "Queue depth is 9 items")
    split = change(api, pattern_id, "split", {"incidents": [goes]})
    assert split["change"]["detail"] == {"incidents": [goes], "words": [], "only_exact_texts": True}
    assert split["pattern"]["known_by"]["refused_templates"] == 1


def test_the_very_same_texts_are_named_that_cannot_be_told_apart(api: Api) -> None:
    first, pattern_id = fired(api, "Queue depth is 7 items")
    second, _ = fired(api, "Queue depth is 7 items")
    fired(api, "Queue depth is 9 items")
    refused = change(api, pattern_id, "split", {"incidents": [first]}, 409)
    assert second in refused["detail"]
    assert "Queue" not in refused["detail"]


def test_what_is_not_the_same_is_not_shown_as_similar_any_more(api: Api) -> None:
    one, lag = fired(api, "Replication lag of the orders database is far too high")
    other, dns = fired(api, "Replication lag of the orders resolver is far too high")
    assert lag != dns
    assert similar(api, one) == [other]
    _, of, related = linked(api, "Replication lag of the orders database and resolver is far too high")
    assert {of, *related} == {one, other}
    told = change(api, lag, "not-the-same", {"pattern": dns})
    assert [found["id"] for found in told["pattern"]["different_from"]] == [dns]
    assert other not in similar(api, one)
    assert one not in similar(api, other)
    change(api, dns, "not-the-same", {"incident": one}, 409)
    _, of, related = linked(api, "Replication lag of the orders resolver and database is far too high")
    assert len({of, *related} & {one, other}) == 1
    undo(api, told["change_id"])
    assert similar(api, one)


def test_what_was_merged_anyway_is_told_apart_again(api: Api) -> None:
    _, lag = fired(api, "Replica lags")
    _, behind = fired(api, "Replication is behind")
    told = change(api, lag, "not-the-same", {"pattern": behind})
    change(api, lag, "merge", {"pattern": behind}, 409)
    merged = change(api, lag, "merge", {"pattern": behind, "anyway": True})
    again = change(api, lag, "not-the-same", {"pattern": behind})
    assert (again["change_id"], again["change"]["undone_by"]) == (told["change_id"], None)
    assert [found["id"] for found in again["pattern"]["different_from"]] == [behind]
    undo(api, merged["change_id"], 409)


def test_a_name_and_a_known_fix_are_said_and_taken_back(api: Api) -> None:
    _, pattern_id = fired(api, "Replica lags")
    named = change(api, pattern_id, "name", {"name": "Lagging replica"})
    assert (named["pattern"]["name"], named["pattern"]["named"]) == ("Lagging replica", True)
    assert named["change"]["detail"] == {"before": None, "after": "Lagging replica"}
    fixed = change(api, pattern_id, "known-fix", {"fix": "Restart it"})["pattern"]["known_fix"]
    assert (fixed["fix"], fixed["by"]) == ("Restart it", "local")
    listed = api.get("/v1/patterns", params={"q": "lagging"}).json()["patterns"][0]
    assert (listed["name"], listed["known_fix"]) == ("Lagging replica", True)
    assert change(api, pattern_id, "known-fix", {"fix": None})["pattern"]["known_fix"] is None
    assert undo(api, named["change_id"])["pattern"]["name"] == "Replica lags"


@pytest.mark.parametrize(("action", "body"), ACTIONS.items())
@pytest.mark.parametrize("identifier", [UNKNOWN, "not-a-uuid", "%00"])
def test_a_change_of_what_nobody_stored_is_404(
    shared_api: Api, action: str, body: dict[str, Any], identifier: str
) -> None:
    change(shared_api, identifier, action, body, 404)


@pytest.mark.parametrize("action", ["merge", "split", "not-the-same"])
def test_naming_what_nobody_stored_is_404(shared_api: Api, action: str) -> None:
    pattern_id = shared_api.fire()["incident"]["pattern_id"]
    change(shared_api, pattern_id, action, ACTIONS[action], 404)


@pytest.mark.parametrize("change_id", ["0", "-1", "one", "9" * 30, UNKNOWN, "²"])
def test_undoing_what_nobody_did_is_404(shared_api: Api, change_id: str) -> None:
    undo(shared_api, change_id, 404)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("merge", {}),
        ("merge", {"pattern": "not-a-uuid"}),
        ("merge", {"pattern": UNKNOWN, "anyway": "perhaps"}),
        ("split", {"incidents": []}),
        ("split", {"incidents": ["not-a-uuid"]}),
        ("split", {"incidents": [UNKNOWN] * 1_001}),
        ("not-the-same", {}),
        ("not-the-same", {"pattern": UNKNOWN, "incident": UNKNOWN}),
        ("known-fix", {}),
        ("known-fix", {"fix": ""}),
        ("known-fix", {"fix": "x" * 8_193}),
        ("name", {}),
        ("name", {"name": "x" * 201}),
        ("name", {"nmae": "x"}),
    ],
)
def test_nonsense_is_422_and_names_the_field(shared_api: Api, action: str, body: dict[str, Any]) -> None:
    refused = change(shared_api, UNKNOWN, action, body, 422)
    assert refused["errors"]
