"""What notebook cells call."""

from playbook.classroom.session import Session

__all__ = ["Session"]
