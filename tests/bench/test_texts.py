"""The texts of the bench: new every time, the same on every machine, and readable by the service."""

import gzip
import json
from pathlib import Path

import pytest

from bench.texts import batches, generate, generate_history, lines, read_texts
from triage.sources.native import parse_incident


def text_of(body: dict[str, object]) -> str:
    return f"{body['title']}\n{body['description']}"


def test_no_two_of_many_texts_are_the_same_and_none_of_them_is_in_the_history() -> None:
    sent = {text_of(body) for body in generate(0, 5_000)}
    learnt = {text_of(row) for row in generate_history(500)}
    assert len(sent) == 5_000
    assert len(learnt) == 500
    assert not sent & learnt


def test_the_same_number_gives_the_same_incident() -> None:
    assert generate(40, 10) == generate(0, 50)[40:]


def test_every_generated_body_is_an_incident_that_the_service_takes() -> None:
    for body in generate(0, 200):
        assert parse_incident(body, "body").title == body["title"]


def test_the_history_has_every_team_and_priority_and_no_answer_in_its_labels() -> None:
    rows = list(generate_history(600))
    assert {row["priority"] for row in rows} == {"P1", "P2", "P3", "P4", "P5"}
    assert len({row["team"] for row in rows}) == 9
    assert not {"team", "priority"} & {name for row in rows for name in row["labels"]}


def test_texts_of_a_file_stay_new_when_they_come_round_again(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"title": "Disk full", "description": "on db-1"}\n{"title": ""}\n{"title": "Slow", "x": 1}\n')
    found = read_texts(file, 0, 6)
    assert [body["title"] for body in found] == ["Disk full", "Slow"] * 3
    assert len({text_of(body) for body in found}) == 6


def test_a_gzipped_file_is_read_as_well(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"title": "Disk full", "description": null}\n'))
    assert read_texts(file, 0, 1) == [{"title": "Disk full", "description": ""}]


def test_a_file_without_any_title_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    file.write_text('{"description": "no title"}\n')
    with pytest.raises(SystemExit, match="no row has a title"):
        read_texts(file, 0, 1)


def test_batches_keep_every_text_in_order() -> None:
    bodies = generate(0, 7)
    parts = [json.loads(line)["incidents"] for line in lines(batches(bodies, 3)).splitlines()]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert [body for part in parts for body in part] == bodies
