"""Rows of conversations: pages of the list, search in any script, and replies from waiting to their end."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from espalier.domain.message import Role
from espalier.store import chats
from espalier.store.chats import Chat, ChatMessage, Consent, MessageState

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def chat(db: Connection, chat_id: str, title: str = "Sky", *, minutes: int = 0, temporary: bool = False) -> Chat:
    at = NOW + timedelta(minutes=minutes)
    made = Chat(chat_id, "ada", title, at, at, temporary=temporary)
    chats.add_chat(db, made)
    return made


def message(
    db: Connection, message_id: str, parent_id: str | None, words: str = "", *, seconds: int = 0, chat_id: str = "c"
) -> None:
    """A person's message where there is a text, else a reply that waits."""
    at = NOW + timedelta(seconds=seconds)
    role, state = (
        (Role.PROMPTER, MessageState.COMPLETE) if words else (Role.ASSISTANT, MessageState.WAITING)
    )  # fmt: skip
    chats.add_message(db, ChatMessage(message_id, chat_id, parent_id, role, words, state, at))


def state_of(db: Connection, message_id: str) -> tuple[MessageState, str]:
    found = chats.message_of(db, "c", message_id)
    assert found is not None
    return found.state, found.text


def test_pages_of_the_list_follow_each_other_and_leave_out_what_is_hidden_or_temporary(db: Connection) -> None:
    for number in range(5):
        chat(db, f"c{number}", minutes=number // 2)  # several changed at the same time
    chat(db, "passing", temporary=True)
    assert chats.hide(db, "ada", "c3", True)

    seen: list[str] = []
    before = None
    while page := chats.chats_of(db, "ada", 2, before=before):
        seen += [each.id for each in page]
        before = (page[-1].changed_at, page[-1].id)
    assert seen == ["c4", "c2", "c1", "c0"]
    assert [each.id for each in chats.chats_of(db, "ada", 9, hidden=True)] == ["c3"]
    assert chats.chats_of(db, "ben", 9) == []
    assert len(chats.every_chat(db, "ada")) == 6


def test_conversations_are_found_by_title_and_by_what_was_said_in_any_case_of_letters(db: Connection) -> None:
    chat(db, "c", "Äpfel und 100% Birnen")
    message(db, "m", None, "ΌΛΑ καλά, 你好")
    message(db, "r", "m")
    chats.begin(db, "r", NOW)
    chats.append(db, "r", "Straße")
    for wanted in ("äPFEL", "100%", "όλα", "你好"):
        assert [each.id for each in chats.chats_of(db, "ada", 9, wanted=wanted)] == ["c"], wanted
    for wanted in ("1%0", "straße", "_"):
        assert chats.chats_of(db, "ada", 9, wanted=wanted) == [], wanted
    chats.finish(db, "r", MessageState.COMPLETE, NOW)
    assert [each.id for each in chats.chats_of(db, "ada", 9, wanted="STRASSE")] == ["c"]


def test_a_thread_leads_from_the_root_to_a_message_and_branches_stand_in_order_of_arrival(db: Connection) -> None:
    chat(db, "c")
    message(db, "m1", None, "First.", seconds=1)
    message(db, "r1", "m1", seconds=2)
    message(db, "r2", "m1", seconds=3)
    message(db, "m2", "r1", "On.", seconds=4)
    message(db, "a-branch", None, "Instead.", seconds=5)

    assert [each.id for each in chats.thread(db, "c", "m2")] == ["m1", "r1", "m2"]
    assert chats.thread(db, "another", "m2") == []
    assert chats.branches(db, "c") == {None: ("m1", "a-branch"), "m1": ("r1", "r2"), "r1": ("m2",)}


def test_a_reply_grows_while_it_is_written_and_nothing_comes_after_its_end(db: Connection) -> None:
    chat(db, "c")
    message(db, "m", None, "Why?")
    message(db, "r", "m")
    assert [each.id for each in chats.waiting(db, 9)] == ["r"]
    assert not chats.append(db, "r", "too early")
    assert chats.begin(db, "r", NOW)
    assert not chats.begin(db, "r", NOW), "it is begun once only"
    assert chats.append(db, "r", "Be")
    assert chats.append(db, "r", "cause 'it' is.")
    assert chats.finish(db, "r", MessageState.COMPLETE, NOW, reason="stop")
    assert not chats.append(db, "r", "more")
    assert not chats.finish(db, "r", MessageState.FAILED, NOW, error="late")

    found = chats.message_of(db, "c", "r")
    assert found is not None
    assert (found.text, found.state, found.finish_reason, found.error, found.ended_at) == (
        "Because 'it' is.", MessageState.COMPLETE, "stop", None, NOW,
    )  # fmt: skip


def test_a_reply_of_a_deleted_conversation_has_nowhere_to_go(db: Connection) -> None:
    chat(db, "c")
    message(db, "m", None, "Why?")
    message(db, "r", "m")
    chats.begin(db, "r", NOW)
    assert not chats.delete_chat(db, "ben", "c")
    assert chats.append(db, "r", "Be"), "nobody deletes what is another's"
    assert chats.delete_chat(db, "ada", "c")
    assert not chats.append(db, "r", "cause")
    assert not chats.finish(db, "r", MessageState.COMPLETE, NOW)
    assert chats.messages_of(db, "c") == []


def test_after_a_stop_of_the_program_what_has_a_text_keeps_it_and_what_has_none_waits_again(db: Connection) -> None:
    chat(db, "c")
    message(db, "m", None, "Why?")
    for number, reply_id in enumerate(("waits", "silent", "begun", "whole")):
        message(db, reply_id, "m", seconds=number)
    for reply_id in ("silent", "begun", "whole"):
        chats.begin(db, reply_id, NOW)
    chats.append(db, "begun", "Beca")
    chats.finish(db, "whole", MessageState.COMPLETE, NOW)

    assert chats.sweep(db, NOW, NOW) == (0, 0), "they may still be at it"
    assert chats.are_left_behind(db, LATER)
    assert chats.sweep(db, LATER, LATER) == (1, 1)
    assert not chats.are_left_behind(db, LATER)
    assert chats.sweep(db, LATER, LATER) == (0, 0)
    assert state_of(db, "begun") == (MessageState.CUT_OFF, "Beca")
    assert state_of(db, "whole") == (MessageState.COMPLETE, "")
    assert [each.id for each in chats.waiting(db, 9)] == ["waits", "silent"]


def test_temporary_conversations_are_forgotten_when_nothing_was_said_for_a_while(db: Connection) -> None:
    chat(db, "old", temporary=True)
    message(db, "m", None, "Why?", chat_id="old")
    chat(db, "young", minutes=9, temporary=True)
    chat(db, "kept")
    assert chats.forget_temporary(db, NOW + timedelta(minutes=5)) == 1
    assert [each.id for each in chats.every_chat(db, "ada")] == ["kept", "young"]
    assert chats.messages_of(db, "old") == []


def test_consent_is_kept_with_its_date_and_licence_until_it_is_taken_back(db: Connection) -> None:
    chat(db, "c")
    given = Consent(NOW, "CC BY 4.0")
    for consent in (given, None):
        assert chats.agree(db, "ada", "c", consent)
        found = chats.chat_of(db, "ada", "c")
        assert found is not None
        assert found.consent == consent
