"""What is counted stays small, whatever senders call themselves."""

from triage.serving.metrics import MOST_SOURCES, Metrics


def test_a_sender_cannot_fill_the_memory_with_names_of_sources() -> None:
    metrics = Metrics()
    for number in range(MOST_SOURCES + 50):
        metrics.events.labels(metrics.source_label(f"source-{number}"), "opened").inc()
    text = metrics.render().decode()
    assert text.count("triage_events_total{") == MOST_SOURCES + 1
    assert 'source="other"} 50.0' in text


def test_a_source_that_has_a_name_keeps_it() -> None:
    metrics = Metrics()
    names = [metrics.source_label(f"source-{number}") for number in range(MOST_SOURCES + 1)]
    assert names[-1] == "other"
    assert metrics.source_label("source-0") == "source-0"
