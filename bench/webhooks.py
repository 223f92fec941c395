"""Real Alertmanager bodies against a real service: are all accepted, and how often are severity and team right?

    python -m bench.webhooks --bodies BODIES.jsonl.gz --history HISTORY.jsonl.gz --source SOURCE

``BODIES`` has one JSON object a line: ``webhook`` (a v4 body) and ``expected`` (``severity``, ``team``). They are
sent twice over: as they are, and, trained on ``HISTORY``, with every label and annotation removed that spells out
the answer. Agreement is told for what the model puts first and for what the service concludes.
"""

import copy
import gzip
import http.client
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from bench.servers import REPOSITORY, Server, ours
from triage.sources.alertmanager import parse_alertmanager
from triage.store.records import incident_to_json

ANSWERS = (
    "severity",
    "priority",
    "team",
    "owner",
    "alert_team_handle",
    "alert_routing_key",
    "html_url",
    "runbook_url",
)
"""Names of labels and annotations that hold the severity or the team, or an address with the team in it."""

PRIORITIES = {"P1": "critical", "P2": "high", "P3": "warning", "P5": "info"}


@click.command(help=__doc__)
@click.option("--bodies", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--history", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--source", help="Train on the history's rows of this source only.")
def main(bodies: Path, history: Path, source: str | None) -> None:
    rows = list(read_lines(bodies))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        models = folder / "models"
        train(history, models, source)
        config = write_configuration(folder / "config", rows, history, source)
        with ours(folder / "data", models, folder / "log", config=config) as server:
            accepted = sum(is_accepted(server, row["webhook"]) for row in rows)
            print(f"bodies accepted as they are: {accepted} of {len(rows)}")
            report([judge(server, row, config) for row in rows])


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def train(history: Path, models: Path, source: str | None) -> None:
    command = [sys.executable, "-m", "training", "train", "--history", str(history), "--models", str(models)]
    subprocess.run([*command, *(["--source", source] if source else [])], cwd=REPOSITORY, check=True)


def write_configuration(folder: Path, rows: list[dict[str, Any]], history: Path, source: str | None) -> Path:
    """A catalogue with nothing but the teams' names and the severities, so that it gives no answer away."""
    past = read_lines(history)
    teams = {row["team"] for row in past if row.get("team") and (source is None or row["source"] == source)}
    teams |= {row["expected"]["team"] for row in rows if row["expected"].get("team")}
    person = {"name": "On call", "contacts": [{"channel": "email", "address": "on-call@bench.example"}]}
    named = {
        f"team-{number}": {"name": name, "responders": ["on-call"]} for number, name in enumerate(sorted(teams))
    }
    catalogue = {
        "organisation": "Bench",
        "triage_desk": "desk",
        "people": {"on-call": person},
        "teams": {"desk": {"name": "The desk of last resort", "responders": ["on-call"]}, **named},
        "priorities": {priority: {"label": word} for priority, word in PRIORITIES.items()},
    }
    rule = {"id": "last", "owner": "desk", "review_after": "2030-01-01", "then": {"policy": "only"}}
    policy = {"owner": "desk", "review_after": "2030-01-01", "kinds": ["time"], "steps": [{"targets": ["owner"]}]}
    folder.mkdir()
    (folder / "catalogue.yaml").write_text(yaml.safe_dump(catalogue), encoding="utf-8")
    (folder / "escalation.yaml").write_text(yaml.safe_dump({"rules": [rule], "policies": {"only": policy}}))
    return folder


def is_accepted(server: Server, body: dict[str, Any]) -> bool:
    status, answer = post(server, "/v1/sources/alertmanager", body)
    return status == 200 and answer["accepted"] == len(body["alerts"]) and answer["rejected"] == 0


def without_answers(body: dict[str, Any]) -> dict[str, Any]:
    stripped = copy.deepcopy(body)
    parts = [stripped["groupLabels"], stripped["commonLabels"], stripped["commonAnnotations"]]
    for alert in stripped["alerts"]:
        parts += [alert["labels"], alert["annotations"]]
    for part in parts:
        for name in ANSWERS:
            part.pop(name, None)
    return stripped


def judge(server: Server, row: dict[str, Any], config: Path) -> dict[str, Any]:
    """What the model puts first and what is concluded for the first alert of a body without its answers."""
    event = parse_alertmanager(json.dumps(without_answers(row["webhook"])).encode(), {}).events[0]
    status, decision = post(server, "/v1/predict", incident_to_json(event))
    if status != 200:
        raise SystemExit(f"/v1/predict answered {status}: {decision}")
    return {
        "expected_severity": row["expected"].get("severity"),
        "expected_team": row["expected"].get("team"),
        "severity": list(first_and_concluded(decision["priority"], PRIORITIES.get)),
        "team": list(first_and_concluded(decision["team"], team_name(config))),
    }


def first_and_concluded(part: dict[str, Any], name: Any) -> Iterator[Any]:
    concluded = part["value"]
    first = concluded if part["source"] == "model" else next((a["value"] for a in part["alternatives"]), None)
    yield name(first)
    yield name(concluded)
    yield part["source"] == "model"


def team_name(config: Path) -> Any:
    catalogue = yaml.safe_load((config / "catalogue.yaml").read_text(encoding="utf-8"))
    return lambda word: catalogue["teams"].get(word, {}).get("name", word)


def report(judged: list[dict[str, Any]]) -> None:
    for part in ("severity", "team"):
        known = [one for one in judged if one[f"expected_{part}"]]
        alone = [one for one in known if one[part][2]]
        first = sum(one[part][0] == one[f"expected_{part}"] for one in known)
        right = sum(one[part][1] == one[f"expected_{part}"] for one in alone)
        print(
            f"{part}: the model's first agrees in {first} of {len(known)} ({first / len(known):.1%});"
            f" it acts alone on {len(alone)} ({len(alone) / len(known):.1%}), right in {right} of those"
        )


def post(server: Server, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


if __name__ == "__main__":
    main()
