"""What the tests of rules use, for rehearsals of them."""

from tests.rules.conftest import configured, facts_for

__all__ = ["configured", "facts_for"]
