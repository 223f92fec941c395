"""What every test of drills may use."""

from tests.telling.conftest import hook, spare, telling

__all__ = ["hook", "spare", "telling"]
