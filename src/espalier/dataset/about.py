"""What a report and a data card say of a data set beside its figures: its name, its licence, where it comes from.

Values that somebody knows who made the files; nothing here is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class CardFile:
    """A file that stands beside the card. `config`: under which name a hub opens it, None where it does not.

    path: from the card's folder. split: train, validation or test. says: a few words on what it holds.
    """

    path: str
    says: str = ""
    config: str | None = None
    split: str = "train"
    lines: int | None = None


@dataclass(frozen=True, slots=True)
class About:
    """`name`: its one-line title. `licence`: an identifier as hubs know it, such as apache-2.0, or any other name, as
    which the card gives one of its own; None for none named. licence_url: where it can be read.

    sources: the files, or the campaign, that it was made of. filters: the conditions under which messages were kept,
    in the words of `--where`. made: the day, where it is to be said. sections: more for the card, as a heading and
    Markdown each (how it was collected, consent, policy).
    """

    name: str
    summary: str = ""
    licence: str | None = None
    licence_url: str | None = None
    sources: Sequence[str] = ()
    filters: Sequence[str] = ()
    made: date | None = None
    homepage: str | None = None
    sections: Sequence[tuple[str, str]] = field(default=())
