"""Measurements: this service and the plain one that most teams would write, side by side on one machine."""
