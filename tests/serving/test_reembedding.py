"""Another encoder comes into force: what was remembered is embedded anew beside everything else, and visibly."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from tests.fixtures_api import Api, OpenApi, event
from triage.serving.metrics import Metrics
from triage.serving.reembedding import Reembedding
from triage.store.database import Database
from triage.store.unembedded import REEMBED_LOCK

TITLES = ("Replica of orders-db lags behind", "Disk of orders-db is full", "Card acquirer answers slowly")


@pytest.fixture
def models(tmp_path: Path, starter_bundle: Path, other_starter: Path) -> Path:
    for bundle in (starter_bundle, other_starter):
        shutil.copytree(bundle, tmp_path / "models" / bundle.name)
    return tmp_path / "models"


@pytest.fixture
def address(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def api(open_api: OpenApi, models: Path, address: str) -> Api:
    api = open_api(models_dir=models, database_url=SecretStr(address))
    for title in TITLES:
        api.fire(title=title)
    return api


def in_force(api: Api) -> str:
    found: str = api.get("/v1/models").json()["in_force"]
    return found


def switch(api: Api, models: Path) -> None:
    other = next(folder.name for folder in models.iterdir() if folder.name != in_force(api))
    response = api.post("/v1/models/promote", {"version": other, "reason": "another encoder"})
    assert response.status_code == 200, response.text


def similar(api: Api, title: str) -> list[dict[str, Any]]:
    listed = api.get("/v1/incidents").json()["incidents"]
    incident = next(one["id"] for one in listed if one["title"] == title)
    response = api.get(f"/v1/incidents/{incident}/similar")
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["similar"]
    return found


def degraded(api: Api) -> dict[str, str]:
    found: dict[str, str] = api.get("/readyz").json()["degraded"]
    return found


def test_similar_incidents_are_found_again_by_the_new_encoder(
    api: Api, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.store.unembedded.PAGE", 2)
    before = [one["incident"]["title"] for one in similar(api, TITLES[0])]
    assert before == [TITLES[1], TITLES[2]]
    switch(api, models)
    api.wait_until(lambda: [one["incident"]["title"] for one in similar(api, TITLES[0])] == before)
    api.wait_until(lambda: degraded(api) == {})
    assert api.count("text_embedding") == 2 * len(TITLES)
    assert api.metric("triage_reembedded_texts_total") == len(TITLES)


def test_until_then_the_service_and_its_decisions_say_so_and_nothing_fails(
    api: Api, models: Path, address: str
) -> None:
    with psycopg.connect(address, autocommit=True) as another_replica:
        another_replica.execute("SELECT pg_advisory_lock(%s)", (REEMBED_LOCK,))
        switch(api, models)
        api.wait_until(lambda: "similarity" in degraded(api))
        assert similar(api, TITLES[0]) == []
        received = api.fire(title="Standby of orders-db lags behind")
        assert received["decision"]["degraded"] == ["similarity"]
        assert api.post("/v1/predict", event()).status_code == 200
        assert api.get("/readyz").status_code == 200
        assert api.metric("triage_degraded", part="similarity") == 1
    api.wait_until(lambda: degraded(api) == {})
    assert api.fire(title="Third of orders-db lags behind")["decision"]["degraded"] == []


def test_going_back_to_an_encoder_embeds_only_what_came_meanwhile(api: Api, models: Path) -> None:
    switch(api, models)
    api.wait_until(lambda: api.metric("triage_reembedded_texts_total") == len(TITLES))
    api.fire(title="Came while the other encoder was in force")
    assert api.post("/v1/models/rollback", {"reason": "worse"}).status_code == 200
    api.wait_until(lambda: len(similar(api, TITLES[0])) == 3)
    api.wait_until(lambda: degraded(api) == {})
    assert api.metric("triage_reembedded_texts_total") == len(TITLES) + 1


def test_a_memory_that_is_whole_is_looked_through_without_a_word(api: Api, address: str) -> None:
    active = api.service.activation.active
    assert active is not None
    assert active.encoder is not None
    said: list[str | None] = []
    database = Database(address)
    database.open()
    try:
        reembedding = Reembedding(database, Metrics(), said.append)
        reembedding.want(active.encoder)
        api.wait_until(lambda: bool(said))
        reembedding.end()
    finally:
        database.close()
    assert said == [None]
