"""Plays of module define."""
