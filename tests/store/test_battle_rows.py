"""Rows of battles: who is asked next, votes that stay as they are, and what is left when people or conversations go."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from espalier.store import battles, chats
from espalier.store.battles import Answer, Battle, BattleSet, Declined, Line, Showing, Source, Vote
from espalier.store.chats import Chat

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def of_set(battle_id: str, lang: str = "en") -> Battle:
    one, other = (Answer(name, (Line("assistant", f"I am {name}."),)) for name in ("oak", "elm"))
    return Battle(battle_id, f"q-{battle_id}", lang, one, other, NOW, (Line("user", "Who?"),), set_id="s")


@pytest.fixture
def brought(db: Connection) -> Connection:
    battles.add_set(db, BattleSet("s", "Trees", 2, 7, "chief", NOW))
    battles.add(db, [of_set("a"), of_set("b", "de"), of_set("c")])
    return db


def next_id(db: Connection, person: str, *langs: str) -> str | None:
    found = battles.wanted(db, person, langs, LONG_AGO)
    return found.id if found else None


def test_a_battle_is_kept_with_what_was_asked_and_both_answers(brought: Connection) -> None:
    assert battles.battle_of(brought, "a") == of_set("a")
    assert battles.battle_of(brought, "a").source is Source.ARENA  # type: ignore[union-attr]
    assert [each.id for each in battles.battles_of_set(brought, "s", at_once=2)] == ["a", "b", "c"]
    assert battles.set_of(brought, "s") == BattleSet("s", "Trees", 2, 7, "chief", NOW)


def test_people_are_asked_in_their_languages_what_they_have_not_seen_and_others_still_want(brought: Connection) -> None:
    assert next_id(brought, "ann", "fr") is None
    assert next_id(brought, "ann", "de") == "b"
    battles.show(brought, "a", "ann", False, NOW)
    assert (battles.in_hand(brought, "ann"), next_id(brought, "ann", "en")) == ("a", "c")
    battles.show(brought, "a", "ben", True, NOW)
    assert next_id(brought, "eve", "en") == "c"  # two have it in hand
    assert battles.wanted(brought, "eve", ["en"], NOW + timedelta(hours=1)).id == "a"  # type: ignore[union-attr]
    battles.vote(brought, "a", "ben", Vote.SKIPPED, NOW)
    assert next_id(brought, "eve", "en") == "a"
    assert next_id(brought, "ben", "en") == "c"  # one who skipped is not asked again
    battles.fill(brought, "a", NOW)
    assert (next_id(brought, "eve", "en"), battles.in_hand(brought, "ann")) == ("c", None)
    assert battles.end_set(brought, "s", NOW)
    assert (next_id(brought, "eve", "en"), battles.end_set(brought, "s", NOW)) == (None, False)


def test_a_vote_stays_as_it_is(brought: Connection) -> None:
    battles.show(brought, "a", "ann", True, NOW)
    assert battles.vote(brought, "a", "ann", Vote.LEFT, NOW, Declined.RIGHT)
    assert not battles.vote(brought, "a", "ann", Vote.RIGHT, NOW)
    said = Showing("a", "ann", True, NOW, Vote.LEFT, NOW, Declined.RIGHT)
    assert battles.showings_of_set(brought, "s") == battles.showings(brought, "a") == [said]
    assert not battles.vote(brought, "a", "ben", Vote.RIGHT, NOW)  # it was not shown to him
    assert battles.progress_of(brought, "s") == battles.Progress(3, 0, 1, 1)


def test_votes_of_who_is_purged_go_and_of_who_leaves_stay_under_no_name(brought: Connection) -> None:
    for person in ("ann", "ben"):
        battles.show(brought, "a", person, False, NOW)
        battles.show(brought, "c", person, False, NOW)
        battles.vote(brought, "a", person, Vote.TIE, NOW)
    battles.purge_votes(brought, "ann")
    battles.unname_votes(brought, "ben")
    assert battles.showings_of_set(brought, "s") == [Showing("a", None, False, NOW, Vote.TIE, NOW)]
    battles.unname_votes(brought, "chief")
    assert battles.set_of(brought, "s") == BattleSet("s", "Trees", 2, 7, None, NOW)


@pytest.mark.parametrize("how", ["one", "all", "temporary"])
def test_of_a_deleted_conversation_the_vote_counts_on_for_the_models_alone(db: Connection, how: str) -> None:
    chats.add_chat(db, Chat("c", "ann", "Sky", NOW, NOW, temporary=how == "temporary"))
    sides = Answer("oak", message_id="m"), Answer("elm", message_id="n")
    battles.add(db, [Battle("b", "u", "en", *sides, NOW, chat_id="c")])
    battles.show(db, "b", "ann", False, NOW)
    battles.vote(db, "b", "ann", Vote.RIGHT, NOW)
    assert battles.battles_of_chat(db, "c")[0].source is Source.CHAT
    match how:
        case "one":
            assert not chats.delete_chat(db, "ben", "c")
            assert battles.battles_of_chat(db, "c")
            chats.delete_chat(db, "ann", "c")
        case "all":
            chats.delete_all(db, "ann")
        case _:
            chats.forget_temporary(db, NOW + timedelta(days=1))
    assert battles.battles_of_chat(db, "c") == []
    assert battles.battle_of(db, "b").first == Answer("oak")  # type: ignore[union-attr]
    assert battles.votes_in_chats(db, LONG_AGO, NOW + timedelta(days=1)) == [("oak", "elm", Vote.RIGHT)]
