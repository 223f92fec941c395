"""Drills: an incident that is practised by the very parts that deal with real ones."""
