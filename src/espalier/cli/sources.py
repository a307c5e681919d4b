"""What the commands for data sets read: a file, or a campaign as if it were one.

`campaign:` stands for the finished trees of the campaign that the settings name, `campaign:all` for all of its trees,
`campaign:growing,ranking` for those in these states. They are carried out, as one moment has them, into a folder of the
command's own, which goes when the command ends.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from espalier.cli.campaign import campaign
from espalier.cli.files import Notices, refuse_unreadable
from espalier.cli.terminal import err, fail, one_of, plural, progress
from espalier.dataset.findings import Report, ignore

CAMPAIGN: Final = "campaign:"
ALL: Final = "all"
AT_THE_END: Final = ExitStack()
"""Folders that go, and sums of what was wrong that are said; whoever runs a command closes it at the end."""
SOURCE: Final = "Trees or messages, plain, gzip or Parquet; campaign: is the campaign that the settings name."


def at_hand(source: Path) -> Path:
    """A file that can be read: the one that is named, or what a campaign says. Ends the command where there is none."""
    return _at_hand(source, None)


def at_hand_with_votes(source: Path) -> tuple[Path, Path | None]:
    """The same, and the votes on its trees where it is a campaign."""
    if not _is_campaign(source):
        return _at_hand(source, None), None
    votes = _folder() / "campaign.votes.jsonl.gz"
    return _at_hand(source, votes), votes


def notices_of(*sources: Path) -> Report:
    """Who prints what is wrong with files, and at the end of the command how much more there was; of a campaign, which
    wrote its own, nothing is new.
    """
    if all(_is_campaign(source) for source in sources):
        return ignore
    notices = Notices(verbose=False)
    AT_THE_END.callback(notices.sum_up)
    return notices


def _is_campaign(source: Path) -> bool:
    return str(source).startswith(CAMPAIGN)


def _at_hand(source: Path, votes: Path | None) -> Path:
    if not _is_campaign(source):
        if source.exists() and not (source.is_file() or source.is_dir()):
            fail(f"{source} is a stream, and a file is looked at more than once; write it to a file first.")
        refuse_unreadable(source)
        if source.name.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
            fail(
                f"{source} is a table in text; save it as JSON lines or Parquet."
                " Battles of CSV are read by `espalier evaluate battles`."
            )
        return source
    from espalier.collect.carry import Wanted, carry_out
    from espalier.domain.tree import State

    word = str(source).removeprefix(CAMPAIGN)
    states = [State.READY_FOR_EXPORT]
    if word == ALL:
        states = list(State)
    elif word:
        states = [State(one_of(each, State, "state of a tree")) for each in dict.fromkeys(word.split(","))]
    file = (votes.parent if votes else _folder()) / "campaign.trees.jsonl.gz"
    with campaign() as database, database.read() as db, progress("reading the campaign") as bar:
        carried = carry_out(db, Wanted(states), file, votes, bar)
    if not carried.trees:
        fail(f"No tree of the campaign is {' or '.join(states)}; `campaign:{ALL}` reads all of them.")
    err.print(f"The campaign: {plural(carried.trees, 'tree')} with {plural(carried.messages, 'message')}.")
    return file


def _folder() -> Path:
    return Path(AT_THE_END.enter_context(tempfile.TemporaryDirectory(prefix="espalier-")))
