"""The campaigns and commands of `commands.py` as fixtures."""

from commands import any_campaign, campaign, demo_files, run

__all__ = ["any_campaign", "campaign", "demo_files", "run"]
