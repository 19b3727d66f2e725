"""Canonical tables: schemas, reading, writing, views."""
