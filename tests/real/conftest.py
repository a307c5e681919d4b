"""Commands as somebody types them, for real data."""

from commands import run

__all__ = ["run"]
