"""Files of battles between models: FastChat's, of people (`model_a`, `model_b`, `winner`) and of judges that were asked
in both orders (`model_1`, `model_2`, `g1_winner`, `g2_winner`); and rows of `question`, `first`, `second`, `verdict`.

Knows files; does not rate.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from espalier.dataset.examples import ASSISTANT, Battle, Turns, spelled
from espalier.dataset.findings import Code, Finding, Report, ignore
from espalier.dataset.lines import objects
from espalier.dataset.records import Malformed
from espalier.dataset.spellings import example
from espalier.evaluate.questions import rows
from espalier.rating.battles import Judged

WON: Final[Mapping[str, float]] = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5, "tie (bothbad)": 0.5}
WINNERS: Final[Mapping[str, str]] = {
    "first": "model_a", "second": "model_b", "tie": "tie", "model_1": "model_a", "model_2": "model_b",
}  # fmt: skip
TURNED: Final[Mapping[str, str]] = {"model_a": "model_b", "model_b": "model_a"}
GAMES: Final = ("g1_winner", "g2_winner")


class Unsaid(StrEnum):
    """Why there is no verdict: the judge said nothing that can be read, or would not judge."""

    UNPARSED = "error"  # as FastChat has it
    REFUSED = "refused"


UNSAID: Final[Mapping[str, Unsaid]] = {
    "error": Unsaid.UNPARSED, "unparsed": Unsaid.UNPARSED, "refused": Unsaid.REFUSED,
}  # fmt: skip
"""What stands where a winner should."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """battle: the judge saw `model_a` first; where there is no verdict its winner says why. characters: of both
    answers, where they are known. declined: the models whose answers were seen refusing to do what was asked.
    """

    battle: Battle
    characters: tuple[int, int] | None = None
    declined: frozenset[str] = frozenset()

    @property
    def unsaid(self) -> Unsaid | None:
        return UNSAID.get(self.battle.winner)

    @property
    def counts(self) -> bool:
        """Whether it is rated: there is a verdict, and it is none on a refusal."""
        return not self.unsaid and not self.declined

    @property
    def judged(self) -> Judged:
        """As it is rated: verdicts of other judges, and on other turns, are other rounds."""
        of = self.battle
        about = f"{of.judge or ''}, turn {of.turn}"
        return Judged(of.question_id, of.model_a, of.model_b, WON[of.winner], about, self.characters)


def verdict_of(battle: Battle) -> Verdict:
    """With the characters of the last answers, where the battle tells them."""
    both = battle.conversations
    return Verdict(battle, (_characters(both[0]), _characters(both[1])) if both else None)


def refusals(verdicts: Iterable[Verdict]) -> dict[str, tuple[int, int]]:
    """Of each model, how often its answer was seen refusing, and how often it was seen."""
    seen, refused = Counter[str](), Counter[str]()
    for each in verdicts:
        seen.update((each.battle.model_a, each.battle.model_b))
        refused.update(each.declined)
    return {model: (refused[model], seen[model]) for model in sorted(seen)}


def _characters(turns: Turns) -> int:
    return next((len(turn.content) for turn in reversed(turns) if turn.role == ASSISTANT), 0)


def written(verdict: Verdict) -> dict[str, Any]:
    """As FastChat has it, with the lengths of the answers where not the answers themselves."""
    said = spelled(verdict.battle)
    if verdict.characters and not verdict.battle.conversations:
        said["first_characters"], said["second_characters"] = verdict.characters
    if verdict.declined:
        said["declined"] = sorted(verdict.declined)
    return said


def read_verdicts(path: Path, report: Report = ignore) -> Iterator[Verdict]:
    """Every verdict in a file of any kind, each order of a pair by itself. Lines that are no battles are reported.

    Raises BadSet where a table of text cannot be read.
    """
    for line, given in _rows(path, report):
        try:
            yield from _verdicts(given)
        except Malformed as wrong:
            report(Finding(Code.WRONG_VALUE, str(path), line, wrong.path, wrong.reason, lost=True))


def _verdicts(given: Mapping[str, Any]) -> Iterator[Verdict]:
    if "g1_winner" in given and "g2_winner" in given:  # the second game has the sides changed
        one, other = (_single({**given, "winner": given[game]}, "model_1", "model_2") for game in GAMES)
        yield one
        yield _turned(other)
    elif "verdict" in given:
        yield _single({**given, "winner": given["verdict"]}, "first", "second")
    else:
        yield _single(given, "model_a", "model_b")


def _single(given: Mapping[str, Any], one: str, other: str) -> Verdict:
    """One verdict, whose models stand under these names. Raises Malformed."""
    winner = str(given.get("winner"))
    named = {"model_a": given.get(one), "model_b": given.get(other), "question_id": given.get("question", "")}
    battle = example({**named, **given, "winner": "tie" if winner in UNSAID else WINNERS.get(winner, winner)})
    assert isinstance(battle, Battle), f"{battle=}"
    if winner in UNSAID:
        battle = replace(battle, winner=UNSAID[winner])
    if battle.model_a == battle.model_b:
        raise Malformed(f"$.{other}", "is the other model too")
    lengths = [given.get(f"{side}_characters") for side in ("first", "second")]
    if all(str(each).isdecimal() for each in lengths):
        return Verdict(battle, (int(str(lengths[0])), int(str(lengths[1]))), _declined(given, battle))
    return replace(verdict_of(battle), declined=_declined(given, battle))


def _declined(given: Mapping[str, Any], battle: Battle) -> frozenset[str]:
    """Raises Malformed."""
    named = given.get("declined") or []
    if not isinstance(named, list) or not {battle.model_a, battle.model_b}.issuperset(map(str, named)):
        raise Malformed("$.declined", "must be a list of models of this battle, whose answers refuse")
    return frozenset(map(str, named))


def _turned(given: Verdict) -> Verdict:
    """The same from the other side."""
    of, both = given.battle, given.battle.conversations
    winner = TURNED.get(of.winner, of.winner)
    battle = replace(
        of, model_a=of.model_b, model_b=of.model_a, winner=winner, conversations=both and (both[1], both[0])
    )
    return Verdict(battle, given.characters and (given.characters[1], given.characters[0]), given.declined)


def _rows(path: Path, report: Report) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Lines of JSON, the members of a list, rows of Parquet or of a table of text. Raises BadSet, of the last."""
    if path.name.removesuffix(".gz").endswith(".csv"):
        yield from rows(path)
    else:
        yield from objects(path, report)
