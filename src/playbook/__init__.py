"""Customer Intimacy Operations Playbook."""

from importlib.metadata import version

__version__ = version("playbook")
