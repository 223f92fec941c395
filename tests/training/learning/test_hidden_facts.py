import json
from pathlib import Path

from training.learning.encoded import encode_history
from training.learning.heads import HEADS, lessons_for
from triage.history.rows import read_history
from triage.prediction.encoder import Encoder


def test_a_fact_that_the_head_does_not_see_is_not_called_a_leak(encoder_folder: Path, tmp_path: Path):
    rows = [
        {
            "id": str(at),
            "title": f"disk {at}",
            "team": "ab"[at % 2],
            "impact": "12"[at % 2],
            "service": "xy"[at % 2],
        }
        for at in range(60)
    ]
    file = tmp_path / "history.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    encoder = Encoder.open(encoder_folder)
    try:
        history = encode_history(read_history(file).rows, encoder, tmp_path, least_rows=3)
    finally:
        encoder.close()
    _, leaks = lessons_for(next(plan for plan in HEADS if plan.name == "impact"), history)
    assert [leak.key for leak in leaks] == ["service"]
