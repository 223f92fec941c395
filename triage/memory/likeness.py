"""How likeness is judged: the weights of meaning and words, and from where on it is said."""

from dataclasses import dataclass, fields

from triage.recurrence.fusion import DEFAULT, FusionWeights
from triage.store.likenesses import StoredLikeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How likeness is judged with one encoder. ``threshold``: from which similarity on, in [0, 1], an earlier
    incident is linked.

    The default is for whoever has nothing to measure on. How many of its links are right depends on how often
    problems come back in other words, which nobody knows then; how often a text that is new links to something
    else can be said. Of 3,110 published alerting rules of four collections, each another alert than the others,
    1.5 to 6 of 100 read like an earlier one from 0.9 on, 4 to 12 from 0.85 on, 9 to 21 from 0.8 on. And of 1,555
    status reports of two cloud providers 106 are linked from 0.9 on: 15 to what people linked them to, 31 to
    another service's under a title that says nothing ("Increased error rates"). So it links little until somebody
    measures: ``triage preview``.
    """

    weights: FusionWeights = DEFAULT
    threshold: float = 0.9


def likeness_of(stored: StoredLikeness) -> Likeness:
    """What an earlier version weighed by is left out."""
    known = {field.name for field in fields(FusionWeights)}
    weights = {name: value for name, value in stored.weights.items() if name in known}
    return Likeness(weights=FusionWeights(**weights), threshold=stored.threshold)
