"""Writes a migration from what differs between the newest revision and the tables: a draft to read and correct.

    python -m espalier.store.migrations.generate 0002 "Notes on trees"

While nobody has a database yet, the first one is simply written again:

    python -m espalier.store.migrations.generate --again 0001 "First tables"
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from espalier.store.migrate import MIGRATIONS, alembic_config, upgrade_with
from espalier.store.session import open_engine


def generate(revision: str, words: str, *, again: bool = False) -> Path:
    """Write `versions/<revision>_<words>.py` and return its path; `again` replaces the file of this revision.

    Raises FileExistsError.
    """
    from alembic import command

    for old in (MIGRATIONS / "versions").glob(f"{revision}_*.py"):
        if not again:
            raise FileExistsError(old)
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/draft.db")
        with engine.begin() as db:
            config = alembic_config(db)
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            if any((MIGRATIONS / "versions").glob("[0-9]*_*.py")):
                upgrade_with(db)
            command.revision(config, message=words, rev_id=revision, autogenerate=True)
        engine.dispose()
    (written,) = (MIGRATIONS / "versions").glob(f"{revision}_*.py")
    for step in ("check --select I --fix", "format"):
        subprocess.run([sys.executable, "-m", "ruff", *step.split(), "--quiet", str(written)], check=True)
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m espalier.store.migrations.generate", description=__doc__)
    parser.add_argument("revision", help="four digits, one more than the newest")
    parser.add_argument("words", help="what changes, in a few words")
    parser.add_argument("--again", action="store_true", help="replace the file of this revision")
    arguments = parser.parse_args()
    print(generate(arguments.revision, arguments.words, again=arguments.again))
