"""Plays of module balance."""
