"""What crosses trees: prompts drawn for free places, and the backlog.

Runs in the transaction of what freed the place, under one lock a language; each outcome is recorded as a fact of the
tree that it changes. The rules and weights are domain/lottery.py.
"""

from collections.abc import Iterable
from datetime import datetime
from random import Random
from typing import Final

from sqlalchemy import Connection

from espalier.domain.contribution import Ordered, grow
from espalier.domain.lifecycle import COMMANDS, Command
from espalier.domain.lottery import draw_author, draw_prompt, language_share, trees_to_draw
from espalier.domain.tree import ACTIVE, State, Tree
from espalier.store import languages, locks, trees
from espalier.store.facts import record
from espalier.store.policies import PolicyBook

ENDS = frozenset({State.READY_FOR_EXPORT, State.ABORTED_LOW_GRADE, State.HALTED_BY_MODERATOR, State.SCORING_FAILED})


def after_change(
    db: Connection, before: Tree | None, after: Tree, book: PolicyBook, now: datetime, rng: Random
) -> None:
    """Fill the places that a change of state left free."""
    was = before.state if before else None
    if was is State.RANKING:
        top_up_rankings(db, after.lang, book, now, rng)
    if was is after.state:
        return
    if after.state is State.PROMPT_LOTTERY_WAITING or was is State.GROWING:
        fill_places(db, after.lang, book, now, rng)
    if was in ACTIVE and after.state in ENDS and rng.random() < book.for_lang(after.lang).p_activate_backlog_tree:
        activate_backlog(db, after.lang, book, now, rng)


def fill_places(
    db: Connection, lang: str, book: PolicyBook, now: datetime, rng: Random, *, most: int | None = None
) -> int:
    """Draw prompts until as many trees grow as the language has places, or none waits, at most so many.

    Returns how many were drawn.
    """
    if book.for_lang(lang).max_active_trees == 0:
        return 0
    locks.hold_language(db, lang)
    drawn = missed = 0
    while drawn != most and missed < MISSES and _has_place(db, lang, book):
        author = draw_author(languages.waiting_authors(db, lang, now), rng)
        if author is None:
            break
        waiting = languages.waiting_prompts(db, lang, author.person_id)  # none, if halted since the author was drawn
        if waiting and move(db, draw_prompt(waiting, rng), Command.DRAW, book, now, rng):
            drawn += 1
        else:
            missed += 1
    return drawn


MISSES: Final = 5
"""So often a draw is tried again whose prompt somebody else is just changing; then the place is left for later."""


def _has_place(db: Connection, lang: str, book: PolicyBook) -> bool:
    growing = languages.trees_in(db, lang, State.GROWING)
    return trees_to_draw(book.for_lang(lang), growing, shares_of_places(db, [lang], book)[lang]) > 0


def shares_of_places(db: Connection, langs: Iterable[str], book: PolicyBook) -> dict[str, float]:
    """Which part of its `max_active_trees` each language fills, so that the campaign moves toward its mix."""
    weights, mix = book.campaign.base.language_weights, book.campaign.base.target_language_mix
    if weights is None and mix is None:
        return dict.fromkeys(langs, 1.0)
    drawn = languages.drawn_where_at_work(db)
    return {lang: language_share(lang, drawn, weights, mix) for lang in langs}


def move(db: Connection, tree_id: str, command: Command, book: PolicyBook, now: datetime, rng: Random) -> Tree | None:
    """Order a tree on by the hand of chance; what follows from it is not followed further.

    None when somebody else is just changing the tree, or has done so, so that it can no longer be told that.
    """
    tree = trees.find_tree(db, tree_id) if locks.hold_tree(db, tree_id, wait=False) else None
    if tree is None or tree.state not in COMMANDS[command]:
        return None
    fact = Ordered(command, book.version)
    record(db, tree_id, fact, now, note={"automatic": True})
    after = grow(tree, fact, book.of)
    trees.save_changes(db, tree, after, book.of, now, rng)
    return after


def activate_backlog(db: Connection, lang: str, book: PolicyBook, now: datetime, rng: Random) -> Tree | None:
    """Bring the oldest parked tree of a language to its ranking, from where it goes on if it has its rankings already.

    Those with nothing to rank are aborted on the way, a few at most: one volunteer's request shall not clear a shelf.
    """
    locks.hold_language(db, lang)
    for _ in range(LOOKED_AT):
        tree_id = languages.oldest_in_backlog(db, lang)
        if tree_id is None:
            break
        after = move(db, tree_id, Command.ACTIVATE, book, now, rng)
        if after is None or after.state is not State.ABORTED_LOW_GRADE:
            return after
    return None


LOOKED_AT: Final = 10
"""Parked trees that are looked at for one to activate."""


def top_up_rankings(db: Connection, lang: str, book: PolicyBook, now: datetime, rng: Random) -> None:
    """Activate one parked tree when too little is there to rank."""
    least = book.for_lang(lang).min_active_rankings_per_lang
    if least and languages.open_rankings(db, lang) < least:
        activate_backlog(db, lang, book, now, rng)
