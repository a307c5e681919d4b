"""What a tree could use now, who may do it, and the task that a volunteer is handed.

Knows no leases: `needs` says how many contributions a place wants, not how many people hold it at the moment.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from espalier.domain.message import Label, Message, Role, SkipOf
from espalier.domain.policy import Policy
from espalier.domain.review import required_reviews
from espalier.domain.tree import State, Tree, accepted, awaits_review, differing, stands


class Kind(StrEnum):
    INITIAL_PROMPT = "initial_prompt"
    PROMPTER_REPLY = "prompter_reply"
    ASSISTANT_REPLY = "assistant_reply"
    LABEL_INITIAL_PROMPT = "label_initial_prompt"
    LABEL_PROMPTER_REPLY = "label_prompter_reply"
    LABEL_ASSISTANT_REPLY = "label_assistant_reply"
    RANK_ASSISTANT_REPLIES = "rank_assistant_replies"
    RANK_PROMPTER_REPLIES = "rank_prompter_replies"


class Act(StrEnum):
    """The three things that one person does at most once to one message."""

    REPLY = "reply"
    LABEL = "label"
    RANK = "rank"


ACT_OF: Final[Mapping[Kind, Act]] = {
    Kind.PROMPTER_REPLY: Act.REPLY,
    Kind.ASSISTANT_REPLY: Act.REPLY,
    Kind.LABEL_INITIAL_PROMPT: Act.LABEL,
    Kind.LABEL_PROMPTER_REPLY: Act.LABEL,
    Kind.LABEL_ASSISTANT_REPLY: Act.LABEL,
    Kind.RANK_ASSISTANT_REPLIES: Act.RANK,
    Kind.RANK_PROMPTER_REPLIES: Act.RANK,
}
LESSON_OF: Final[Mapping[Kind, str]] = {
    Kind.INITIAL_PROMPT: "prompt",
    Kind.PROMPTER_REPLY: "follow_up",
    Kind.ASSISTANT_REPLY: "answer",
    Kind.LABEL_INITIAL_PROMPT: "review",
    Kind.LABEL_PROMPTER_REPLY: "review",
    Kind.LABEL_ASSISTANT_REPLY: "review",
    Kind.RANK_ASSISTANT_REPLIES: "order",
    Kind.RANK_PROMPTER_REPLIES: "order",
}
"""What is practised before the first task of a kind."""
SKIP_OF: Final[Mapping[Act, SkipOf]] = {
    Act.REPLY: SkipOf.REPLY,
    Act.LABEL: SkipOf.LABELING,
    Act.RANK: SkipOf.RANKING,
}
ACT_SKIPPED: Final[Mapping[SkipOf, Act]] = {skip: act for act, skip in SKIP_OF.items()}


@dataclass(frozen=True, slots=True)
class Work:
    """A place that wants `needs` more contributions. `subject`: the message to label, answer, or whose replies to rank.

    `budget`: of a reply, how many more messages the whole tree can take; else the same as `needs`.
    `lonely`: a prompter message with few replies, preferred for the next one. `author`: of the subject.
    """

    kind: Kind
    subject: str
    lang: str
    needs: int
    budget: int
    author: str | None
    lonely: bool = False


def open_work(tree: Tree, policy: Policy) -> dict[tuple[Act, str], Work]:
    """All that the tree could use now, by act and subject."""
    question = OPEN_WORK.get(tree.state)
    return {(ACT_OF[work.kind], work.subject): work for work in question(tree, policy)} if question else {}


def _prompt_to_label(tree: Tree, policy: Policy) -> Iterator[Work]:
    root = tree.root
    if not root.deleted and awaits_review(root):
        yield from _to_label(root, Kind.LABEL_INITIAL_PROMPT, policy)


def _to_label(message: Message, kind: Kind, policy: Policy) -> Iterator[Work]:
    needs = required_reviews(message, policy) - message.review_count
    if needs > 0:
        yield Work(kind, message.id, message.lang, needs, needs, message.author)


def _growth(tree: Tree, policy: Policy) -> Iterator[Work]:
    live = tree.live()
    for message in live.values():
        if message.parent_id is not None and awaits_review(message):
            assistant = message.role is Role.ASSISTANT
            kind = Kind.LABEL_ASSISTANT_REPLY if assistant else Kind.LABEL_PROMPTER_REPLY
            yield from _to_label(message, kind, policy)
    budget = tree.shape.goal_tree_size - sum(stands(message) for message in live.values())
    if budget <= 0:
        return
    replies = dict.fromkeys(live, 0)
    for message in live.values():
        if message.parent_id is not None and stands(message):
            replies[message.parent_id] += 1
    for parent in live.values():
        places = tree.shape.places_under(parent.role) - replies[parent.id]
        if accepted(parent) and parent.depth < tree.shape.max_tree_depth and places > 0:
            prompter = parent.role is Role.PROMPTER
            lonely = prompter and 0 < replies[parent.id] < policy.lonely_children_count
            kind = Kind.ASSISTANT_REPLY if prompter else Kind.PROMPTER_REPLY
            yield Work(kind, parent.id, parent.lang, min(places, budget), budget, parent.author, lonely)


def to_rank(tree: Tree, policy: Policy) -> Iterator[tuple[Message, list[Message], int]]:
    """Each parent whose replies want an order, its rankable replies, and how many rankings it still needs."""
    live = tree.live()
    siblings: dict[str, list[Message]] = {}
    for message in live.values():
        if message.parent_id is not None and accepted(message):
            siblings.setdefault(message.parent_id, []).append(message)
    for parent_id, replies in siblings.items():
        parent = live[parent_id]
        if len(replies) >= 2 and (parent.role is Role.PROMPTER or policy.rank_prompter_replies):
            done = sum(ranking.counted for ranking in tree.rankings.get(parent_id, ()))
            # One ranked reply alone is no order.
            if sum(reply.baseline is not None and reply.baseline.rank is not None for reply in replies) >= 2:
                done += policy.num_required_rankings
            yield parent, replies, max(0, policy.num_required_rankings - done)


def _replies_to_rank(tree: Tree, policy: Policy) -> Iterator[Work]:
    for parent, _, needs in to_rank(tree, policy):
        if needs:
            prompter = parent.role is Role.PROMPTER
            kind = Kind.RANK_ASSISTANT_REPLIES if prompter else Kind.RANK_PROMPTER_REPLIES
            yield Work(kind, parent.id, parent.lang, needs, needs, parent.author)


OPEN_WORK: Final = {
    State.INITIAL_PROMPT_REVIEW: _prompt_to_label,
    State.GROWING: _growth,
    State.RANKING: _replies_to_rank,
}


Done = set[tuple[str, Act, str]]
"""Who may not do what (again) with which message."""


def done_by(tree: Tree) -> Done:
    """All that these people may not do (again) in this tree.

    Nobody labels their own message, ranks a set that contains it, replies twice to one parent, does the same
    thing twice, or gets back what they skipped.
    """
    return _done(tree, tree.messages, tree.rankings)


def changed_done(before: Tree | None, after: Tree) -> tuple[Done, Done]:
    """What a change of the tree adds to that and takes from it. Something added may have been there already."""
    if before is None:
        return done_by(after), set()
    messages, parents = differing(before.messages, after.messages), differing(before.rankings, after.rankings)
    old, new = _done(before, messages, parents), _done(after, messages, parents)
    gone = old - new
    return new - old, gone - done_by(after) if gone else gone


def _done(tree: Tree, messages: Collection[str], parents: Collection[str]) -> Done:
    done: Done = set()
    for message_id in messages:
        message = tree.messages.get(message_id)
        if message is None:
            continue
        if message.author is not None:
            done.add((message.author, Act.LABEL, message.id))
            if message.parent_id is not None:
                done.add((message.author, Act.REPLY, message.parent_id))
                if stands(message):
                    done.add((message.author, Act.RANK, message.parent_id))
        for review in message.reviews:
            if review.person is not None:
                done.add((review.person, Act.LABEL, message.id))
        for skip in message.skips:
            if skip.person is not None:
                done.add((skip.person, ACT_SKIPPED[skip.what], message.id))
    for parent_id in parents:
        rankings = tree.rankings.get(parent_id, ())
        done.update((ranking.person, Act.RANK, parent_id) for ranking in rankings if ranking.person is not None)
    return done


@dataclass(frozen=True, slots=True)
class Turn:
    """A message as a volunteer sees it inside a task: no author, no origin, no rank, an opaque handle."""

    handle: str
    role: Role
    text: str
    lang: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to be ranked, as a volunteer sees it."""

    handle: str
    text: str


@dataclass(frozen=True, slots=True)
class Inspiration:
    """An idea or an article that an organiser gives to who writes a prompt. `source`: whence it is, or empty."""

    id: str
    lang: str
    title: str
    text: str
    source: str
    licence: str

    @property
    def origin(self) -> str:
        """Of a tree whose prompt was written beside it."""
        return f"inspiration:{self.id}"


@dataclass(frozen=True, slots=True)
class Task:
    """What a volunteer is handed. `labels` ask about the last message of `thread`; `replies` come in random order.

    `inspiration`: beside a prompt to be written, if the campaign has any in its language.
    """

    id: str
    kind: Kind
    lang: str
    expires_at: datetime
    thread: tuple[Turn, ...] = ()
    replies: tuple[Reply, ...] = ()
    labels: tuple[Label, ...] = ()
    mandatory: tuple[str, ...] = ()
    mode: str | None = None
    max_characters: int | None = None
    inspiration: Inspiration | None = None
