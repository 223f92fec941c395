"""While the memory is searched with another encoder than decides, neither is given the vectors of the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.fixtures_store import Clock, Desk
from triage.active import Active, Search

OTHER = "enc1:other"


class OtherEncoder:
    """Says the same of every text, in half as many dimensions."""

    version = OTHER

    def encode(self, texts: Sequence[str]) -> Any:
        return np.full((len(texts), 192), 0.5, dtype=np.float16)


def dimensions(desk: Desk) -> dict[str, set[int]]:
    """Of what is remembered under each encoder."""
    with desk.database.connection() as db:
        rows = db.execute("SELECT encoder, vector_dims(embedding) AS n FROM text_embedding").fetchall()
    return {row["encoder"]: {r["n"] for r in rows if r["encoder"] == row["encoder"]} for row in rows}


def test_each_encoder_remembers_its_own_vectors(desk: Desk, clock: Clock, starter_bundle: Path) -> None:
    desk.use(starter_bundle)
    search = Search(encoder=OtherEncoder())  # type: ignore[arg-type]
    desk.active = Active(desk.active.decider, {}, search)
    first = desk.fire(title="Disk of db-17.northwind.example 91% full")
    with desk.database.connection() as db:
        db.execute("UPDATE incident SET state = 'resolved', resolved_at = now(), resolved_by = 'ann'")
    clock.advance(hours=1)
    known = desk.fire(title="Disk of db-17.northwind.example 93% full")
    assert known.opened
    assert known.incident.pattern_id == first.incident.pattern_id
    in_force = desk.active.encoder_version
    assert dimensions(desk) == {in_force: {384}, OTHER: {192}}
    assert desk.count("text_embedding") == 3
