"""``triage import``: a history becomes past incidents, so that what happens again is known to have happened."""

import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from triage.commands.embedding import embed_missing
from triage.commands.import_summary import MOST_FREQUENT, ImportSummary, print_summary
from triage.commands.options import ended_in_order, moment
from triage.domain.catalogue import Catalogue
from triage.domain.incident import CLOCKS_SET
from triage.errors import BundleError, HistoryError, TriageError
from triage.history.rows import read_history
from triage.memory.importing import Importer, Sifted, sift
from triage.memory.learning import learn_by_itself
from triage.prediction.bundle import find_latest, open_bundle
from triage.prediction.encoder import Encoder
from triage.rules.catalogue import load_catalogue
from triage.rules.configuration import load_configuration
from triage.serving.opening import open_database
from triage.settings import Settings
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.importing import PostgresImport
from triage.store.unembedded import Unembedded

PORTION = 250
"""Rows stored in one transaction, for which a running service waits with what it receives: a tenth of a second,
measured on two cores with texts that are all different. Four times as many were no faster."""

CONTINUED = "what is stored stays; the same command again goes on from there"


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--undated-as",
    metavar="WHEN",
    callback=moment,
    help="When rows happened that say no time, or one before 2000 or in the future. Else they are left out.",
)
@click.option("--without-embeddings", is_flag=True, help="Leave those to the running service, which is slow.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, for programs.")
def import_(file: Path, undated_as: datetime | None, without_embeddings: bool, as_json: bool) -> None:
    """Load a history as past incidents: then similar ones, patterns and recurrence know them.

    FILE is JSON lines or CSV, gzipped or not, or Parquet. Nothing is decided and nobody is told. Importing it
    again adds nothing, and an import that was stopped goes on. A service may run meanwhile.
    """
    now = datetime.now(UTC)
    if undated_as is not None and not CLOCKS_SET <= undated_as <= now:
        raise click.UsageError("--undated-as is not between 2000 and now")
    run = _Run(file, Settings(), hidden=as_json)
    try:
        with ended_in_order():
            run.carry_out(now, undated_as, without_embeddings=without_embeddings)
    except KeyboardInterrupt:
        raise click.ClickException(f"stopped: {run.stored:,} incidents are stored; {CONTINUED}") from None
    except TriageError as error:
        stored = f" ({run.stored:,} incidents are stored; {CONTINUED})" if run.stored else ""
        raise click.ClickException(f"{error}{stored}") from error
    print_summary(run.summary, as_json=as_json)


class _Run:
    """One import from the file to its summary, phase by phase, each with its own bar."""

    def __init__(self, file: Path, settings: Settings, *, hidden: bool) -> None:
        self.summary = ImportSummary(file=file)
        self._settings = settings
        self._hidden = hidden

    @property
    def stored(self) -> int:
        return self.summary.imported.incidents

    def carry_out(self, now: datetime, undated_as: datetime | None, *, without_embeddings: bool) -> None:
        """Raises HistoryError, ConfigurationError, StoreUnavailable and what else opening a database raises."""
        started = time.monotonic()
        sifted = self._read(now, undated_as)
        with open_database(self._settings) as database:
            store = PostgresImport(database)
            self._store(store, sifted, _catalogue(database, self._settings))
            sifted.past.clear()  # which is much, and embedding needs memory too
            self._say("words   counted for the search")
            store.finish()
            most = [pattern_id for pattern_id, _ in self.summary.imported.patterns.most_common(MOST_FREQUENT)]
            self.summary.named = store.get_patterns(most)
            if not without_embeddings:
                self._embed(database)
        self.summary.seconds = time.monotonic() - started

    def _read(self, now: datetime, undated_as: datetime | None) -> Sifted:
        def progress(rows: int) -> None:
            if sys.stderr.isatty():
                self._say(f"\rread    {rows:,} rows", ended=False)

        history = read_history(self.summary.file, progress=progress, require_labels=False)
        self._say(f"\rread    {history.total:,} rows")
        sifted = sift(history.rows, now, undated_as)
        self.summary.note_read(history, sifted)
        if not sifted.past:
            raise HistoryError(self.summary.why_nothing())
        return sifted

    def _store(self, store: PostgresImport, sifted: Sifted, catalogue: Catalogue) -> None:
        importer = Importer(store, catalogue)
        self.summary.imported = importer.imported
        stock = 0
        with self._bar("import", len(sifted.past)) as bar:
            for taken in importer.take(sifted.past, PORTION):
                bar.update(taken)
                if self.stored >= stock:
                    store.take_stock()
                    stock = 2 * self.stored + PORTION

    def _embed(self, database: Database) -> None:
        try:
            encoder = _encoder(database, self._settings)
        except BundleError as error:
            self.summary.not_embedded = str(error)
            return
        with closing(encoder), database.unattended():
            missing = Unembedded(database)
            with self._bar("embed", missing.count(encoder.version)) as bar:
                self.summary.embedded = embed_missing(missing, encoder, bar.update)
            self._say("learn   how much words weigh beside meaning")
            self.summary.learned = learn_by_itself(database, encoder, datetime.now(UTC))

    def _bar(self, label: str, length: int) -> Any:
        bar = click.progressbar(
            length=length, label=label.ljust(7), file=sys.stderr, hidden=self._hidden, show_pos=True
        )
        bar.render_progress()
        return bar

    def _say(self, what: str, *, ended: bool = True) -> None:
        if not self._hidden:
            click.echo(what, err=True, nl=ended)


def _catalogue(database: Database, settings: Settings) -> Catalogue:
    """The one in force; before a service was ever started, the one of the configuration folder."""
    configurations = Configurations(database)
    pointer = configurations.read_pointers().get("catalogue")
    if pointer is None:
        return load_configuration(settings.config_dir).catalogue
    return load_catalogue(configurations.get_content(pointer.version))


def _encoder(database: Database, settings: Settings) -> Encoder:
    """That of the bundle in force; before there is one, of the bundle that a service would begin with."""
    pointer = Configurations(database).read_pointers().get("bundle")
    folder = settings.models_dir / pointer.version if pointer is not None else find_latest(settings.models_dir)
    if folder is None:
        raise BundleError(str(settings.models_dir), "a bundle", "none")
    return open_bundle(folder, settings.encoder_workers).encoder
