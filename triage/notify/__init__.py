"""Telling people: the ways that lead to them, what is written, and the services that carry it."""
