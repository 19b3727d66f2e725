"""Plays of module govern."""
