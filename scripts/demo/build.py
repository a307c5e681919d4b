"""The demo trees: from the texts in this directory to the two files that the package ships.

    python scripts/demo/build.py

Who wrote, reviewed and ranked, and when, is drawn from the names of the trees, so the same texts always give the same
files. The rules of the campaign decide what is accepted, what is ranked how, and whether a tree can be in its state.
How the texts are written down: markup.py.
"""

import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from markup import POLICY, REVIEWERS, SKIPS, Entry, Sheet, Wrong, fixed_id, sheets

from espalier.domain.lifecycle import COMMANDS, Command, advance
from espalier.domain.message import (
    EMOJIS,
    LABELS,
    LIKERT_STEPS,
    LabelKind,
    Message,
    Ranking,
    Reaction,
    Review,
    Role,
    Skip,
    offered_labels,
)
from espalier.domain.review import label_means
from espalier.domain.tree import Shape, State, Tree, accepted, stands
from espalier.domain.work import to_rank
from espalier.replay.votes import spread

HERE: Final = Path(__file__).parent
PACKAGE: Final = HERE.parents[1] / "src" / "espalier" / "demo"

CAST: Final[Mapping[str, tuple[str, ...]]] = {
    name: tuple(langs.split())
    for name, langs in {
        "Amira": "ar fr en", "Anneke": "de en fr", "Beatriz": "es fr en", "Bilal": "ar en de", "Chidi": "en fr ar",
        "Dao": "th zh en", "Emil": "de es en", "Farida": "ar fr es", "Gonzalo": "es de en", "Hana": "ja ko zh",
        "Ines": "es fr de", "Jiho": "ko ja en", "Kenta": "ja en th", "Layla": "ar de es", "Mei": "zh ja ko",
        "Nok": "th zh ja", "Omar": "ar es fr", "Pim": "th ko de", "Quentin": "fr de es", "Ravi": "en ko th",
        "Soyeon": "ko ja zh", "Theo": "de fr th", "Umeko": "ja ko zh", "Wei": "zh th ko", "Yusuf": "ar ja ko",
        "Zeynep": "de es ar", "Ploy": "th ja zh", "Rosa": "es en th", "Minh": "zh th fr",
    }.items()
}  # fmt: skip
"""People and the languages in which they take part."""

# Who did it, and when


def chance(*names: str) -> float:
    """A number from 0 to 1 that is always the same for the same names."""
    return Random("/".join(names)).random()


def draw(sheet: Sheet, number: int, seed: str, besides: set[str]) -> list[str]:
    """So many of the people who take part in the language of this tree."""
    free = [person for person, langs in CAST.items() if sheet.lang in langs and person not in besides]
    if len(free) < number:
        raise Wrong(sheet.place, f"{seed} needs {number} people, but only {len(free)} are left")
    return sorted(free, key=lambda person: chance(sheet.lang, sheet.name, seed, person))[:number]


def authors(sheet: Sheet) -> dict[str, str | None]:
    """Who wrote each message: nobody answers themselves or one message twice; a model has no name."""
    by: dict[str, str | None] = {}
    for path, entry in sheet.entries.items():
        beside = {
            by[other] for other, sibling in sheet.entries.items() if other in by and sibling.parent == entry.parent
        }
        taken = {person for person in (*beside, by.get(entry.parent or "")) if person}
        again = by["."] if entry.depth and entry.role is Role.PROMPTER else None
        if entry.model:
            by[path] = None
        elif again and again not in taken and chance(sheet.id, path, "asks again") < 0.6:
            by[path] = again
        else:
            (by[path],) = draw(sheet, 1, f"{path} by", taken)
    return by


def dates(sheet: Sheet) -> dict[str, datetime]:
    """When each message came, in order of arrival: the best reply is not always the first."""
    at: dict[str, datetime] = {}
    for path, entry in sheet.entries.items():
        waited = timedelta(minutes=round(30 + 900 * chance(sheet.id, path, "waited")))
        at[path] = sheet.at if entry.parent is None else at[entry.parent] + waited
    return dict(sorted(at.items(), key=lambda pair: pair[1]))


# From a sheet to a tree


def tree_of(sheet: Sheet) -> Tree:
    """The tree with every vote, in the state that the rules give it. Raises Wrong if that is not the one it claims."""
    by = authors(sheet)
    messages = {sheet.id_of(path): _message(sheet, path, by[path], at) for path, at in dates(sheet).items()}
    grows = sheet.state not in BEFORE_GROWTH
    tree = Tree(
        id=sheet.id,
        lang=sheet.lang,
        shape=_shape(sheet, messages),
        state=State.GROWING if grows else State.INITIAL_PROMPT_REVIEW,
        policy=1,
        messages=messages,
        won_lottery=grows,
        deletions={each.id: State.GROWING for each in messages.values() if each.deleted},
    )
    tree = advance(tree, POLICY)
    _check_places(sheet, tree)
    if sheet.state in RANKED_UNTIL_NOW:
        tree = advance(replace(tree, rankings=_rankings(sheet, tree)), POLICY)
    return _as_claimed(sheet, tree)


BEFORE_GROWTH: Final = {State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING, State.ABORTED_LOW_GRADE}
RANKED_UNTIL_NOW: Final = {
    State.RANKING,
    State.READY_FOR_SCORING,
    State.SCORING_FAILED,
    State.READY_FOR_EXPORT,
}
SCORED_LATER: Final = {State.READY_FOR_SCORING, State.SCORING_FAILED}
STILL_GROWS: Final = {State.GROWING, State.HALTED_BY_MODERATOR}
BY_ORDER: Final = {State.BACKLOG_RANKING: Command.PARK, State.HALTED_BY_MODERATOR: Command.HALT}


def _as_claimed(sheet: Sheet, tree: Tree) -> Tree:
    """The tree in the state of its sheet, which it must reach by the rules, or from where it is by one order."""
    state = tree.state
    if sheet.state in BY_ORDER:
        state = COMMANDS[BY_ORDER[sheet.state]].get(state) or state
    elif sheet.state in SCORED_LATER and state is State.READY_FOR_EXPORT:
        # Scoring is one step with the last ranking; these were written down by somebody who was interrupted in it.
        unranked = {message.id: replace(message, rank=None) for message in tree.messages.values()}
        return replace(tree, state=sheet.state, messages=unranked)
    if state is not sheet.state:
        raise Wrong(sheet.place, f"by the rules, {sheet.name} is not in {sheet.state} but in {state}")
    return replace(tree, state=state)


def _shape(sheet: Sheet, messages: Mapping[str, Message]) -> Shape:
    """As the policy has it, with room for all that was written; who is past growing has reached the goal."""
    depth = max(POLICY.max_tree_depth, *(message.depth for message in messages.values()))
    goal = POLICY.goal_tree_size
    if sheet.state in STILL_GROWS:
        goal = max(goal, len(messages) + 1)
    elif sheet.state not in BEFORE_GROWTH:
        goal = 1
    return Shape(depth, POLICY.max_children_count, POLICY.num_prompter_replies, goal)


def _check_places(sheet: Sheet, tree: Tree) -> None:
    if tree.won_lottery and not accepted(tree.root):
        raise Wrong(sheet.place, f"{sheet.state} comes after a prompt was accepted, and this one was not")
    children = tree.children()
    live = tree.live()
    for path, entry in sheet.entries.items():
        replies = [reply for reply in children[sheet.id_of(path)] if reply.id in live and stands(reply)]
        if len(replies) > tree.shape.places_under(entry.role):
            raise Wrong(entry.place, f"has {len(replies)} replies that stand, more than places")
        if children[sheet.id_of(path)] and not accepted(tree.messages[sheet.id_of(path)]):
            raise Wrong(entry.place, "was not accepted and has a reply")


def _message(sheet: Sheet, path: str, author: str | None, at: datetime) -> Message:
    entry = sheet.entries[path]
    return Message(
        id=sheet.id_of(path),
        parent_id=sheet.id_of(entry.parent) if entry.parent else None,
        role=entry.role,
        author=author,
        at=at,
        lang=sheet.lang,
        text=entry.text,
        depth=entry.depth,
        synthetic=entry.model is not None,
        model_name=entry.model,
        deleted=entry.deleted,
        reviews=_reviews(sheet, entry, author, at),
        reactions=tuple(Reaction(person, name) for person, name in _signs(sheet, entry, author) if name in EMOJIS),
        skips=tuple(
            Skip(person, SKIPS[name], "other") for person, name in _signs(sheet, entry, author) if name in SKIPS
        ),
    )


def _signs(sheet: Sheet, entry: Entry, author: str | None) -> list[tuple[str, str]]:
    """Who reacted or skipped, and how."""
    besides = {author} if author else set()
    return [
        (person, name)
        for name, count in entry.emojis.items()
        for person in draw(sheet, count, f"{entry.path} {name}", besides)
    ]


def _reviews(sheet: Sheet, entry: Entry, author: str | None, at: datetime) -> tuple[Review, ...]:
    means = {name: entry.means.get(name, 0.0) for name in LABELS}
    means |= {name: count / REVIEWERS for name, count in entry.counts.items()}
    told = entry.means.keys() | entry.counts.keys()
    asked_in_full = entry.role is Role.ASSISTANT or entry.parent is None or bool(told - {"quality", "spam"})
    people = draw(sheet, entry.reviews, f"{entry.path} reviewed", {author} if author else set())
    answers = {
        name: _answers(means[name], len(people), label.kind, sheet.id_of(entry.path) + name)
        for name, label in LABELS.items()
    }
    reviews = []
    for number, person in enumerate(people):
        key = (sheet.id_of(entry.path), person)
        full = asked_in_full or chance(*key, "full") < POLICY.p_full_labeling_review_reply_prompter
        labels = {label.name: answers[label.name][number] for label in offered_labels(entry.role, full=full)}
        unsure = [name for name in ("creativity", "humor") if name in labels and chance(*key, name) < 0.04]
        when = at + timedelta(minutes=number * 4 + round(2 + 9 * chance(*key, "when")))
        reviews.append(Review(number, person, when, {**labels, **dict.fromkeys(unsure)}, full))
    return tuple(reviews)


def _answers(mean: float, people: int, kind: LabelKind, seed: str) -> list[float]:
    """Answers with nearly this mean; now and then two people disagree more than they must."""
    values = spread(mean, people, 1 if kind is not LabelKind.LIKERT else len(LIKERT_STEPS) - 1)
    if kind is LabelKind.LIKERT and people > 1 and chance(seed, "disagree") < 0.35 and values[-1] >= 0.25:
        step = 0.25 if values[0] <= 0.75 else 0.0
        values = [values[0] + step, *values[1:-1], values[-1] - step]
    return sorted(values, key=lambda value: chance(seed, str(value)))


def _rankings(sheet: Sheet, tree: Tree) -> dict[str, tuple[Ranking, ...]]:
    end = max(message.at for message in tree.messages.values())
    children = tree.children()
    paths = {sheet.id_of(path): entry for path, entry in sheet.entries.items()}
    rankings = {}
    for parent, replies, needs in to_rank(tree, POLICY):
        wrote = {reply.author for reply in children[parent.id] if reply.author}
        number = paths[parent.id].rankings if sheet.state is State.RANKING else needs
        opinions = {reply.id: paths[reply.id].means["quality"] for reply in replies}
        rankings[parent.id] = tuple(
            _ranking(count, person, parent.id, end, opinions)
            for count, person in enumerate(draw(sheet, number, f"{paths[parent.id].path} ranked", wrote))
        )
    return {parent_id: given for parent_id, given in rankings.items() if given}


UNACCEPTABLE: Final = 0.2


def _ranking(number: int, person: str, parent_id: str, end: datetime, opinions: Mapping[str, float]) -> Ranking:
    """How this person orders the replies: near to what is thought of them; what is about as good is tied."""
    at = end + timedelta(minutes=round(60 + 2000 * chance(parent_id, person, "ranked")))
    if max(opinions.values()) < UNACCEPTABLE:
        return Ranking(number, person, at, (), not_rankable=True)
    groups: dict[int, list[str]] = {}
    for reply, quality in opinions.items():
        seen = quality + 0.4 * (chance(reply, person, "opinion") - 0.5)
        groups.setdefault(round(seen / 0.2), []).append(reply)
    return Ranking(number, person, at, tuple(tuple(groups[height]) for height in sorted(groups, reverse=True)))


# Writing the files


def tree_object(tree: Tree) -> dict[str, Any]:
    children = tree.children()

    def node(message: Message) -> dict[str, Any]:
        replies = sorted(children[message.id], key=lambda reply: (reply.rank is None, reply.rank or 0, reply.at))
        return {
            "message_id": message.id,
            "parent_id": message.parent_id,
            "user_id": person_id(message.author),
            "created_date": message.at.isoformat(),
            "text": message.text,
            "role": message.role,
            "lang": message.lang,
            "review_count": message.review_count,
            "review_result": message.accepted,
            "deleted": message.deleted,
            "rank": message.rank,
            "synthetic": message.synthetic,
            "model_name": message.model_name,
            "emojis": message.emoji_counts(),
            "labels": {name: {"value": mean, "count": count} for name, (mean, count) in label_means(message).items()},
            "replies": [node(reply) for reply in replies],
        }

    return {"message_tree_id": tree.id, "tree_state": tree.state, "prompt": node(tree.root)}


def vote_objects(tree: Tree) -> Iterator[dict[str, Any]]:
    for message in tree.messages.values():
        for review in message.reviews:
            yield _vote("labels", "message_id", message.id, review.person, dict(review.labels), review.at)
        for reaction in message.reactions:
            later = timedelta(minutes=round(1 + 600 * chance(message.id, str(reaction.person), reaction.emoji)))
            yield _vote("reaction", "message_id", message.id, reaction.person, reaction.emoji, message.at + later)
    for parent_id, rankings in tree.rankings.items():
        for ranking in rankings:
            order = [list(group) for group in ranking.order]
            yield _vote("ranking", "parent_id", parent_id, ranking.person, order, ranking.at)


def _vote(kind: str, subject: str, subject_id: str, person: str | None, value: object, at: datetime) -> dict[str, Any]:
    named = value if isinstance(value, str) else ""
    return {
        "vote_id": fixed_id("vote", kind, subject_id, str(person), named),
        "kind": kind,
        subject: subject_id,
        "voter": person_id(person),
        "value": value,
        "created_date": at.isoformat(),
    }


def person_id(name: str | None) -> str | None:
    return fixed_id("person", name) if name else None


def lines(objects: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects).encode()


def build(directory: Path = HERE) -> dict[str, bytes]:
    """Both files by name, unpacked, from the texts of this directory. Raises Wrong."""
    trees = [tree_of(sheet) for sheet in sheets(sorted(directory.glob("*.txt")))]
    return {
        "demo.trees.jsonl.gz": lines(tree_object(tree) for tree in trees),
        "demo.votes.jsonl.gz": lines(vote for tree in trees for vote in vote_objects(tree)),
    }


def main() -> int:
    try:
        files = build()
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return 1
    for name, content in files.items():
        # Neither name nor time, so that the same texts give the same bytes.
        with (PACKAGE / name).open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
            packed.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
