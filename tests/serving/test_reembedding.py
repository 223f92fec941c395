"""Another encoder comes into force: what was remembered is embedded anew beside everything else, and visibly."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client import generate_latest
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


def searched_with(api: Api) -> str:
    """The bundle that has the memory's encoder."""
    with api.service.parts.database.connection() as db:
        row = db.execute("SELECT bundle FROM memory_encoder").fetchone()
    assert row is not None
    found: str = row["bundle"]
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
    api.wait_until(lambda: searched_with(api) == in_force(api))
    assert [one["incident"]["title"] for one in similar(api, TITLES[0])] == before
    assert degraded(api) == {}
    assert api.count("text_embedding") == 2 * len(TITLES)
    assert api.metric("triage_reembedded_texts_total") == len(TITLES)


def test_until_then_the_memory_is_searched_with_the_earlier_encoder_and_misses_nothing(
    api: Api, models: Path, address: str
) -> None:
    earlier = in_force(api)
    with psycopg.connect(address, autocommit=True) as another_replica:
        another_replica.execute("SELECT pg_advisory_lock(%s)", (REEMBED_LOCK,))
        switch(api, models)
        assert in_force(api) != earlier
        received = api.fire(title="Standby of orders-db lags behind")
        assert received["decision"]["versions"]["bundle"] == in_force(api)
        assert received["decision"]["degraded"] == []
        assert similar(api, "Standby of orders-db lags behind")[0]["incident"]["title"] == TITLES[0]
        assert degraded(api) == {}
        assert searched_with(api) == earlier
    api.wait_until(lambda: searched_with(api) == in_force(api))
    assert similar(api, "Standby of orders-db lags behind")[0]["incident"]["title"] == TITLES[0]


def test_with_the_earlier_bundle_gone_the_service_and_its_decisions_say_so(
    api: Api, models: Path, address: str, open_api: OpenApi
) -> None:
    earlier = in_force(api)
    with psycopg.connect(address, autocommit=True) as another_replica:
        another_replica.execute("SELECT pg_advisory_lock(%s)", (REEMBED_LOCK,))
        switch(api, models)
        shutil.move(models / earlier, models.parent / "elsewhere")
        started = open_api(models_dir=models, database_url=SecretStr(address))
        started.wait_until(lambda: "similarity" in degraded(started))
        received = started.fire(title="Standby of orders-db lags behind")
        assert received["decision"]["degraded"] == ["similarity"]
        assert started.post("/v1/predict", event()).status_code == 200
        assert started.get("/readyz").status_code == 200
        assert started.metric("triage_degraded", part="similarity") == 1
    started.wait_until(lambda: degraded(started) == {})
    assert started.fire(title="Third of orders-db lags behind")["decision"]["degraded"] == []


def test_going_back_to_an_encoder_embeds_only_what_came_meanwhile(api: Api, models: Path) -> None:
    switch(api, models)
    api.wait_until(lambda: searched_with(api) == in_force(api))
    api.fire(title="Came while the other encoder was in force")
    assert api.post("/v1/models/rollback", {"reason": "worse"}).status_code == 200
    assert len(similar(api, TITLES[0])) == 3
    api.wait_until(lambda: searched_with(api) == in_force(api))
    assert len(similar(api, TITLES[0])) == 3
    assert degraded(api) == {}
    assert api.metric("triage_reembedded_texts_total") == len(TITLES) + 1


def test_a_memory_that_is_whole_is_looked_through_without_a_word(api: Api, address: str) -> None:
    active = api.service.activation.active
    assert active is not None
    assert active.encoder is not None
    database = Database(address)
    database.open()
    metrics = Metrics()
    try:
        reembedding = Reembedding(database, metrics)
        reembedding.want(active.encoder)
        api.wait_until(lambda: reembedding.whole is not None)
        reembedding.end()
    finally:
        database.close()
    assert reembedding.whole == active.encoder.version
    assert b"triage_reembedded_texts_total 0.0" in generate_latest(metrics.registry)
