"""``triage preview``: what a threshold of similarity would have linked, which is recommended, and turning it."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import click
import orjson

from triage.active import Search
from triage.api.previews import preview_view
from triage.commands.options import ended_in_order
from triage.domain.catalogue import Catalogue
from triage.errors import BundleError, ConfigurationError, NotFound, TriageError
from triage.memory.learning import learn
from triage.memory.likeness import Likeness, likeness_of
from triage.memory.previewing import DAYS, EXAMPLES, TARGET, Asked, Link, Preview, Previewing, turn
from triage.prediction.bundle import find_latest, open_bundle
from triage.prediction.encoder import Encoder
from triage.recurrence.fusion import LearnedWeights
from triage.recurrence.threshold import Point, Verdict
from triage.rules.catalogue import load_catalogue
from triage.serving.opening import open_database
from triage.settings import Settings
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.embedding_index import ensure_embedding_index
from triage.store.likenesses import Likenesses

_SHOWN = 5
_TITLE = 46
_STEP = 5
"""Of the thresholds tried, every fifth is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What ``--apply`` put in force."""

    threshold: float
    by: str
    reason: str


@click.command()
@click.option("--threshold", type=click.FloatRange(0, 1), help="To compare with the one in force.")
@click.option(
    "--target",
    type=click.FloatRange(0.001, 0.5),
    default=TARGET,
    show_default=True,
    help="Of the links, how many may be wrong.",
)
@click.option("--days", type=click.IntRange(1, 36_500), default=DAYS, show_default=True, help="How far back.")
@click.option("--learn", is_flag=True, help="Learn from the remembered texts how much words weigh beside meaning.")
@click.option("--apply", "apply_", is_flag=True, help="Put --threshold, or else the recommended one, in force.")
@click.option("--reason", help="Why, for whoever asks later; needed with --apply.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def preview(
    threshold: float | None,
    target: float,
    days: int,
    learn: bool,
    apply_: bool,
    reason: str | None,
    as_json: bool,
) -> None:
    """What another threshold of similarity would have linked lately, and which one this history speaks for.

    Similarity links an incident whose text nothing else recognises to an earlier one. Without --apply nothing is
    changed. A running service follows within its refresh interval.
    """
    if apply_ and not (reason or "").strip():
        raise click.UsageError("--apply needs a --reason")
    asked = Asked(threshold=threshold, target=target, days=days)
    run = _Run(Settings(), hidden=as_json)
    try:
        with ended_in_order():
            run.carry_out(asked, learn=learn, reason=reason if apply_ else None)
    except KeyboardInterrupt:
        raise click.ClickException("stopped; nothing was changed") from None
    except TriageError as error:
        raise click.ClickException(str(error)) from error
    run.tell(as_json=as_json)
    if apply_ and run.turned is None:
        raise SystemExit(1)


class _Run:
    """One preview, and what came of it."""

    def __init__(self, settings: Settings, *, hidden: bool) -> None:
        self._settings = settings
        self._hidden = hidden
        self.found: Preview
        self.learned: LearnedWeights | None = None
        self.turned: Turned | None = None

    def carry_out(self, asked: Asked, *, learn: bool, reason: str | None) -> None:
        """``reason``: why to put it in force; None to change nothing. Raises BundleError, StoreUnavailable and
        what else opening a database raises."""
        now = datetime.now(UTC)
        with open_database(self._settings) as database, closing(_encoder(database, self._settings)) as encoder:
            stored = Likenesses(database).find(encoder.version)
            search = Search(encoder=encoder, likeness=likeness_of(stored) if stored else Likeness())
            if learn:
                asked = replace(asked, weights=self._learn(database, search))
            # As a service has it: without, each search reads every embedding.
            ensure_embedding_index(database.url, encoder.version, encoder.dimensions)
            previewing = Previewing(database)
            with self._bar("preview", previewing.count(asked, now)) as bar:
                self.found = previewing.preview(search, asked, now, _catalogue(database), bar.update)
            chosen = asked.threshold if asked.threshold is not None else self.found.choice.threshold
            if reason is not None and chosen is not None:
                by = f"person:{_user()}"
                turn(Likenesses(database), self.found, chosen, by, reason.strip(), now)
                self.turned = Turned(threshold=chosen, by=by, reason=reason.strip())

    def _learn(self, database: Database, search: Search) -> Any:
        assert search.encoder is not None  # opened by the caller
        if not self._hidden:
            click.echo("learn    how much words weigh beside meaning", err=True)
        self.learned = learn(database, search.encoder, search.likeness.weights)
        return self.learned.weights

    @contextmanager
    def _bar(self, label: str, length: int) -> Iterator[Any]:
        with click.progressbar(
            length=length, label=label, file=sys.stderr, hidden=self._hidden, show_pos=True
        ) as bar:
            yield bar

    def tell(self, *, as_json: bool) -> None:
        if as_json:
            click.echo(orjson.dumps(self._content()))
            return
        for line in [*_lines(self.found), *self._more_lines()]:
            click.echo(line)

    def _content(self) -> dict[str, Any]:
        learned, turned = self.learned, self.turned
        return {
            **preview_view(self.found),
            "learned": {"lexical": learned.weights.lexical, "texts": learned.texts} if learned else None,
            "turned": {"threshold": turned.threshold, "by": turned.by, "reason": turned.reason}
            if turned
            else None,
        }

    def _more_lines(self) -> Iterator[str]:
        if self.learned is not None:
            before = self.found.in_force.weights.lexical
            now = self.learned.weights.lexical
            yield f"Words weigh {now:g} of 1, as {self.learned.texts:,} texts speak for; in force are {before:g}."
        if self.turned is not None:
            yield f"In force from now on: {self.turned.threshold:g}, by {self.turned.by}."


def _lines(found: Preview) -> Iterator[str]:
    looked_at = found.looked_at - found.unembedded
    yield (
        f"{looked_at:,} incidents of the last {found.asked.days:,} days opened with a text that was new then;"
        f" similarity links those from {found.in_force.threshold:g} on."
    )
    if found.unembedded:
        yield f"{found.unembedded:,} more are not embedded yet, and left out."
    yield ""
    yield "threshold   links   of all   wrong, about   at most   told by people / by how both ended"
    marked = {found.threshold: "asked", found.in_force.threshold: "in force"}
    if found.choice.threshold is not None:
        marked[found.choice.threshold] = "recommended"
    for place, point in enumerate(found.curve.points):
        if place % _STEP == 0 or point.threshold in marked:
            yield _row(point, marked.get(point.threshold, ""))
    yield ""
    if found.choice.threshold is not None:
        yield (
            f"Recommended: {found.choice.threshold:g}. From there on at most {found.asked.target:.1%} of the links"
            f" are wrong, with {found.curve.confidence:.0%} confidence."
        )
    else:
        yield f"No recommendation: {found.choice.reason}."
    if found.threshold != found.in_force.threshold or found.weights != found.in_force.weights:
        yield f"From {found.threshold:g} on {found.linked_then:,} would be linked instead of {found.linked_now:,}."
        yield from _changed("more", [(link, link.similarity) for link in found.gained])
        yield from _changed("fewer", [(link, link.before) for link in found.lost])


def _row(point: Point, mark: str) -> str:
    about, most = (f"{one:.1%}" if one is not None else "–" for one in (point.wrong, point.wrong_at_most))
    return (
        f"{point.threshold:9.2f} {point.links:7,} {point.share:8.1%} {about:>14} {most:>9}"
        f"   {point.by_people:,} / {point.by_proxy:,}  {mark}"
    ).rstrip()


def _changed(how: str, links: list[tuple[Link, float]]) -> Iterator[str]:
    if not links:
        return
    yield f"  {len(links):,} {how}:"
    for link, similarity in links[: min(_SHOWN, EXAMPLES)]:
        told = "" if link.judged.verdict is Verdict.UNKNOWN else f"  (people: {link.judged.verdict.value})"
        titles = " ← ".join(_shortened(end.title) for end in (link.incident, link.other))
        yield f"    {similarity:.3f}  {titles}{told}"
        yield f"           {link.incident.past.id} ← {link.other.past.id}"


def _shortened(title: str) -> str:
    title = " ".join(title.split())
    return title if len(title) <= _TITLE else title[: _TITLE - 1].rstrip() + "…"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return "unknown"


def _encoder(database: Database, settings: Settings) -> Encoder:
    """That which the memory is searched with; before a service ever ran, of the bundle it would begin with."""
    pointer = Likenesses(database).read_memory_encoder()
    active = Configurations(database).read_pointers().get("bundle")
    name = pointer.bundle if pointer is not None else active.version if active is not None else None
    folder = settings.models_dir / name if name is not None else find_latest(settings.models_dir)
    if folder is None:
        raise BundleError(str(settings.models_dir), "a bundle", "none; make one: python -m training starter")
    return open_bundle(folder, settings.encoder_workers).encoder


def _catalogue(database: Database) -> Catalogue | None:
    configurations = Configurations(database)
    pointer = configurations.read_pointers().get("catalogue")
    try:
        return load_catalogue(configurations.get_content(pointer.version)) if pointer is not None else None
    except (NotFound, ConfigurationError):
        return None
