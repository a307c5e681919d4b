"""The running campaigns of `campaigns.py` as fixtures."""

from campaigns import campaign, small_campaign

__all__ = ["campaign", "small_campaign"]
