"""Espalier grows conversation trees with volunteers and trains assistants on them."""

__version__ = "0.1.0"
