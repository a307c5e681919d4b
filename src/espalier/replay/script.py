"""What is still to be said, judged and ordered; and from a task, as the API hands it out, the answer to give.

Knows messages by the thread of texts above them, as a volunteer does; knows no ids, no people and no HTTP.
"""

import unicodedata
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from espalier.domain.lifecycle import Command
from espalier.domain.message import Role
from espalier.domain.policy import Policy
from espalier.domain.tree import STOPPED, State
from espalier.domain.work import ACT_OF, Act, Kind
from espalier.replay.original import Original, OriginalTree, said_again
from espalier.replay.votes import Vote, votes_for

Json = Mapping[str, Any]
NOT_RANKED: Final = frozenset({State.RANKING, State.BACKLOG_RANKING})
"""Trees that shall end so are not ranked, for that would finish them."""
ENDED_BY: Final = {State.HALTED_BY_MODERATOR: Command.HALT, State.ABORTED_LOW_GRADE: Command.ABORT}


def spelled(text: str) -> str:
    """A text as the campaign keeps it: what one sends and what one is shown must be the same."""
    return unicodedata.normalize("NFC", text).strip()


def opening(tree: OriginalTree) -> tuple[str, str]:
    """By what a volunteer recognises a tree."""
    return tree.lang, spelled(tree.root.text)


@dataclass(eq=False, slots=True)
class Play:
    """What is left to do for a tree. `unjudged`: all votes that are not given; `judging`: those for what was said.

    `patience`: how often its last message may still wait for one that is to be refused.
    """

    original: OriginalTree
    patience: int
    unsaid: int = 0
    unjudged: int = 0
    unranked: int = 0
    judging: int = 0
    prompt_unjudged: int = 0
    to_refuse: list["Line"] = field(default_factory=list)
    to_accept: int = 0
    drawn: bool = False

    @property
    def left(self) -> int:
        return self.unsaid + self.unjudged + self.unranked

    def give_up_if_full(self) -> None:
        """What was to be refused and has not been said when a tree is complete finds no place any more."""
        if self.to_accept or self.judging or self.original.stays_open:
            return
        self.unsaid -= len(self.to_refuse)
        self.unjudged -= sum(len(line.votes) for line in self.to_refuse)
        self.to_refuse.clear()

    def order_due(self) -> Command | None:
        """What an administrator has to order at this point; a draw is due only once."""
        original = self.original
        if self.prompt_unjudged or original.root.accepted is not True:
            return None
        if original.drawn and not self.drawn:
            self.drawn = True
            return Command.DRAW
        return ENDED_BY.get(original.state) if not self.left else None


def order_towards(original: OriginalTree, state: State) -> Command | None:
    """What brings a tree that came to rest in this state nearer to where its original is; None if nothing does."""
    if state is original.state:
        return None
    if state is State.PROMPT_LOTTERY_WAITING and original.drawn:
        return Command.DRAW
    if state is State.RANKING and original.state is State.BACKLOG_RANKING:
        return Command.PARK
    return ENDED_BY.get(original.state) if state not in STOPPED else None


@dataclass(eq=False, slots=True)
class Line:
    """A message that is to be said once. `below`: the one that it replies to."""

    text: str
    original: Original
    votes: tuple[Vote, ...]
    below: "Line | None"

    @property
    def turn(self) -> int:
        """Smaller is said earlier: once enough is accepted, a tree takes no more; what is never decided comes last."""
        if self.original.accepted is None:
            return 3
        if self.original.accepted is False:
            return 0
        return 1 if any(message.accepted is False for message in self.original.walk()) else 2


@dataclass(eq=False, slots=True)
class Spot:
    """A place in a thread and all lines that say the same there, one after the other.

    While one is judged the next one waits, so that each gets its own votes though nobody can tell them apart.
    `untaken`: votes that nobody has in hand. `judging`: how many are not yet given.
    """

    play: Play
    prompt: bool
    unsaid: list[Line] = field(default_factory=list)
    untaken: deque[Vote] = field(default_factory=deque)
    judging: int = 0
    ranks: list[int | None] = field(default_factory=list)
    replies: dict[str, "Spot"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send for a task; the line or vote in it is reserved until it was `kept` or is `withdrawn`."""

    form: Json
    spot: Spot
    line: Line | None = None
    vote: Vote | None = None


class Script:
    """All that the trees of a file say, and how much of it was said again."""

    def __init__(self, trees: Sequence[OriginalTree], policy: Policy, rng: Random, patience: int = 8) -> None:
        self.policy = policy
        self.rng = rng
        self.plays = [Play(tree, patience) for tree in trees]
        self.prompts: dict[tuple[str, str], Spot] = {}
        for play in self.plays:
            self._learn_tree(play)
        self.total = sum(play.left for play in self.plays)

    def _learn_tree(self, play: Play) -> None:
        tree = said_again(play.original)
        known = self.prompts.get(opening(tree))
        if known is not None:
            raise ValueError(f"The trees {known.play.original.id} and {tree.id} begin with the same prompt.")
        spot = self.prompts[opening(tree)] = Spot(play, prompt=True)
        self._learn(spot, tree.root, below=None)
        play.prompt_unjudged = len(spot.unsaid[0].votes)

    def _learn(self, spot: Spot, message: Original, below: Line | None) -> None:
        line = Line(spelled(message.text), message, votes_for(message, self.policy, prompt=spot.prompt), below)
        spot.unsaid.append(line)
        if message.stands:
            spot.ranks.append(message.rank)
        play = spot.play
        play.unsaid += 1
        play.unjudged += len(line.votes)
        if message.accepted is False:
            play.to_refuse.append(line)
        elif message.accepted:
            play.to_accept += 1
        if self._is_ranked(play, message):
            play.unranked += self.policy.num_required_rankings
        for reply in self.rng.sample(message.replies, len(message.replies)):
            place = spot.replies.setdefault(spelled(reply.text), Spot(play, prompt=False))
            self._learn(place, reply, line)

    def _is_ranked(self, play: Play, parent: Original) -> bool:
        of_interest = parent.role is Role.PROMPTER or self.policy.rank_prompter_replies
        several = sum(reply.stands for reply in parent.replies) >= 2
        return of_interest and several and not play.original.stays_open and play.original.state not in NOT_RANKED

    @property
    def langs(self) -> list[str]:
        return sorted({lang for lang, _ in self.prompts})

    @property
    def left(self) -> int:
        return sum(play.left for play in self.plays)

    def plant(self, play: Play) -> Answer:
        """The prompt of a tree, to be planted by an administrator."""
        spot = self.prompts[opening(play.original)]
        line = spot.unsaid[0]
        _reserve(spot, line)
        return Answer({"text": line.text}, spot, line=line)

    def answer(self, task: Json) -> Answer | None:
        """What to answer; None when the originals have nothing more to say to this."""
        spot = self._spot(task["thread"])
        if spot is None:
            return None
        match ACT_OF[Kind(task["kind"])]:
            case Act.REPLY:
                return _reply(spot)
            case Act.LABEL:
                return _vote(spot, [label["name"] for label in task["labels"]])
            case Act.RANK:
                return _ranking(spot, task["replies"])

    def _spot(self, thread: Sequence[Json]) -> Spot | None:
        """Where the last message of a thread stands; None for a conversation of somebody else."""
        if not thread:
            return None
        spot = self.prompts.get((thread[0]["lang"], thread[0]["text"]))
        for turn in thread[1:]:
            spot = spot.replies.get(turn["text"]) if spot else None
        return spot

    def kept(self, answer: Answer) -> None:
        """It was sent and counts."""
        spot, play = answer.spot, answer.spot.play
        if answer.line is not None:
            play.unsaid -= 1
        elif answer.vote is not None:
            spot.judging -= 1
            play.judging -= 1
            play.unjudged -= 1
            play.prompt_unjudged -= spot.prompt
            play.give_up_if_full()
        else:
            play.unranked = max(0, play.unranked - 1)

    def withdrawn(self, answer: Answer) -> None:
        """It does not count, so it has to be sent once more."""
        spot, line = answer.spot, answer.line
        if line is not None:
            spot.unsaid.append(line)
            spot.judging -= len(line.votes)
            spot.play.judging -= len(line.votes)
            for vote in line.votes:
                spot.untaken.remove(vote)
            if line.original.accepted is False:
                spot.play.to_refuse.append(line)
            elif line.original.accepted:
                spot.play.to_accept += 1
        elif answer.vote is not None:
            spot.untaken.appendleft(answer.vote)


def _reserve(spot: Spot, line: Line) -> None:
    spot.unsaid.remove(line)
    spot.untaken.extend(line.votes)
    spot.judging += len(line.votes)
    spot.play.judging += len(line.votes)
    if line.original.accepted is False:
        spot.play.to_refuse.remove(line)
    elif line.original.accepted:
        spot.play.to_accept -= 1


def _reply(parent: Spot) -> Answer | None:
    ready = [(spot, line) for spot in parent.replies.values() if not spot.judging for line in spot.unsaid]
    if not ready:
        return None
    spot, line = min(ready, key=lambda each: each[1].turn)
    if _ends_too_early(line, spot.play):
        spot.play.patience -= 1
        return None
    _reserve(spot, line)
    return Answer({"text": line.text, "confirm_language": True}, spot, line=line)


def _ends_too_early(line: Line, play: Play) -> bool:
    """Whether this line would fill the tree while elsewhere replies wait to be said that are to be refused."""
    last = line.original.stands and play.to_accept == 1 and not play.original.stays_open
    return last and play.patience > 0 and any(refused.below is not line for refused in play.to_refuse)


def _vote(spot: Spot, offered: Sequence[str]) -> Answer | None:
    if not spot.untaken:
        return None
    vote = spot.untaken.popleft()
    return Answer(vote.form(offered), spot, vote=vote)


def _ranking(parent: Spot, replies: Sequence[Json]) -> Answer | None:
    """The order of the file; what it gives no rank comes last, together. If it ranks nothing, neither do we."""
    if parent.play.original.state in NOT_RANKED:
        return None
    ranks = {text: deque(sorted(spot.ranks, key=_last_if_none)) for text, spot in parent.replies.items()}
    groups: dict[int | None, list[str]] = {}
    for reply in replies:
        left = ranks.get(reply["text"])
        groups.setdefault(left.popleft() if left else None, []).append(reply["handle"])
    if groups.keys() == {None}:
        return Answer({"order": [], "not_rankable": True}, parent)
    return Answer({"order": [groups[rank] for rank in sorted(groups, key=_last_if_none)]}, parent)


def _last_if_none(rank: int | None) -> tuple[bool, int]:
    return rank is None, rank or 0
