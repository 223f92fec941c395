"""A changed configuration takes effect; a broken one never replaces a good one, not even over a restart."""

import re

from tests.fixtures_service import Service, StartService
from tests.fixtures_store import CATALOGUE, POLICY

CHANGED = POLICY.replace("then: {policy: standard}", "then: {policy: fast}")
MISSPELT = POLICY.replace("then: {policy: fast}", "then: {polisy: fast}")
LINE = MISSPELT.splitlines().index("    then: {polisy: fast}") + 1


def versions(service: Service) -> dict[str, str]:
    found: dict[str, str] = service.get("/version").json()
    return found


def test_a_changed_policy_decides_from_then_on(service: Service) -> None:
    before = versions(service)
    assert service.fire(title="One")["decision"]["escalation"]["policy"] == "standard"
    service.write(policy=CHANGED)
    service.reload()
    service.wait_until(lambda: versions(service)["policy"] != before["policy"], "changed")
    decision = service.fire(title="Two")["decision"]
    assert decision["escalation"]["policy"] == "fast"
    assert decision["versions"]["policy"] == versions(service)["policy"]
    assert versions(service)["catalogue"] == before["catalogue"]
    assert service.metric("triage_active_info", policy=versions(service)["policy"]) == 1
    assert service.metric("triage_active_info", policy=before["policy"]) == 0


def test_a_broken_file_leaves_the_good_one_running_and_is_named(service: Service) -> None:
    before = versions(service)
    service.write(policy=MISSPELT)
    service.reload()
    service.wait_until(lambda: "configuration" in service.degraded, "degraded")
    why = service.degraded["configuration"]
    assert re.search(rf"escalation\.yaml:{LINE}: .*polisy", why), why
    assert service.readyz().status_code == 200
    assert service.metric("triage_degraded", part="configuration") == 1
    decision = service.fire()["decision"]
    assert decision["degraded"] == ["bundle", "configuration"]
    assert decision["versions"]["policy"] == before["policy"]
    service.write()
    service.reload()
    service.wait_until(lambda: "configuration" not in service.degraded, "mended")
    assert service.fire(title="Mended")["decision"]["degraded"] == ["bundle"]


def test_a_restart_on_a_broken_file_runs_the_last_good_one_and_says_so(service: Service) -> None:
    before = versions(service)
    service.stop()
    service.write(catalogue=CATALOGUE.replace("owner: payments", "owner: nobody"))
    service.start()
    assert versions(service) == before
    assert re.search(r"catalogue\.yaml:\d+: .*nobody", service.degraded["configuration"])
    assert '"part": "configuration"' in service.log
    assert '"level": "error"' in service.log
    assert service.fire(service="card-gateway")["decision"]["team"]["value"] == "payments"


def test_a_first_start_on_a_broken_file_ends_with_one_clear_sentence(start_service: StartService) -> None:
    service = start_service(started=False)
    service.write(policy=MISSPELT)
    service.launch()
    assert service.wait() == 1
    (sentence,) = (line for line in service.log.splitlines() if line.startswith("Error: "))
    assert re.search(rf"escalation\.yaml:{LINE}: .*polisy", sentence), sentence
    assert "Traceback" not in service.log


def test_a_first_start_without_a_configuration_names_the_folder(start_service: StartService) -> None:
    service = start_service(started=False)
    (service.config / "catalogue.yaml").unlink()
    service.launch()
    assert service.wait() == 1
    (sentence,) = (line for line in service.log.splitlines() if line.startswith("Error: "))
    assert f"{service.config / 'catalogue.yaml'}: there is no such file" in sentence


def test_replicas_follow_the_configuration_that_one_of_them_read(start_service: StartService) -> None:
    first = start_service()
    second = start_service(database_url=first.database_url)
    before = versions(first)
    first.write(policy=CHANGED)
    first.reload()
    for service in (first, second):
        service.wait_until(lambda service=service: versions(service) != before, "another policy")
    assert versions(second) == versions(first)
    assert second.fire()["decision"]["escalation"]["policy"] == "fast"
