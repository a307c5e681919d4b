"""How models stand by people's votes: ratings with places, what is counted apart, and which battles leave the site."""

from datetime import UTC, datetime
from random import Random

import pytest
from sqlalchemy import Connection

from espalier.collect.model_board import battle_lines, board_of, model_board
from espalier.store import battles, chats
from espalier.store.battles import Answer, Battle, BattleSet, Cast, Declined, Line, Source, Vote
from espalier.store.chats import Chat, Consent

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEFT, RIGHT, TIE = Vote.LEFT, Vote.RIGHT, Vote.TIE


def cast(question: int, left: str, right: str, vote: Vote, declined: Declined | None = None, who: str = "ann") -> Cast:
    return Cast(f"b{question}", "s", f"q{question}", 1, "en", left, right, vote, declined, who, NOW, True)


def test_who_wins_more_stands_higher_and_only_what_is_beyond_doubt_makes_a_place() -> None:
    random = Random(1)
    chance = {("oak", "elm"): 0.9, ("oak", "fir"): 0.9, ("elm", "fir"): 0.5}
    votes = [
        cast(question, *pair, LEFT if random.random() < wins else RIGHT, who=f"person {question % 7}")
        for pair, wins in chance.items()
        for question in range(60)
    ]
    board = board_of(votes)
    oak, *others = board.rows
    assert (oak.model, oak.place) == ("oak", 1)
    assert [each.place for each in others] == [2, 2]
    assert oak.rating
    assert oak.rating.low
    assert oak.rating.high
    assert oak.rating.low < oak.rating.value < oak.rating.high
    assert sum(row.rating.value for row in board.rows if row.rating) == pytest.approx(3000)
    assert board.won["oak", "elm"] + board.won["elm", "oak"] == board.met["oak", "elm"] == 60
    assert (board.votes, board.people, board.left + board.right) == (180, 7, 180)


def test_votes_on_refusals_are_counted_apart_for_each_model() -> None:
    votes = [
        cast(1, "oak", "elm", TIE), cast(2, "elm", "oak", LEFT, Declined.RIGHT),
        cast(3, "oak", "elm", LEFT, Declined.BOTH),
    ]  # fmt: skip
    board = board_of(votes)
    assert (board.votes, board.apart) == (1, 2)
    assert {row.model: (row.votes, row.seen, row.refused) for row in board.rows} == {
        "oak": (1, 3, 2), "elm": (1, 3, 1),
    }  # fmt: skip
    assert {row.won for row in board.rows} == {0.5}


def test_models_that_no_chain_of_votes_joins_with_most_of_the_others_have_shares_but_no_ratings() -> None:
    pairs = (("oak", "elm"), ("ash", "lime"), ("fir", "yew"), ("elm", "ash"))
    board = board_of([cast(at, *pair, LEFT) for at, pair in enumerate(pairs)])
    assert [(row.model, row.won) for row in board.rows if row.rating is None] == [("fir", 1), ("yew", 0)]
    assert [row.model for row in board.rows][:2] == ["oak", "elm"]
    assert board.rows[0].place is None  # of four questions there is no interval
    assert not board.rows[0].bounded
    assert board_of([]).rows == ()


def test_a_conversation_that_may_not_become_a_tree_counts_for_the_models_and_goes_into_no_file(db: Connection) -> None:
    battles.add_set(db, BattleSet("s", "Trees", 2, 7, "chief", NOW))
    sides = (Answer(name, (Line("assistant", f"I am {name}."),)) for name in ("oak", "elm"))
    battles.add(db, [Battle("brought", "q1", "en", *sides, NOW, (Line("user", "Who?"),), set_id="s")])
    for name, consent in (("shared", Consent(NOW, "CC0")), ("silent", None)):
        chats.add_chat(db, Chat(name, "ann", "Talk", NOW, NOW, consent=consent))
        battles.add(db, [Battle(name, "m", "en", Answer("oak"), Answer("fir"), NOW, chat_id=name)])
    for battle_id in ("brought", "shared", "silent"):
        battles.show(db, battle_id, "ann", battle_id == "brought", NOW)
        battles.vote(db, battle_id, "ann", LEFT, NOW, Declined.RIGHT if battle_id == "brought" else None)
    assert [model_board(db, each).votes for each in (None, Source.ARENA, Source.CHAT)] == [2, 0, 2]
    lines = list(battle_lines(db))
    assert [(each["question_id"], each["model_a"], each["model_b"], each["winner"]) for each in lines] == [
        ("shared", "oak", "fir", "model_a"), ("q1", "elm", "oak", "model_a"),
    ]  # fmt: skip
    assert [each.get("declined") for each in lines] == [None, ["oak"]]
    assert {each["judge"] for each in lines} == {"person 1"}
