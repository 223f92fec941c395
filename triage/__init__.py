"""Triage: an alert comes in, the right people know about it, and someone always answers."""

__version__ = "0.1.0"
