"""The command `espalier`: each command reads its arguments, calls one function and prints. No rules of any kind."""

from espalier.cli.command import app, main

__all__ = ["app", "main"]
