"""`python -m espalier.cli` is the command `espalier`."""

from espalier.cli.command import main

main()
