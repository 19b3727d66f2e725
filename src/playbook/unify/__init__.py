"""Plays of module unify."""
