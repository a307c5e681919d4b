"""The demo trees: from the texts in this directory to the two files that the package ships.

    python scripts/demo/build.py

A file `de.txt` or `en-2.txt` holds trees in one language. A tree begins with `§§ name state date`; each message with
`§ path options`, followed by its text. The path of the prompt is `.`, that of its second reply `b`, of the first reply
to that `b.a`. Options give what its three reviewers think of a message, and what else happened to it:

    q=.8 h=.75 c=.3 u=0 t=0 v=0    quality, helpfulness (as quality), creativity, humor, toxicity, violence (none):
                                   the mean to come near to
    spam=2 fail=1 rude=1 mismatch=1 pii=1    how many reviewers say so
    r=1                            so many reviewers until now
    n=2                            so many people have ranked the replies to it until now (of a tree in `ranking`)
    +1x3 red_flag _skip_reply      reactions and skips
    deleted, model=NAME            taken out by a moderator; written by a model

Who wrote, reviewed and ranked, and when, is drawn from the names of the trees, so the same texts always give the same
files. The rules of the campaign decide what is accepted, what is ranked how, and whether a tree can be in its state.
"""

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from unicodedata import is_normalized
from uuid import NAMESPACE_URL, uuid5

from espalier.domain.lifecycle import COMMANDS, Command, advance
from espalier.domain.message import (
    EMOJIS,
    LABELS,
    LIKERT_STEPS,
    Ballot,
    LabelKind,
    Message,
    Ranking,
    Reaction,
    Review,
    Role,
    Skip,
    SkipOf,
    offered_labels,
)
from espalier.domain.policy import Policy
from espalier.domain.review import label_means
from espalier.domain.tree import Shape, State, Tree, accepted, stands
from espalier.domain.work import to_rank
from espalier.replay.votes import spread

HERE: Final = Path(__file__).parent
PACKAGE: Final = HERE.parents[1] / "src" / "espalier" / "demo"
POLICY: Final = Policy()
REVIEWERS: Final = POLICY.num_reviews_reply

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

MEANS: Final = {"q": "quality", "h": "helpfulness", "c": "creativity", "u": "humor", "t": "toxicity", "v": "violence"}
COUNTS: Final = {
    "spam": "spam", "fail": "fails_task", "rude": "not_appropriate", "mismatch": "lang_mismatch", "pii": "pii",
}  # fmt: skip
SKIPS: Final = {f"_skip_{skip}": skip for skip in SkipOf}


class Wrong(Exception):
    """A fault in the texts, with file and line."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


@dataclass(slots=True)
class Entry:
    """A message as it is written down."""

    place: str
    path: str
    means: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    emojis: dict[str, int] = field(default_factory=dict)
    reviews: int = REVIEWERS
    rankings: int = 0
    deleted: bool = False
    model: str | None = None
    text: str = ""

    @property
    def parent(self) -> str | None:
        if self.path == ".":
            return None
        above, _, _ = self.path.rpartition(".")
        return above or "."

    @property
    def depth(self) -> int:
        return 0 if self.path == "." else self.path.count(".") + 1

    @property
    def role(self) -> Role:
        return Role.ASSISTANT if self.depth % 2 else Role.PROMPTER


@dataclass(slots=True)
class Sheet:
    """A tree as it is written down."""

    place: str
    lang: str
    name: str
    state: State
    at: datetime
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.id_of(".")

    def id_of(self, path: str) -> str:
        return fixed_id("message", self.lang, self.name, path)


def fixed_id(*names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(("https://espalier.example/demo", *names))))


# Reading the texts


def sheets(files: Iterable[Path]) -> Iterator[Sheet]:
    """The trees of these files, checked. Raises Wrong."""
    names: set[tuple[str, str]] = set()
    for path in files:
        for sheet in _sheets_of(path):
            if (sheet.lang, sheet.name) in names:
                raise Wrong(sheet.place, f"a second tree {sheet.name} in {sheet.lang}")
            names.add((sheet.lang, sheet.name))
            yield sheet


def _sheets_of(path: Path) -> Iterator[Sheet]:
    lang = path.stem.split("-")[0]
    found: list[Sheet] = []
    entry: Entry | None = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{path.name}:{number}"
        if line.startswith("§§"):
            found.append(_sheet(place, lang, line[2:].split()))
            entry = None
        elif line.startswith("§"):
            if not found:
                raise Wrong(place, "a message before the first tree")
            entry = _entry(place, line[1:].split())
            _add(found[-1], entry)
        elif entry is not None:
            entry.text += f"{line}\n"
        elif line.strip():
            raise Wrong(place, "text that belongs to no message")
    for sheet in found:
        _check(sheet)
    return iter(found)


def _sheet(place: str, lang: str, words: list[str]) -> Sheet:
    try:
        name, state, date = words
        return Sheet(place, lang, name, State(state), datetime.fromisoformat(date).replace(tzinfo=UTC))
    except ValueError as error:
        raise Wrong(place, f"a tree needs a name, a state and a date: {error}") from None


def _add(sheet: Sheet, entry: Entry) -> None:
    if entry.path in sheet.entries:
        raise Wrong(entry.place, f"a second message {entry.path}")
    if entry.parent is not None and entry.parent not in sheet.entries:
        raise Wrong(entry.place, f"{entry.path} replies to {entry.parent}, which has not come yet")
    sheet.entries[entry.path] = entry


_PATH: Final = re.compile(r"\.|[a-z](\.[a-z])*")
_TIMES: Final = re.compile(r"(?P<name>.+?)(x(?P<times>\d+))?")


def _entry(place: str, words: list[str]) -> Entry:
    if not words or not _PATH.fullmatch(words[0]):
        raise Wrong(place, "a message needs a path such as . or a.b")
    entry = Entry(place, words[0])
    for word in words[1:]:
        try:
            _option(entry, word)
        except ValueError as error:
            raise Wrong(place, f"{word}: {error}") from None
    return entry


def _option(entry: Entry, word: str) -> None:
    name, given, value = word.partition("=")
    if not given:
        parts = _TIMES.fullmatch(word)
        assert parts is not None
        if word == "deleted":
            entry.deleted = True
        elif parts["name"] in EMOJIS or parts["name"] in SKIPS:
            entry.emojis[parts["name"]] = int(parts["times"] or 1)
        else:
            raise ValueError("neither an option nor a reaction")
    elif name in MEANS:
        entry.means[MEANS[name]] = _between(0, float(value), 1)
    elif name in COUNTS:
        entry.counts[COUNTS[name]] = int(_between(0, int(value), REVIEWERS))
    elif name == "r":
        entry.reviews = int(_between(0, int(value), REVIEWERS))
    elif name == "n":
        entry.rankings = int(_between(0, int(value), POLICY.num_required_rankings))
    elif name == "model":
        entry.model = value
    else:
        raise ValueError("no such option")


def _between(least: float, value: float, most: float) -> float:
    if not least <= value <= most:
        raise ValueError(f"must be between {least} and {most}")
    return value


def _check(sheet: Sheet) -> None:
    if "." not in sheet.entries:
        raise Wrong(sheet.place, "a tree without a prompt")
    for entry in sheet.entries.values():
        entry.text = entry.text.strip("\n")
        if not entry.text:
            raise Wrong(entry.place, "a message without a text")
        if not is_normalized("NFC", entry.text):
            raise Wrong(entry.place, "the text is not in NFC")
        if len(entry.text) > POLICY.message_max_characters:
            raise Wrong(entry.place, f"{len(entry.text)} characters are too many")
        if "quality" not in entry.means:
            raise Wrong(entry.place, "q= is missing")
        if entry.role is Role.ASSISTANT:
            entry.means.setdefault("helpfulness", entry.means["quality"])
        if entry.role is Role.PROMPTER and (entry.means.keys() | entry.counts.keys()) & {"helpfulness", "fails_task"}:
            raise Wrong(entry.place, "helpfulness and failing the task are asked of assistant replies alone")


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
    at = sheet.at
    found = {}
    for path in sheet.entries:
        found[path] = at
        at += timedelta(minutes=round(20 + 300 * chance(sheet.id, path, "until the next")))
    return found


# From a sheet to a tree


def tree_of(sheet: Sheet) -> Tree:
    """The tree with every vote, in the state that the rules give it. Raises Wrong if that is not the one it claims."""
    by, at = authors(sheet), dates(sheet)
    messages = {
        sheet.id_of(path): Message(
            id=sheet.id_of(path),
            parent_id=sheet.id_of(entry.parent) if entry.parent else None,
            role=entry.role,
            author=by[path],
            at=at[path],
            lang=sheet.lang,
            text=entry.text,
            depth=entry.depth,
            synthetic=entry.model is not None,
            model_name=entry.model,
            deleted=entry.deleted,
            reviews=_reviews(sheet, entry, by[path], at[path]),
            reactions=_reactions(sheet, entry, by[path]),
            skips=_skips(sheet, entry, by[path]),
        )
        for path, entry in sheet.entries.items()
    }
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
    children = tree.children()
    live = tree.live()
    for path, entry in sheet.entries.items():
        replies = [reply for reply in children[sheet.id_of(path)] if reply.id in live and stands(reply)]
        if len(replies) > tree.shape.places_under(entry.role):
            raise Wrong(entry.place, f"has {len(replies)} replies that stand, more than places")
        if children[sheet.id_of(path)] and not accepted(tree.messages[sheet.id_of(path)]):
            raise Wrong(entry.place, "was not accepted and has a reply")


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


def _reactions(sheet: Sheet, entry: Entry, author: str | None) -> tuple[Reaction, ...]:
    return tuple(
        Reaction(person, emoji)
        for emoji, count in entry.emojis.items()
        if emoji in EMOJIS
        for person in draw(sheet, count, f"{entry.path} {emoji}", {author} if author else set())
    )


def _skips(sheet: Sheet, entry: Entry, author: str | None) -> tuple[Skip, ...]:
    return tuple(
        Skip(person, SKIPS[name], "other")
        for name, count in entry.emojis.items()
        if name in SKIPS
        for person in draw(sheet, count, f"{entry.path} {name}", {author} if author else set())
    )


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
            Ranking(
                count, person, end + timedelta(minutes=round(60 + 2000 * chance(parent.id, person, "ranked"))), order
            )
            for count, person in enumerate(draw(sheet, number, f"{paths[parent.id].path} ranked", wrote))
            if (order := _ballot(opinions, person))
        )
    return {parent_id: given for parent_id, given in rankings.items() if given}


def _ballot(opinions: Mapping[str, float], person: str) -> Ballot:
    """How this person orders the replies: near to what is thought of them; what is about as good is tied."""
    groups: dict[int, list[str]] = {}
    for reply, quality in opinions.items():
        seen = quality + 0.3 * (chance(reply, person, "opinion") - 0.5)
        groups.setdefault(round(seen / 0.15), []).append(reply)
    return tuple(tuple(groups[height]) for height in sorted(groups, reverse=True))


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
