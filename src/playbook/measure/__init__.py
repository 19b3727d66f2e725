"""Plays of module measure."""
