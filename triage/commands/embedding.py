"""Embeds what is remembered and not embedded yet, as fast as this machine can: a person waits for it."""

import time
from collections.abc import Callable

from triage.prediction.encoder import Encoder
from triage.serving.reembedding import TRIED_AGAIN_AFTER, texts_of
from triage.store.unembedded import Unembedded

KEPT_TOGETHER = 64
"""Texts that an interruption loses at most."""


def embed_missing(unembedded: Unembedded, encoder: Encoder, progress: Callable[[int], object]) -> int:
    """How many texts were embedded, from the newest incident to the oldest. ``progress`` is told each further
    number.

    A service that is at the same pages is waited for, and what it embeds is not embedded again.
    Raises StoreUnavailable.
    """
    done, after = 0, None
    while True:
        page = unembedded.read_page(encoder.version, after)
        if texts_of(page.missing):
            with unembedded.alone() as alone:
                if not alone:
                    time.sleep(TRIED_AGAIN_AFTER)
                    continue
                missing = texts_of(unembedded.read_page(encoder.version, after).missing)
                keys = list(missing)
                for start in range(0, len(keys), KEPT_TOGETHER):
                    part = keys[start : start + KEPT_TOGETHER]
                    vectors = encoder.encode([missing[key] for key in part])
                    unembedded.keep(encoder.version, dict(zip(part, vectors, strict=True)))
                    progress(len(part))
                    done += len(part)
        if page.last is None:
            return done
        after = page.last
