"""What plain means reach on the same rows: the most frequent label, TF-IDF with a linear SVM, embeddings with
logistic regression. Each is used as it comes, with the usual settings, and knows nothing of our features.

About a minute for 20,000 rows and 60 labels on two cores; ``thinned`` bounds what more rows would cost.
"""

import warnings
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit
from sklearn.svm import LinearSVC

from triage.history.rows import HistoryRow
from triage.prediction.encoder import Embeddings
from triage.prediction.features import FactScope, fact_names
from triage.prediction.text import incident_text

Probabilities = NDArray[np.float64]

_SEED = 20260105
_HELD_OUT = 0.2
_LEAST_HELD_OUT = 10
_SMALL = 100
_LOGISTIC_STEPS = 100
"""Fifty more changed the accuracy on 16,000 real incidents by 0.3 points, and downwards."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BaselineRows:
    """What the baselines read, in one order: texts, ``name=value`` facts, embeddings of shape (n, dimensions).
    ``truth`` of shape (n,): the number of the row's label, -1 where it has none; only training rows need it."""

    texts: Sequence[str]
    facts: Sequence[tuple[str, ...]]
    embeddings: Embeddings
    truth: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def has_prose(self) -> bool:
        """Whether most rows say more than a title, which systems of record often put together from categories."""
        return 2 * sum("\n" in text for text in self.texts) > len(self.texts)

    def at(self, rows: NDArray[np.int64]) -> "BaselineRows":
        return BaselineRows(
            texts=[self.texts[row] for row in rows],
            facts=[self.facts[row] for row in rows],
            embeddings=self.embeddings[rows],
            truth=self.truth[rows],
        )

    def thinned(self, most: int) -> "BaselineRows":
        """At most ``most`` rows, spread evenly over all of them."""
        return self if len(self) <= most else self.at(np.linspace(0, len(self) - 1, most).astype(np.int64))


FitPredict = Callable[[BaselineRows, BaselineRows, Sequence[str]], Probabilities]
"""Training rows, test rows and the words for the labels to probabilities of shape (test rows, labels)."""


def baseline_rows(
    rows: Sequence[HistoryRow],
    words: Sequence[str | None],
    labels: Sequence[str],
    embeddings: Embeddings,
    scope: FactScope = "plain",
    left_out: Collection[str] = (),
) -> BaselineRows:
    """``words``: each row's own label. ``left_out``: facts that spell the answer, as a leak names them
    (``labels.owner``). ``scope`` as for our own features: ``assigned`` also reads the team already chosen."""
    number = {label: at for at, label in enumerate(labels)}
    facts = [fact_names(row.incident, scope) for row in rows]
    if left_out:
        facts = [tuple(name for name in names if name.split("=", 1)[0] not in left_out) for names in facts]
    return BaselineRows(
        texts=[incident_text(row.incident) for row in rows],
        facts=facts,
        embeddings=embeddings,
        truth=np.array([-1 if word is None else number.get(word, -1) for word in words], dtype=np.int64),
    )


def majority(train: BaselineRows, test: BaselineRows, labels: Sequence[str]) -> Probabilities:
    """Each label's share of the training rows, whatever the test row says."""
    counts = np.bincount(train.truth[train.truth >= 0], minlength=len(labels)).astype(np.float64)
    return np.tile(counts / max(counts.sum(), 1.0), (len(test), 1))


def tfidf_svm(train: BaselineRows, test: BaselineRows, labels: Sequence[str]) -> Probabilities:
    """Words (1-2), characters within words (2-5) and metadata with a linear SVM (C = 1); probabilities by softmax
    over its margins with the temperature that suits a fifth of the training rows held out."""
    train = _labelled(train)
    if len(np.unique(train.truth)) < 2:
        return majority(train, test, labels)
    seen, held_out = _split(train)
    temperature = 1.0
    if len(held_out) >= _LEAST_HELD_OUT and len(np.unique(train.truth[seen])) > 1:
        apart = train.at(held_out)
        temperature = _temperature(_margins(train.at(seen), apart, len(labels)), apart.truth)
    return _softmax(_margins(train, test, len(labels)) / temperature)


def encoder_logistic(train: BaselineRows, test: BaselineRows, labels: Sequence[str]) -> Probabilities:
    """Embeddings with logistic regression (C = 1), and metadata beside them where the rows hold no prose."""
    train = _labelled(train)
    if len(np.unique(train.truth)) < 2:
        return majority(train, test, labels)
    matrices: tuple[Any, Any] = train.embeddings.astype(np.float32), test.embeddings.astype(np.float32)
    if not train.has_prose:
        matrices = _beside((csr_matrix(matrices[0]), csr_matrix(matrices[1])), _facts(train, test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=_LOGISTIC_STEPS).fit(matrices[0], train.truth)
    found = np.zeros((len(test), len(labels)))
    if len(test):
        found[:, model.classes_] = model.predict_proba(matrices[1])
    return found


BASELINES: Mapping[str, FitPredict] = {
    "majority": majority,
    "TF-IDF + linear SVM": tfidf_svm,
    "encoder + logistic": encoder_logistic,
}


def acting_threshold(
    fit_predict: FitPredict, train: BaselineRows, labels: Sequence[str], precision: float = 0.9
) -> float:
    """The least top probability from which ``precision`` of the held-out suggestions were right; infinite where
    there is none. Fits once more, on four fifths of ``train``."""
    train = _labelled(train)
    seen, held_out = _split(train)
    if len(held_out) < _LEAST_HELD_OUT:
        return float("inf")
    apart = train.at(held_out)
    probabilities = fit_predict(train.at(seen), replace(apart, truth=np.full(len(apart), -1)), labels)
    right = probabilities.argmax(axis=1) == apart.truth
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    top = probabilities.max(axis=1)[order]
    precise = np.cumsum(right[order]) >= precision * np.arange(1, len(order) + 1)
    # Equal probabilities stand or fall together, so only the last of each run is a place to cut.
    good = np.flatnonzero(precise & np.append(top[1:] < top[:-1], True))
    return float(top[good[-1]]) if len(good) else float("inf")


def _margins(train: BaselineRows, test: BaselineRows, width: int) -> Probabilities:
    """Margins of shape (test rows, ``width``); a label that ``train`` lacks has none, which is -inf."""
    learnt, asked = _matrices(train, test)
    if not learnt.shape[1]:
        return np.zeros((len(test), width))
    model = LinearSVC(C=1.0, dual="auto", random_state=_SEED).fit(learnt, train.truth)
    found = model.decision_function(asked)
    if found.ndim == 1:
        found = np.stack((-found, found), axis=1)
    margins = np.full((len(test), width), -np.inf)
    margins[:, model.classes_] = found
    return margins


def _matrices(train: BaselineRows, test: BaselineRows) -> tuple[Any, Any]:
    return _beside(
        _facts(train, test),
        _words(train, test, ngram_range=(1, 2)),
        _words(train, test, analyzer="char_wb", ngram_range=(2, 5)),
    )


def _facts(train: BaselineRows, test: BaselineRows) -> tuple[Any, Any]:
    columns = CountVectorizer(analyzer=tuple, binary=True, dtype=np.float32, min_df=_least_rows(train))
    return _learnt(columns, train.facts, test.facts)


def _words(train: BaselineRows, test: BaselineRows, **settings: Any) -> tuple[Any, Any]:
    columns = TfidfVectorizer(min_df=_least_rows(train), sublinear_tf=True, dtype=np.float32, **settings)
    return _learnt(columns, train.texts, test.texts)


def _learnt(columns: CountVectorizer, train: Sequence[Any], test: Sequence[Any]) -> tuple[Any, Any]:
    try:
        return columns.fit_transform(train), columns.transform(test)
    except ValueError:
        # Nothing is in enough rows to be learnt from: no columns rather than no baseline.
        return csr_matrix((len(train), 0), dtype=np.float32), csr_matrix((len(test), 0), dtype=np.float32)


def _beside(*parts: tuple[Any, Any]) -> tuple[Any, Any]:
    return hstack([one for one, _ in parts], format="csr"), hstack([one for _, one in parts], format="csr")


def _least_rows(train: BaselineRows) -> int:
    """In a small history a word seen once is all there is to go by."""
    return 2 if len(train) >= _SMALL else 1


def _labelled(rows: BaselineRows) -> BaselineRows:
    return rows if (rows.truth >= 0).all() else rows.at(np.flatnonzero(rows.truth >= 0))


def _split(rows: BaselineRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Four fifths and one fifth of the rows, those that say the same on one side."""
    number: dict[Hashable, int] = {}
    says = zip(rows.texts, rows.facts, strict=True)
    groups = [number.setdefault(one, len(number)) for one in says]
    if len(number) < 2:
        return np.arange(len(rows)), np.arange(0)
    splitter = GroupShuffleSplit(n_splits=1, test_size=_HELD_OUT, random_state=_SEED)
    seen, held_out = next(splitter.split(groups, groups=groups))
    return np.asarray(seen, dtype=np.int64), np.asarray(held_out, dtype=np.int64)


def _temperature(margins: Probabilities, truth: NDArray[np.int64]) -> float:
    """Of least negative log-likelihood (Guo et al., 2017), on the rows whose label has a margin."""
    own = margins[np.arange(len(truth)), truth]
    known = np.isfinite(own)
    if not known.any():
        return 1.0

    def loss(log_temperature: float) -> float:
        found = _softmax(margins[known] / np.exp(log_temperature))
        return float(-np.log(np.maximum(found[np.arange(len(found)), truth[known]], 1e-12)).mean())

    best = minimize_scalar(loss, bounds=(-np.log(50), np.log(50)), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(best.x))


def _softmax(scores: Probabilities) -> Probabilities:
    if not len(scores):
        return scores
    found = np.exp(scores - scores.max(axis=1, keepdims=True))
    normed: Probabilities = found / found.sum(axis=1, keepdims=True)
    return normed
