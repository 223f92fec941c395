"""The encoder of a bundle with nothing around it: ``python -m bench.encoder_alone ENCODER TEXTS SECONDS``.

What every text costs at least, on all cores: the upper bound of whatever the service can do with new texts.
"""

import json
import sys
import time
from pathlib import Path

from triage.prediction.encoder import Encoder

_AT_ONCE = 64


def measure(folder: Path, texts: list[str], seconds: float) -> dict[str, float]:
    """Stops after ``seconds``, or when every text was encoded once."""
    encoder = Encoder.open(folder)
    encoder.encode(texts[:_AT_ONCE])
    done, at = 0, _AT_ONCE
    started = time.perf_counter()
    while time.perf_counter() - started < seconds and at < len(texts):
        part = texts[at : at + _AT_ONCE]
        encoder.encode(part)
        done, at = done + len(part), at + len(part)
    elapsed = time.perf_counter() - started
    encoder.close()
    return {"texts": done, "elapsed": elapsed, "texts_per_second": done / elapsed}


def main() -> None:
    folder, texts, seconds = sys.argv[1:]
    rows = [json.loads(line) for line in Path(texts).read_text(encoding="utf-8").splitlines()]
    print(
        json.dumps(
            measure(Path(folder), [f"{row['title']}\n{row['description']}" for row in rows], float(seconds))
        )
    )


if __name__ == "__main__":
    main()
