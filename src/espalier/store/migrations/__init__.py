"""The history of the tables. `python -m espalier.store.migrations.generate 0002 words` writes the next step."""
