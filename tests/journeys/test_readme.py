"""What README.md shows of a first alert is what a service with the shipped configuration does."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures_service import ROOT, Service, StartService

README = (ROOT / "README.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.needs("curl")


@pytest.fixture(scope="module")
def fresh(start_shared: StartService, starter_bundle: Path) -> Service:
    """As after `make run`: the shipped configuration and a starter bundle."""
    service = start_shared(started=False, MODELS_DIR=starter_bundle.parent)
    shutil.rmtree(service.config)
    shutil.copytree(ROOT / "config", service.config)
    return service.start()


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def curl(service: Service, command: str) -> Any:
    pasted = command.replace("http://127.0.0.1:8080", service.url)
    done = subprocess.run(["sh", "-c", pasted], capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


def differences(shown: Any, given: Any, at: str = "") -> Iterator[str]:
    """Where what is shown is not what was given; what is shown may be less, but for what is in a list."""
    if isinstance(shown, dict) and isinstance(given, dict):
        for key in shown.keys() - {"..."}:
            if key not in {"id", "decision_id"}:
                yield from differences(shown[key], given.get(key), f"{at}.{key}")
    elif isinstance(shown, list) and isinstance(given, list) and len(shown) == len(given):
        for place, (one, other) in enumerate(zip(shown, given, strict=True)):
            yield from differences(one, other, f"{at}.{place}")
    elif shown != given:
        yield f"{at}: shown {shown!r}, given {given!r}"


def test_the_first_alert_is_answered_as_shown_and_joins_when_sent_again(fresh: Service) -> None:
    text = section("A first alert")
    (command,), (answer,) = blocks(text, "sh"), blocks(text, "json")
    first = curl(fresh, command)
    shown = json.loads(answer)
    for step in shown["decision"]["escalation"]["steps"]:
        step.pop("forecast", None)  # who is on call depends on the day
    assert list(differences(shown, first)) == []
    again = curl(fresh, command)
    assert again["joined"] is True
    assert again["incident"]["id"] == first["incident"]["id"]
    replayed = fresh.triage("replay", first["decision"]["decision_id"])
    assert replayed.returncode == 0, replayed.stdout
    predicted = curl(fresh, command.replace("/v1/incidents", "/v1/predict"))
    assert predicted["decision_id"] is None
    assert len(fresh.incidents()) == 1


def test_the_line_that_a_start_prints_can_be_pasted(fresh: Service) -> None:
    printed = fresh.log.split("Send a first alert:\n\n")[1].split("\n\n")[0]
    assert curl(fresh, printed)["incident"]["service"] == "checkout-api"
