"""What every test of drills may use."""

from tests.telling.conftest import telling

__all__ = ["telling"]
