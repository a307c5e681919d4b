"""From a published record to a tree that the campaign can hold: what can stand, and what is left out with a reason.

Pure: knows records and the domain's values, neither database nor time. What the file says of a message becomes its
baseline; votes that come with the file explain their part of it and are not counted on top.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import fsum
from typing import Any, Final

from espalier.dataset.findings import Code, Finding
from espalier.dataset.records import LabelMean, MessageRecord, TreeRecord, VoteKind, VoteRecord, date_of
from espalier.dataset.trees import messages_of
from espalier.domain.contribution import Ranked, Reacted, Reviewed
from espalier.domain.language import language_tag, usual_tag
from espalier.domain.message import Baseline, Message, Ranking, Reaction, Review, Role
from espalier.domain.policy import Policy
from espalier.domain.ranking import Candidate, consensus
from espalier.domain.tree import Shape, State, Tree, accepted, stands

UNSPOKEN: Final = "en"
"""The language of a tree whose file names none, as the published files had it."""

_ROLES: Final = frozenset(Role)
_STATES: Final = frozenset(State)
ONCE_DRAWN: Final = frozenset(
    {
        State.GROWING, State.RANKING, State.READY_FOR_SCORING, State.READY_FOR_EXPORT, State.BACKLOG_RANKING,
        State.SCORING_FAILED,
    }
)  # fmt: skip
"""States that only a tree reaches that was drawn, so that it may be resumed to grow or be parked to be ranked."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A judgement as a fact. `note`: how the file named it, and what else it said."""

    fact: Reviewed | Ranked | Reacted
    at: datetime
    person: str | None
    late: bool
    counted: bool
    note: Mapping[str, object]


@dataclass(slots=True)
class Sapling:
    """A tree as a file tells it, before the life cycle has looked at it.

    `columns`: by message, what only the file knows of it; `lines`: where it stands there. `said_state`: the state that
    the file or the order to park it gives; `said_ranks`: the ranks of the file.
    """

    tree: Tree
    extra: str | None
    columns: dict[str, dict[str, object]]
    said_state: State
    said_ranks: dict[str, int]
    lines: dict[str, int]
    votes: list[Vote] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def people(self) -> set[str]:
        """Everybody who wrote or voted."""
        authors = {message.author for message in self.tree.messages.values()}
        return {person for person in authors | {vote.person for vote in self.votes} if person is not None}


class CannotStand(Exception):
    """A record of which no tree can be made; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Source:
    """Where records come from and how they are taken in. `as_backlog`: what can be ranked is parked for it."""

    file: str
    origin: str | None = None
    as_backlog: bool = False


def sapling(
    record: TreeRecord,
    votes: Mapping[str, Sequence[VoteRecord]],
    taken: Collection[str],
    policy: Policy,
    version: int,
    source: Source,
    now: datetime,
) -> Sapling:
    """The tree that a record tells of. `taken`: ids of messages that the campaign has already. Raises CannotStand."""
    findings: list[Finding] = []
    state = _state(record, source)
    lang = lang_of(record)
    if lang is None:
        raise CannotStand(
            _finding(source, record, Code.WRONG_VALUE, "$.prompt.lang", f"{record.prompt.lang!r} is no language")
        )  # fmt: skip
    standing = _standing(record, taken, source, findings)
    messages = _in_order(_granted(_message(each, parent, depth, now), each, state) for each, parent, depth in standing)
    root_id = record.prompt.message_id
    if record.message_tree_id != root_id:
        reason = f"the tree is imported under the id of its prompt, {root_id}"
        findings.append(_finding(source, record, Code.WRONG_TREE_ID, "$.message_tree_id", reason))
    tree = Tree(
        id=root_id,
        lang=lang,
        shape=_shape(messages, policy),
        state=state,
        policy=version,
        messages=messages,
        won_lottery=state in ONCE_DRAWN or len(messages) > 1,
        parked=state if state in (State.RANKING, State.BACKLOG_RANKING) else None,
        deletions={message.id: state for message in messages.values() if message.deleted},
        origin=record.origin if record.origin is not None else source.origin,
    )
    made = Sapling(
        tree=tree,
        extra=json.dumps(record.extra) if record.extra else None,
        columns={each.message_id: _columns(each) for each, _, _ in standing},
        said_state=state,
        said_ranks={each.message_id: each.rank for each, parent, _ in standing if parent and each.rank is not None},
        lines={each.message_id: each.line for each, _, _ in standing},
        findings=findings,
    )
    _check_labels(standing, source, findings)
    if votes:
        _explain(made, votes, source, now)
    return made


def lang_of(record: TreeRecord) -> str | None:
    """The language of the tree; None for what is none."""
    return language_tag(record.prompt.lang or UNSPOKEN)


def _finding(
    source: Source, record: TreeRecord | MessageRecord | VoteRecord, code: Code, path: str, reason: str
) -> Finding:
    return Finding(code, source.file, record.line, path, reason)


def _state(record: TreeRecord, source: Source) -> State:
    """The state of the file; a tree without one is finished, a prompt alone as far as its reviews say."""
    spelled = record.tree_state
    if spelled is None:
        waiting = State.PROMPT_LOTTERY_WAITING if record.prompt.review_result else State.INITIAL_PROMPT_REVIEW
        state = State.READY_FOR_EXPORT if record.prompt.replies else waiting
    elif spelled in _STATES:
        state = State(spelled)
    else:
        reason = f"there is no state {spelled!r}"
        raise CannotStand(_finding(source, record, Code.UNKNOWN_STATE, "$.tree_state", reason))
    return State.BACKLOG_RANKING if source.as_backlog and state in ONCE_DRAWN else state


Standing = tuple[MessageRecord, MessageRecord | None, int]
"""A message that can stand, its parent, its depth."""


def _standing(record: TreeRecord, taken: Collection[str], source: Source, findings: list[Finding]) -> list[Standing]:
    """The messages that can stand, each before its replies; what cannot is left out with everything below it."""
    if fault := _fault(record.prompt, None, taken, ()):
        raise CannotStand(_finding(source, record.prompt, *fault))
    standing: list[Standing] = []
    seen: set[str] = set()
    waiting: list[Standing] = [(record.prompt, None, 0)]
    while waiting:
        message, parent, depth = waiting.pop()
        if fault := _fault(message, parent, taken, seen):
            code, path, reason = fault
            below = sum(1 for _ in messages_of(TreeRecord("", message))) - 1
            reason += f"; {message.message_id} is left out" + (f" with {below} below it" if below else "")
            findings.append(_finding(source, message, code, path, reason))
            continue
        seen.add(message.message_id)
        standing.append((message, parent, depth))
        waiting.extend((reply, message, depth + 1) for reply in reversed(message.replies))
    return standing


def _fault(
    message: MessageRecord, parent: MessageRecord | None, taken: Collection[str], seen: Collection[str]
) -> tuple[Code, str, str] | None:
    """Why a message cannot stand in this place; None when it can."""
    role = parent.role if parent else None
    if message.role not in _ROLES:
        return Code.UNKNOWN_ROLE, "$.role", f"there is no role {message.role!r}"
    if message.role == role or (role is None and message.role != Role.PROMPTER):
        return Code.WRONG_ROLE, "$.role", f"{message.role} follows {role or 'nothing'}, but roles must alternate"
    if message.message_id in seen or message.message_id in taken:
        where = "earlier in this tree" if message.message_id in seen else "in the campaign already"
        return Code.DUPLICATE_ID, "$.message_id", f"a message with the id {message.message_id} is {where}"
    if "\0" in message.text:
        return Code.NUL_CHARACTER, "$.text", "the text holds a NUL character, which no database keeps"
    return None


def _message(record: MessageRecord, parent: MessageRecord | None, depth: int, now: datetime) -> Message:
    deleted = bool(record.deleted)
    late = record.extra.get("late") is True
    return Message(
        id=record.message_id,
        parent_id=parent.message_id if parent else None,
        role=Role(record.role),
        author=record.user_id,
        at=_date(record.created_date, now),
        lang=usual_tag(record.lang or (parent.lang if parent else None) or UNSPOKEN),
        text=record.text,
        depth=depth,
        late=late,
        synthetic=bool(record.synthetic),
        model_name=record.model_name,
        deleted=deleted,
        tombstone=deleted and not record.text and record.user_id is None,
        accepted=None if late else record.review_result,
        baseline=Baseline(
            record.review_count or 0,
            _means(record.labels) if record.labels else {},
            dict(record.emojis or {}),
            record.rank if parent else None,
        ),
    )


def _granted(message: Message, record: MessageRecord, state: State) -> Message:
    """The message, accepted where the file leaves it open and the state says that it must have been.

    Only an accepted prompt waits for the lottery or grows. Of what is parked to be ranked and tells of no reviews,
    samples of a model say, none are wanted: it is there to be ranked.
    """
    decided = state in (State.PROMPT_LOTTERY_WAITING, State.GROWING) and message.parent_id is None
    unreviewed = state is State.BACKLOG_RANKING and record.review_count is None
    if message.accepted is None and not message.late and (decided or unreviewed):
        return replace(message, accepted=True)
    return message


def _means(labels: Mapping[str, LabelMean]) -> dict[str, tuple[float, int]]:
    return {name: (said["value"], said["count"]) for name, said in labels.items() if 0 <= said["value"] <= 1}


def _date(spelled: str | None, now: datetime) -> datetime:
    try:
        return date_of(spelled) if spelled else now
    except (ValueError, OverflowError):
        return now


def _in_order(messages: Iterable[Message]) -> dict[str, Message]:
    """The messages in the order in which they arrived, but none before its parent."""
    arrived: dict[str, datetime] = {}
    given = list(messages)
    for message in given:
        above = arrived.get(message.parent_id or "")
        arrived[message.id] = message.at if above is None else max(above, message.at)
    given.sort(key=lambda message: (arrived[message.id], message.depth))
    return {message.id: message for message in given}


def _shape(messages: Mapping[str, Message], policy: Policy) -> Shape:
    """The policy's shape, widened to what the tree holds."""
    widest = {Role.PROMPTER: 0, Role.ASSISTANT: 0}
    replies: dict[str, int] = {}
    for message in messages.values():
        if message.parent_id is not None and stands(message) and not message.deleted:
            replies[message.parent_id] = replies.get(message.parent_id, 0) + 1
    for parent_id, count in replies.items():
        role = messages[parent_id].role
        widest[role] = max(widest[role], count)
    usual = policy.shape(policy.goal_tree_size)
    return Shape(
        max_tree_depth=max(usual.max_tree_depth, *(message.depth for message in messages.values())),
        max_children_count=max(usual.max_children_count, widest[Role.PROMPTER]),
        num_prompter_replies=max(usual.num_prompter_replies, widest[Role.ASSISTANT]),
        goal_tree_size=max(
            usual.goal_tree_size, sum(accepted(message) and not message.deleted for message in messages.values())
        ),
    )


NO_DATE: Final = ""
"""What is stored as the spelling of a date that the file did not give: it is not made up on export."""


def _columns(record: MessageRecord) -> dict[str, object]:
    """What an export needs to say the same again."""
    extra = dict(record.extra)
    for name in ("emojis", "labels"):
        if getattr(record, name) == {}:
            extra[name] = {}
    return {
        "created_date": record.created_date if record.created_date is not None else NO_DATE,
        "extra": json.dumps(extra) if extra else None,
    }


def _check_labels(standing: Sequence[Standing], source: Source, findings: list[Finding]) -> None:
    for record, _, _ in standing:
        for name, said in (record.labels or {}).items():
            if not 0 <= said["value"] <= 1:
                reason = f"is {said['value']}, not from 0 to 1; the label is left out"
                path = f"$.labels.{name}.value"
                findings.append(_finding(source, record, Code.LABEL_OUT_OF_RANGE, path, reason))


# Votes


def _explain(made: Sapling, votes: Mapping[str, Sequence[VoteRecord]], source: Source, now: datetime) -> None:
    """Attach the votes of the tree's messages and take out of the baseline what they explain."""
    messages = {}
    lines: dict[str, int] = {}
    for message_id, message in made.tree.messages.items():
        own = []
        for record in votes.get(message_id, ()):
            vote, reason = _vote(record, made.tree, now)
            if vote is not None:
                own.append(vote)
                lines[record.vote_id] = record.line
            if reason is not None:
                made.findings.append(_finding(source, record, Code.WRONG_VALUE, "$.value", reason))
        messages[message_id] = _less_reactions(_less_reviews(message, own), own)
        made.votes += own
    # The log has them as they came, not message by message.
    made.votes.sort(key=lambda vote: (vote.at, lines[str(vote.note["vote_id"])]))
    made.tree = _less_orders(replace(made.tree, messages=messages), made.votes)


def _vote(record: VoteRecord, tree: Tree, now: datetime) -> tuple[Vote | None, str | None]:
    """The vote as a fact, or why it is left out, or what of it is."""
    at = _date(record.created_date, now)
    late = record.extra.get("late") is True
    counted = record.extra.get("counted") is not False
    full = record.extra.get("full") is not False
    rest = {name: value for name, value in record.extra.items() if name not in ("late", "counted", "full")}
    note: dict[str, object] = {"vote_id": record.vote_id, **({"extra": rest} if rest else {})}
    fact: Reviewed | Ranked | Reacted
    reason = None
    match record.kind:
        case VoteKind.LABELS:
            fact = Reviewed(record.subject, Review(0, record.voter, at, record.value, full, late, counted))
        case VoteKind.REACTION:
            fact = Reacted(record.subject, Reaction(record.voter, record.value))
        case _:
            replies = {message.id for message in tree.messages.values() if message.parent_id == record.subject}
            order = [tuple(reply for reply in group if reply in replies) for group in record.value]
            kept = tuple(group for group in order if group)
            if sum(map(len, kept)) < sum(map(len, record.value)):
                reason = f"ranks messages that are no replies to {record.subject}; they are left out of the ballot"
            if record.value and not kept:
                return None, reason
            fact = Ranked(record.subject, Ranking(0, record.voter, at, kept, not record.value, late, counted))
    return Vote(fact, at, record.voter, late, counted, note), reason


def _less_reviews(message: Message, votes: Iterable[Vote]) -> Message:
    assert message.baseline is not None
    given = [vote.fact.review.labels for vote in votes if isinstance(vote.fact, Reviewed) and vote.counted]
    if not given:
        return message
    labels: dict[str, tuple[float, int]] = {}
    for name, (mean, count) in message.baseline.labels.items():
        said = [value for labels_given in given if (value := labels_given.get(name)) is not None]
        if count > len(said):
            left = (mean * count - fsum(said)) / (count - len(said))
            labels[name] = (min(1.0, max(0.0, left)), count - len(said)) if said else (mean, count)
    count = max(0, message.baseline.review_count - len(given))
    return replace(message, baseline=replace(message.baseline, review_count=count, labels=labels))


def _less_reactions(message: Message, votes: Iterable[Vote]) -> Message:
    assert message.baseline is not None
    named: set[Reaction] = set()
    emojis = dict(message.baseline.emojis)
    for vote in votes:
        if not isinstance(vote.fact, Reacted):
            continue
        reaction = vote.fact.reaction
        if reaction.person is not None and reaction in named:
            continue
        named.add(reaction)
        emojis[reaction.emoji] = emojis.get(reaction.emoji, 0) - 1
    if not named:
        return message
    left = {emoji: count for emoji, count in emojis.items() if count > 0}
    return replace(message, baseline=replace(message.baseline, emojis=left))


def _less_orders(tree: Tree, votes: Iterable[Vote]) -> Tree:
    """Drop the file's order of siblings where the ballots alone give it: then they explain it."""
    ballots: dict[str, list[Ranking]] = {}
    for vote in votes:
        if isinstance(vote.fact, Ranked) and vote.counted and not vote.fact.ranking.not_rankable:
            ballots.setdefault(vote.fact.parent_id, []).append(vote.fact.ranking)
    messages = dict(tree.messages)
    live = tree.live()
    for parent_id, rankings in ballots.items():
        replies = [message for message in messages.values() if message.parent_id == parent_id]
        ranked = [reply for reply in replies if reply.id in live and _rank(reply) is not None]
        candidates = [Candidate(reply.id, reply.at) for reply in replies if reply.id in live and accepted(reply)]
        found = consensus(candidates, [(ranking.order, 1) for ranking in rankings])
        if sorted(found, key=found.__getitem__) == [reply.id for reply in sorted(ranked, key=_rank_or_last)]:
            for reply in replies:
                assert reply.baseline is not None
                messages[reply.id] = replace(reply, baseline=replace(reply.baseline, rank=None))
    return replace(tree, messages=messages)


def _rank(message: Message) -> int | None:
    return message.baseline.rank if message.baseline else None


def _rank_or_last(message: Message) -> Any:
    rank = _rank(message)
    return (rank is None, rank)
