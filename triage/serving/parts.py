"""What needs a database, put together when its address is known, and what is in force for all of it."""

import os
from datetime import UTC, datetime

from triage.active import Active
from triage.asking import Asking
from triage.assessing import Assessing
from triage.challenge import Challenge
from triage.corrections import Corrections
from triage.domain.catalogue import Catalogue
from triage.drift import Drift
from triage.drilling.real import RealDrills
from triage.drilling.trying import Trying
from triage.engine import Engine
from triage.errors import Unavailable
from triage.figures import Insights
from triage.memory.patterns import Patterns
from triage.memory.previewing import Previewing
from triage.memory.reshaping import Reshaping
from triage.memory.silencing import Silencing
from triage.memory.similar import Similar
from triage.notify.heartbeat import call
from triage.oncall import OnCall
from triage.precision import Precision
from triage.responding import Responding
from triage.reviewing import Reviewing
from triage.serving.activation import Activation
from triage.serving.lately import Lately
from triage.serving.posting import make_delivering, make_links
from triage.serving.principals import Principals
from triage.serving.promotion import Promotion
from triage.settings import Settings
from triage.store.background import Backgrounds
from triage.store.batch import PostgresStore
from triage.store.clock import DatabaseClock
from triage.store.configurations import Configurations
from triage.store.database import Database
from triage.store.escalations import Escalations
from triage.store.figures import Figures
from triage.store.incidents import Incidents
from triage.store.letters import Letters
from triage.store.links import UsedLinks
from triage.store.oncall import OnCallOverrides
from triage.store.outbox import Outbox
from triage.store.pattern_changes import PatternChanges
from triage.store.reviews import Reviews
from triage.store.sessions import Sessions
from triage.store.tokens import Tokens
from triage.store.watching import Watches
from triage.telling.briefing import Briefings
from triage.telling.clicking import Clicking
from triage.telling.watching import Watching
from triage.triager import Triager


def utc_now() -> datetime:
    return datetime.now(UTC)


class Parts:
    """What needs a database: made when its address is known."""

    def __init__(self, database: Database, activation: Activation, settings: Settings) -> None:
        self.database = database
        self.store = PostgresStore(database)
        self.incidents = Incidents(database)
        self.letters = Letters(database)
        self.configurations = Configurations(database)
        self.tokens = Tokens(database)
        self.sessions = Sessions(database)
        self.principals = Principals(self.tokens, settings.data_dir / "tokens.json")
        self.oncall = OnCall(OnCallOverrides(database), lambda: catalogue_in_force(activation), utc_now)
        self.triager = Triager(self.store, lambda: in_force(activation), utc_now, self.oncall.standing)
        self.corrections = Corrections(self.incidents, lambda: in_force(activation), utc_now, self.oncall.standing)
        self.assessing = Assessing(
            database,
            self.incidents,
            self.corrections,
            utc_now,
            settings.review_sample,
        )
        self.escalations = Escalations(database)
        shared = DatabaseClock(database)
        self.engine = Engine(
            self.escalations, lambda: catalogue_in_force(activation), shared, self.oncall.standing
        )
        self.asking = Asking(
            self.escalations,
            self.incidents,
            self.corrections,
            lambda: in_force(activation),
            utc_now,
            self.oncall.standing,
        )
        self.responding = Responding(
            self.incidents, self.escalations, lambda: catalogue_in_force(activation), utc_now, self.oncall.standing
        )
        self.briefings = Briefings(
            self.incidents,
            self.escalations,
            Backgrounds(database),
            lambda: catalogue_in_force(activation),
            self.oncall.standing,
        )
        links = make_links(database, settings)
        self.outbox = Outbox(database)
        self.delivering = make_delivering(
            database, lambda: catalogue_in_force(activation), shared, self.oncall.standing, links
        )
        self.clicking = Clicking(
            self.outbox,
            UsedLinks(database),
            self.incidents,
            self.corrections,
            self.responding,
            links,
            utc_now,
        )
        self.reviews = Reviews(database)
        self.reviewing = Reviewing(
            self.reviews,
            self.outbox,
            self.incidents,
            lambda: catalogue_in_force(activation),
            utc_now,
            self.oncall.standing,
        )
        self.watches = Watches(database)
        self.watching = Watching(
            self.watches,
            self.outbox,
            lambda: in_force(activation).decider.configuration,
            utc_now,
            lambda url: call(url, os.environ),
            self.oncall.standing,
        )
        self.trying = Trying(database, self.oncall, lambda: in_force(activation).decider.configuration, utc_now)
        self.drills = RealDrills(self.triager, self.incidents, self.escalations, self.watches, utc_now)
        self.precision = Precision(database, lambda: catalogue_in_force(activation), settings.review_sample)
        self.insights = Insights(Figures(database), lambda: catalogue_in_force(activation))
        self.lately = Lately()
        self.similar = Similar(self.store, self.incidents, lambda: in_force(activation))
        self.patterns = Patterns(database, lambda: in_force(activation), utc_now)
        self.previewing = Previewing(database)
        self.reshaping = Reshaping(PatternChanges(database), utc_now)
        self.silencing = Silencing(database, lambda: in_force(activation), utc_now)
        self.challenge = Challenge(database, settings.models_dir, settings.review_sample, utc_now)
        self.drift = Drift(database, settings.models_dir, settings.review_sample, utc_now)
        self.promotion = Promotion(self.configurations, activation, settings.models_dir)


def in_force(activation: Activation) -> Active:
    """Raises Unavailable while nothing is."""
    active = activation.active
    if active is None:
        raise Unavailable("no configuration is in force yet", retry_after=1)
    return active


def catalogue_in_force(activation: Activation) -> Catalogue:
    """Raises Unavailable while none is."""
    return in_force(activation).decider.catalogue
