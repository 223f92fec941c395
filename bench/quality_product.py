"""Triage as its user has it: a history file, `python -m training train`, `predict`, and its output lines."""

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.quality_promises import Promise, promise_of
from bench.quality_sets import Record, Target, column_of
from bench.spent import Spent, run_measured
from training.learning.judged import UNKNOWN, Judged
from triage.prediction.manifest import ENCODER_FOLDER, read_manifest

Answer = dict[str, Any]


@dataclass(kw_only=True)
class Product:
    """``folder`` is scratch. Its ``models`` begin with a starter bundle alone, so that the first training embeds
    every text; ``trainings`` holds what each cost."""

    folder: Path
    trainings: list[Spent] = field(default_factory=list)

    @property
    def models(self) -> Path:
        return self.folder / "models"

    def start(self, kept: Path) -> Path:
        """The encoder folder of a starter bundle, copied from ``kept``; made there if there is none."""
        written, _ = run_measured("training", ["starter", "--models", str(kept), "--json"])
        version = str(json.loads(written)["version"])
        shutil.copytree(kept / version, self.models / version)
        return self.models / version / ENCODER_FOLDER

    def train(self, rows: Iterable[Record], options: Sequence[str] = ()) -> str:
        """The version of the bundle."""
        history = write_lines(self.folder / "train.jsonl", rows)
        arguments = ["train", "--history", str(history), "--models", str(self.models), "--json", *options]
        written, spent = run_measured("training", arguments)
        self.trainings.append(spent)
        return str(json.loads(written)["version"])

    def predict(self, version: str, rows: Sequence[Record]) -> list[Answer]:
        """An answer for each row, in order."""
        source, target = write_lines(self.folder / "test.jsonl", rows), self.folder / "predictions.jsonl"
        where = ["--models", str(self.models), "--version", version]
        run_measured("training", ["predict", *where, "--input", str(source), "--output", str(target)])
        answers = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
        if [answer["id"] for answer in answers] != [row["id"] for row in rows]:
            raise SystemExit("predict: the output has other rows than the input")
        return answers

    def promise(
        self, version: str, answers: Sequence[Answer], target: Target, truth: Sequence[str | None]
    ) -> Promise | None:
        """What the bundle promised of its sets, and whether each holds its truth; of rows that have one."""
        head = read_manifest(self.models / version).heads.get(target)
        told = [(said_of(answer, target), label) for answer, label in zip(answers, truth, strict=True) if label]
        return promise_of(told, head.conclusion.sets) if head is not None else None


def judged_of(
    answers: Sequence[Answer],
    target: Target,
    labels: Sequence[str],
    truth: Sequence[str | None],
    rows: Sequence[Record],
    groups: NDArray[np.int64],
) -> Judged:
    """Of the rows whose answer is known. An output line has the most probable labels only: what they leave of 1 is
    spread over the others, of which none is more probable than the last that is told."""
    known = [at for at, label in enumerate(truth) if label is not None]
    said = [said_of(answers[at], target) for at in known]
    words = tuple(dict.fromkeys((*labels, *(label for one in said for label, _ in told(one)))))
    number = {word: at for at, word in enumerate(words)}
    return Judged(
        target=target,
        labels=words,
        probabilities=_probabilities(said, number),
        truth=np.array([number.get(str(truth[at]), UNKNOWN) for at in known], dtype=np.int64),
        acting=np.array([not one["abstained"] for one in said], dtype=np.bool_),
        chosen=np.array([number[one["value"]] for one in said], dtype=np.int64),
        moments=moments_of([rows[at] for at in known]),
        ids=tuple(str(rows[at]["id"]) for at in known),
        groups=groups[known],
    )


def second_look_of(answers: Sequence[Answer], judged: Judged, rows: Sequence[Record]) -> "SecondLook":
    """``judged`` of the same rows, all of which have a truth."""
    number = {word: at for at, word in enumerate(judged.labels)}
    looks = [answer.get("second_look") for answer in answers]
    return SecondLook(
        assigned=np.array([number.get(row["first_team"], UNKNOWN - 1) for row in rows], dtype=np.int64),
        flagged=np.array([look is not None and look["looks_wrong"] for look in looks], dtype=np.bool_),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SecondLook:
    """Shape (n,) each: the number of the team that people chose, -2 where it is no label; whether it was said
    to look wrong."""

    assigned: NDArray[np.int64]
    flagged: NDArray[np.bool_]

    def followed(self, judged: Judged) -> Judged:
        """What somebody concludes who goes by the flags alone: as assigned, but for the better team where flagged.
        A team that is no label is one more label, which no incident of these can turn out to be."""
        width = len(judged.labels)
        assigned = np.where(self.assigned < 0, width, self.assigned)
        return replace(
            judged,
            labels=(*judged.labels, "a team not known"),
            probabilities=np.pad(judged.probabilities, ((0, 0), (0, 1))),
            chosen=np.where(self.flagged, judged.top, assigned),
        )


def told(said: Answer) -> list[tuple[str, float]]:
    """Labels and probabilities of an output line, the most probable first."""
    others = [(other["value"], other["probability"]) for other in said["alternatives"]]
    return [(said["value"], said["probability"]), *others]


def moments_of(rows: Sequence[Record]) -> NDArray[np.datetime64] | None:
    """In UTC; None where no row has one."""
    found = [row.get("occurred_at") for row in rows]
    if not any(found):
        return None
    plain = [None if moment is None else moment.replace("Z", "").removesuffix("+00:00") for moment in found]
    return np.array(plain, dtype="datetime64[s]")


def write_lines(path: Path, rows: Iterable[Record]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return path


def said_of(answer: Answer, target: Target) -> Answer:
    said: Answer | None = answer[column_of(target)]
    if said is None:
        raise SystemExit(f"predict: no {column_of(target)} in the output although the history has some")
    return said


def _probabilities(said: Sequence[Answer], number: dict[str, int]) -> NDArray[np.float64]:
    found = np.zeros((len(said), len(number)))
    is_told = np.zeros(found.shape, dtype=np.bool_)
    for at, one in enumerate(said):
        for label, probability in told(one):
            found[at, number[label]] = probability
            is_told[at, number[label]] = True
    others = (~is_told).sum(axis=1)
    left = np.maximum(1 - found.sum(axis=1), 0) / np.maximum(others, 1)
    return np.where(is_told, found, left[:, None])
