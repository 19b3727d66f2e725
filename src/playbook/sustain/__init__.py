"""Plays of module sustain."""
