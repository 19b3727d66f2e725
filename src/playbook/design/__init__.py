"""Plays of module design."""
