"""How the values of the made-up shop move.

A motion yields one value a second. The ones without units yield shares of the way from usual (0) to limit (1).
"""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, repeat
from random import Random

from bench.flapping_shop import SERVICES

DAY = 86_400

Motion = Iterator[float]


def walk(chance: Random, low: float, high: float, step: float) -> Motion:
    value = chance.uniform(low, high)
    while True:
        yield value
        value = min(high, max(low, value + chance.gauss(0.0, step)))


def calm(chance: Random) -> Motion:
    return walk(chance, 0.0, 0.75, 0.03)


def wander(chance: Random) -> Motion:
    return walk(chance, 0.2, 1.2, 0.04)


def wave(chance: Random) -> Motion:
    """Up and down around the limit, never quite as long as the last time."""
    period, share, top = chance.uniform(180, 600), chance.uniform(0.2, 0.5), chance.uniform(1.1, 1.6)
    yield from repeat(0.4, chance.randrange(int(period)))
    while True:
        for level, length in ((top, period * share), (0.5, period * (1 - share))):
            for _ in range(round(length * chance.uniform(0.7, 1.3))):
                yield level * chance.uniform(0.96, 1.04)


def spikes(chance: Random) -> Motion:
    """Every so many minutes on the dot, as of a scheduled job."""
    every, lasting, first = chance.choice((300, 420, 600, 900)), chance.randint(30, 90), chance.randrange(300)
    yield from repeat(0.2, first)
    while True:
        top = chance.uniform(1.2, 1.9)
        yield from (top * chance.uniform(0.97, 1.03) for _ in range(lasting))
        yield from (0.3 * chance.uniform(0.9, 1.1) for _ in range(every - lasting))


def moving(
    chance: Random, usual: float, limit: float, trouble: Sequence[float] = (), most: float = math.inf
) -> Motion:
    """In the unit of ``usual`` and ``limit``; ``trouble`` pushes it past the limit, and it stays in 0..most."""
    (kind,) = chance.choices((calm, wander, wave, spikes), (64, 4, 16, 16))
    for share, extra in zip(kind(chance), chain(trouble, repeat(0.0)), strict=False):
        yield max(0.0, min(most, usual + (limit - usual) * (share + extra)))


def counted(rate: Iterator[float]) -> Motion:
    """What a counter shows of something that happens at this rate."""
    return (float(math.floor(value)) for value in accumulate(rate))


def working(chance: Random, trouble: Sequence[float] = ()) -> Motion:
    """1 while it works, 0 while it does not."""
    return (1.0 if value < 1 else 0.0 for value in moving(chance, 0, 1, trouble))


def certificate(chance: Random, started: float) -> Motion:
    """Its end; edge nodes with the old and with the renewed one take turns."""
    old, new = started + chance.uniform(2, 13) * DAY, started + chance.uniform(85, 89) * DAY
    return (new if value < 1 else old for value in moving(chance, 0, 1))


def last_success(chance: Random, started: float) -> Motion:
    last: float = started
    for second, works in enumerate(working(chance)):
        if works and second % 120 == 0:
            last = started + second
        yield last


def troubles(chance: Random, seconds: int) -> dict[str, list[float]]:
    """Service to strength by the second: bursts that begin in one service and reach those that call it."""
    strengths = {service.name: [0.0] * seconds for service in SERVICES}
    second = 50.0
    while second < seconds:
        root = chance.choice(SERVICES).name
        callers = [service.name for service in SERVICES if root in service.calls]
        lasting = chance.uniform(45, 120)
        for name, late in [(root, 0.0), *((caller, chance.uniform(5, 20)) for caller in callers)]:
            strength = chance.uniform(0.9, 1.5)
            for at in range(int(second + late), min(seconds, int(second + late + lasting))):
                strengths[name][at] = strength
        second += chance.uniform(150, 420)
    return strengths
