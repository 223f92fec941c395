"""Killed under load: what was answered is there, nothing is there by half, and repeating it changes nothing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg

from tests.fixtures_outage import postgres_processes
from tests.fixtures_service import Service, StartService, event_body
from triage.engine import SAID
from triage.store.embedded_server import DatabaseFolder

WRITERS = 8
ROUNDS = 3
EACH_ROUND = 4
"""What every writer is answered between two kills, however fast the machine is."""
DONE = {200, 201, 202}
NOTED = f"timeline WHERE kind NOT IN ({', '.join(repr(kind) for kind in sorted(SAID))})"
"""What senders did; escalations go on meanwhile, in a time of their own."""


class Writer:
    """One sender that marks each event with a key and notes what it was answered."""

    def __init__(self, service: Service, number: int) -> None:
        self._service = service
        self._number = number
        self.answered: dict[int, dict[str, Any]] = {}
        self.tried = 0

    def send(self, client: httpx.Client, event: int) -> httpx.Response:
        body = event_body(
            title=f"Writer {'abcdefgh'[self._number]} sees trouble of kind {'klmnopqrst'[event % 10]}",
            source=f"writer-{self._number}",
            **({"dedup_key": f"trouble-{event % 10}"} if event % 2 else {}),
        )
        return client.post("/v1/incidents", json=body, headers={"Idempotency-Key": f"{self._number} {event}"})

    def write_until(self, stop: threading.Event) -> None:
        with httpx.Client(base_url=self._service.url, timeout=30) as client:
            while not stop.is_set():
                event, self.tried = self.tried, self.tried + 1
                try:
                    answer = self.send(client, event)
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                if answer.status_code in DONE:
                    self.answered[event] = answer.json()

    def repeat(self) -> dict[int, dict[str, Any]]:
        """Everything that was ever tried, again."""
        with httpx.Client(base_url=self._service.url, timeout=30) as client:
            answers = [self.send(client, event) for event in range(self.tried)]
        assert {answer.status_code for answer in answers} <= {200, 201}, [a.text for a in answers if a.is_error]
        return {event: answer.json() for event, answer in enumerate(answers)}


def answered_at_least(writers: list[Writer], least: int) -> bool:
    return all(len(writer.answered) >= least for writer in writers)


def repeat_all(writers: list[Writer]) -> list[dict[int, dict[str, Any]]]:
    with ThreadPoolExecutor(len(writers)) as pool:
        return list(pool.map(Writer.repeat, writers))


def wait_until_drained(service: Service) -> None:
    service.wait_until(lambda: service.readyz().status_code == 200, "ready again")
    service.wait_until(lambda: "spool" not in service.degraded, "drained")


def half_written(url: str) -> list[tuple[str, int]]:
    """How many incidents, or parts of them, lack something, by what they lack. Empty when all are whole."""
    questions = {
        "incident without its decision": "SELECT count(*) FROM incident AS i WHERE NOT EXISTS"
        " (SELECT FROM decision AS d WHERE d.id = i.decision_id AND d.incident_id = i.id)",
        "incident without a timeline that opens and decides": "SELECT count(*) FROM incident AS i WHERE 2 <>"
        " (SELECT count(DISTINCT kind) FROM timeline AS t"
        " WHERE t.incident_id = i.id AND kind IN ('opened', 'decided'))",
        "incident whose occurrences do not add up": "SELECT count(*) FROM incident AS i WHERE i.occurrences <>"
        " (SELECT count(*) FROM occurrence AS o WHERE o.incident_id = i.id)",
        "pattern whose occurrences do not add up": "SELECT count(*) FROM pattern AS p WHERE p.occurrences <>"
        " (SELECT count(*) FROM occurrence AS o WHERE o.pattern_id = p.id)",
        "decision, timeline or occurrence without an incident": "SELECT count(*) FROM (SELECT incident_id FROM"
        " decision UNION SELECT incident_id FROM timeline UNION SELECT incident_id FROM occurrence) AS parts"
        " WHERE NOT EXISTS (SELECT FROM incident WHERE incident.id = parts.incident_id)",
        "pattern open twice": "SELECT count(*) FROM (SELECT FROM incident WHERE state <> 'resolved'"
        " GROUP BY pattern_id HAVING count(*) > 1) AS twice",
    }
    with psycopg.connect(url) as connection:
        counts = [(what, connection.execute(query).fetchone()) for what, query in questions.items()]  # type: ignore[call-overload]
    return [(what, row[0]) for what, row in counts if row[0]]


def count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # type: ignore[arg-type,index]


def test_a_service_killed_while_many_write_has_everything_it_answered(service: Service) -> None:
    writers = [Writer(service, number) for number in range(WRITERS)]
    stop = threading.Event()
    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(writer.write_until, stop) for writer in writers]
        try:
            for round_ in range(1, ROUNDS + 1):
                if round_ > 1:
                    service.start()
                least = round_ * EACH_ROUND
                service.wait_until(lambda least=least: answered_at_least(writers, least), "enough answered")  # type: ignore[misc]
                service.kill()
        finally:
            stop.set()
        for one in running:
            one.result()
    service.start()
    wait_until_drained(service)
    url = str(service.database_url)
    assert half_written(url) == []
    carried_out = count(url, "delivery")
    again = repeat_all(writers)
    assert carried_out >= sum(len(writer.answered) for writer in writers)
    for writer, answers in zip(writers, again, strict=True):
        assert len(writer.answered) >= ROUNDS * EACH_ROUND
        for event, first in writer.answered.items():
            if "receipt" in first:
                continue
            for part in ("joined", "counted", "decision"):
                assert answers[event][part] == first[part]
            assert answers[event]["incident"]["id"] == first["incident"]["id"]
    assert half_written(url) == []
    assert count(url, "occurrence") == sum(one["counted"] for answers in again for one in answers.values())
    before = count(url, "occurrence"), count(url, "incident"), count(url, "decision"), count(url, NOTED)
    for writer in writers:
        writer.repeat()
    assert before == (
        count(url, "occurrence"),
        count(url, "incident"),
        count(url, "decision"),
        count(url, NOTED),
    )


def test_a_database_killed_while_many_write_loses_and_doubles_nothing(start_service: StartService) -> None:
    service = start_service(embedded=True)
    folder = DatabaseFolder(service.data / "postgres")
    sent = [0] * WRITERS
    stop = threading.Event()

    def write(number: int) -> None:
        """Events without any key: nothing in them tells a repeated one from another."""
        with httpx.Client(base_url=service.url, timeout=30) as client:
            while not stop.is_set():
                answer = client.post("/v1/incidents", json=event_body(title=f"Trouble {'abcdefgh'[number]}"))
                assert answer.status_code in DONE, answer.text
                sent[number] += 1

    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(write, number) for number in range(WRITERS)]
        try:
            for round_ in range(1, ROUNDS):
                least = round_ * EACH_ROUND
                service.wait_until(lambda least=least: min(sent) >= least, "enough answered")  # type: ignore[misc]
                for process in postgres_processes(folder):
                    process.kill()
                service.wait_until(lambda: service.readyz().status_code == 503, "not ready")
                wait_until_drained(service)  # while the others go on writing
            service.wait_until(lambda: min(sent) >= ROUNDS * EACH_ROUND, "enough answered")
        finally:
            stop.set()
        for one in running:
            one.result()
    service.wait_until(
        lambda: service.readyz().status_code == 200 and not service.metric("triage_spool_pending"), ""
    )
    assert min(sent) >= ROUNDS * EACH_ROUND
    assert {one["title"]: one["occurrences"] for one in service.incidents()} == {
        f"Trouble {'abcdefgh'[number]}": sent[number] for number in range(WRITERS)
    }


def test_two_services_on_one_folder_open_one_incident_for_one_alert(start_service: StartService) -> None:
    first = start_service(embedded=True)
    second = start_service(embedded=True, home=first.home)
    body = event_body(dedup_key="lag", started_at="2026-03-09T09:42:00Z")
    answers = send_at_once((first, second), [body] * 200)
    assert {answer["incident"]["id"] for answer in answers} == {answers[0]["incident"]["id"]}
    assert [answer["counted"] for answer in answers].count(True) == 1
    (incident,) = second.incidents()
    assert (incident["occurrences"], incident["deliveries"]) == (1, 200)

    moments = [f"2026-03-09T10:{minute:02}:{second:02}Z" for minute in range(10) for second in range(0, 60, 3)]
    bodies = [event_body(title="Queue grows", dedup_key="queue", started_at=moment) for moment in moments]
    answers = send_at_once((first, second), bodies)
    assert len({answer["incident"]["id"] for answer in answers}) == 1
    assert all(answer["counted"] for answer in answers)
    assert [one["occurrences"] for one in first.incidents(q="queue")] == [200]
    second.stop()
    assert first.fire(title="Still there")["joined"] is False


def send_at_once(services: tuple[Service, ...], bodies: list[dict[str, object]]) -> list[dict[str, Any]]:
    """Each body to one of the services in turn, sixteen at a time."""

    def send(place: int) -> dict[str, Any]:
        answer = services[place % len(services)].post("/v1/incidents", bodies[place])
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(send, range(len(bodies))))
