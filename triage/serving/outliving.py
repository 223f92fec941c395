"""Threads that keep the service up outlive every failure of what they do: its owner logs it and counts it."""

from collections.abc import Callable

import structlog

from triage.errors import TriageError, Unavailable
from triage.serving.logs import place_of
from triage.serving.metrics import Metrics

log = structlog.get_logger("triage.outliving")


def outlives(part: str, act: Callable[[], object], metrics: Metrics) -> bool:
    """Whether ``act`` came to its end. What is away for now is worth a line and no alarm."""
    try:
        act()
    except Unavailable as error:
        log.warning("what is needed for this is away for now", part=part, why=str(error))
    except TriageError as error:
        metrics.failures.labels(error.code).inc()
        log.error("a part of the work failed", part=part, why=str(error))
    except Exception as error:  # noqa: BLE001 - its owner: logged, counted, and tried again by whoever called
        metrics.failures.labels("unexpected").inc()
        log.error(
            "a part of the work failed unexpectedly", part=part, kind=type(error).__name__, at=place_of(error)
        )
    else:
        return True
    return False
