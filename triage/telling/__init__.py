"""Telling people: what they have to know, what is delivered to them, and what is said when it cannot be."""
