"""The campaigns and commands of `commands.py` as fixtures."""

from commands import _planted_template, any_campaign, campaign, demo_files, planted, postgres_campaign, run
from tiny_models import model_directory

__all__ = [
    "_planted_template", "any_campaign", "campaign", "demo_files", "model_directory", "planted", "postgres_campaign",
    "run",
]  # fmt: skip
