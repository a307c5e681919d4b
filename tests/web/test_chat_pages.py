"""Chat on the site, without scripts: what people send, what they see, and what nobody else does."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Connection

from campaigns import World
from espalier.chat.limits import REPLIES
from espalier.chat.models import ModelState
from espalier.chat.replies import Fault
from espalier.store import chats
from espalier.store.battles import Vote
from espalier.store.chats import MessageState
from espalier.web.chatroom import ChatRules
from espalier.web.pages import chat_stream
from rooms import LARGE, SMALL, Room, write
from visits import Visitor, form_of, stranger, visit, words_of

CHOSEN = {"model": "small", "preset": "balanced"}


@pytest.fixture
def room(small_campaign: World) -> Room:
    state = small_campaign.http.app.state
    made = Room()
    state.campaign = replace(state.campaign, chatroom=made)
    return made


@pytest.fixture
def ada(small_campaign: World, room: Room) -> Iterator[Visitor]:
    with visit(small_campaign, "ada") as visitor:
        yield visitor


def answer(visitor: Visitor, words: str, state: MessageState | None = MessageState.COMPLETE) -> None:
    visitor.world.door.call(write, words, visitor.world.now, state)


def begin(visitor: Visitor, words: str = "Why is the sky blue?", **more: str) -> str:
    """The address of a conversation that begins so."""
    visitor.get("/chat")
    visitor.send("/chat", text=words, **{**CHOSEN, **more})
    assert visitor.page.status_code == 200, visitor.page.text
    return visitor.page.url.path


def own_chats(visitor: Visitor) -> int:
    return len(visitor.world.door.call(chats.every_chat, visitor.world.ada.id))


def test_there_is_no_conversation_before_its_first_message(ada: Visitor) -> None:
    ada.get("/chat")
    ada.send("/chat", text="  ", **CHOSEN)
    assert ada.page.status_code == 422
    assert own_chats(ada) == 0
    address = begin(ada)
    assert f'href="{address}"' in ada.get("/chat").text


def test_a_reply_grows_for_who_looks_again_and_ends_with_what_one_can_do(ada: Visitor) -> None:
    address = begin(ada)
    assert "Waiting: 2 replies come first." in ada.page.text
    answer(ada, "Because **blue** is <script>scattered</script>.", None)
    assert "<strong>blue</strong>" in ada.get(address).text
    assert "<script>scattered" not in ada.page.text
    ada.post(f"{address}/stop", form_of(ada.get(address), address).filled())
    assert "You stopped this reply." in ada.page.text
    assert "Continue" in ada.page.text


def test_a_reply_that_waits_says_whether_it_is_next_and_whether_its_model_is_starting(ada: Visitor, room: Room) -> None:
    room.before = 0
    address = begin(ada)
    assert "Waiting: this reply comes next." in ada.page.text
    room.there = [replace(SMALL, state=ModelState.STARTING), LARGE]
    assert "The model is starting." in ada.get(address).text


def test_after_a_while_without_a_word_the_page_says_that_it_takes_long(ada: Visitor) -> None:
    address = begin(ada)
    assert "This takes longer than usual." not in ada.page.text
    ada.world.later(seconds=21)
    assert "This takes longer than usual." in ada.get(address).text


def test_another_reply_is_written_by_the_model_that_is_chosen_then(ada: Visitor, room: Room) -> None:
    address = begin(ada)
    answer(ada, "Because.")
    ada.get(address)
    ada.send("/again", model="large", preset="precise")
    answer(ada, "Because of the air.")
    assert "Large" in ada.get(address).text.partition('class="turn assistant')[2].partition("</header>")[0]
    room.there = [SMALL, replace(LARGE, state=ModelState.GONE)]
    assert '<option value="small" selected>' in ada.get(address).text, "a model that is there"
    ada.send("/again")
    (waits,) = ada.world.door.call(chats.waiting, 10)
    assert waits.model == "small"


def test_what_is_too_long_is_said_with_the_numbers(ada: Visitor) -> None:
    address = begin(ada)
    ada.world.door.call(end, MessageState.FAILED, Fault.TOO_LONG.of(1200, 1024), ada.world.now)
    assert "It is 1,200 tokens long; the model reads 1,024." in ada.get(address).text


def test_a_stream_brings_each_page_the_whole_reply_once_however_late_it_comes(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_stream, "LASTS_S", 2 * chat_stream.LOOK_EVERY_S)
    address = begin(ada)
    stream = f"{address}/stream?reply={last_reply(ada)}"
    ended, shown = streamed(ada, stream)
    assert (ended, "Waiting: 2 replies come first." in shown) == (False, True)
    answer(ada, "Because 🌊 **blue** is <script>scattered</script>.", None)
    ended, shown = streamed(ada, stream)
    assert (ended, shown.count("<strong>blue</strong>"), "<script>" in shown, "Stop" in shown) == (
        False,
        1,
        False,
        False,
    )
    ada.post(f"{address}/stop", form_of(ada.get(address), address).filled())
    for _ in range(2):
        ended, shown = streamed(ada, stream)
        assert (ended, shown.count("<strong>blue</strong>"), "Continue" in shown, "Send" in shown) == (
            True,
            1,
            True,
            True,
        )
    with visit(ada.world, "ben") as ben:
        assert ben.get(stream).status_code == 404


@pytest.mark.parametrize("grown", [("", "Oh"), ("<p>🌊🌊</p>", "<p>🌊🌲</p><p>é</p>"), ("<p>a</p>", "")])
def test_what_a_stream_adds_is_put_together_as_browsers_count_characters(grown: tuple[str, str]) -> None:
    before, now = grown
    told = json.loads(chat_stream.event("x", before, now).partition("data: ")[2])
    assert before.encode("utf-16-le")[: 2 * told["keep"]].decode("utf-16-le") + told["more"] == now


def streamed(visitor: Visitor, address: str) -> tuple[bool, str]:
    """Whether the stream says that nothing more comes, and the reply as a page shows it then."""
    html = ""
    text = visitor.get(address).text
    for told in re.findall(r"^event: reply\ndata: (.+)$", text, re.MULTILINE):
        piece = json.loads(told)
        html = html.encode("utf-16-le")[: 2 * piece["keep"]].decode("utf-16-le") + piece["more"]
    return "event: end" in text, html


def test_what_is_refused_is_handed_back_with_the_reason(ada: Visitor, room: Room) -> None:
    address = begin(ada)
    ada.send(address, text="And at night?", model="small", preset="balanced")
    assert ada.page.status_code == 409
    assert "And at night?" in ada.page.text
    answer(ada, "Because.")
    ada.get(address)
    ada.send(address, text="And at night?", model="small", preset="custom", temperature="3")
    assert ada.page.status_code == 422
    assert "A number from 0 to 2 belongs here." in ada.page.text
    room.there = [LARGE]
    ada.get(address)
    ada.send(address, text="And at night?", model="small", preset="balanced")
    assert "This model is not there any more." in ada.page.text


def test_after_many_replies_the_page_says_when_there_are_more(ada: Visitor) -> None:
    address = begin(ada)
    for _ in range(REPLIES - 1):
        answer(ada, "Because.")
        ada.get(address)
        ada.send("/again")
    answer(ada, "Because.")
    ada.get(address)
    ada.send(address, text="Once more?", **CHOSEN)
    assert ada.page.status_code == 429
    assert "Once more?" in ada.page.text
    assert "Try again in 10 minutes." in ada.page.text


def test_the_first_message_can_be_edited_and_one_turns_back_to_what_was_there(ada: Visitor) -> None:
    address = begin(ada)
    answer(ada, "Because of the air.")
    (edit,) = re.findall(r'href="(/chat/[^"]+\?edit=[^"#]+)', ada.get(address).text)
    ada.get(edit)
    ada.send("/edit", text="Why is grass green?")
    answer(ada, "Because of the leaves.")
    page = ada.get(address).text
    assert "2 of 2" in page
    (before,) = re.findall(r'name="message" value="([^"]+)"', page)
    ada.send("/look", message=before)
    assert "Because of the air." in ada.get(address).text


def test_parameters_that_a_model_does_not_take_are_not_sent_and_the_choice_is_remembered(ada: Visitor) -> None:
    begin(ada, model="large", preset="custom", temperature="0.5", top_p="0.5", system="Be brief.")
    (reply,) = ada.world.door.call(chats.waiting, 10)
    assert (reply.model, reply.sampling) == ("large", {"temperature": 0.5, "system": "Be brief."})
    page = ada.get("/chat").text
    assert '<option value="large" selected>' in page
    assert "Be brief." in page


def test_two_models_are_told_apart_after_the_vote_only(ada: Visitor) -> None:
    address = begin(ada, other="large")
    answer(ada, "Because.")
    page = ada.get(address).text
    assert "Answer A" in page
    assert not re.search(r"<bdi>(small|large)", page, re.IGNORECASE)
    assert "small" not in ada.get(f"{address}/conversation.json").text
    ada.get(address)
    pair = re.findall(rf'action="({address}/pairs/[^"]+)"', ada.page.text)[0]
    ada.send(pair, vote=Vote.TIE)
    assert re.search(r"You found both good\. A is (Small|Large), B is (Small|Large)\.", ada.page.text)
    assert 'href="/arena"' in ada.page.text
    token = re.findall(r'name="form_token" value="([^"]+)"', ada.page.text)[0]
    assert ada.post(pair, {"form_token": [token], "vote": ["left"]}).status_code == 409


def test_of_several_replies_one_is_taken_and_the_conversation_goes_on_below_it(ada: Visitor) -> None:
    ada.get("/chat")
    ada.send("/chat", text="Why is the sky blue?", **CHOSEN, several="3", other="large")
    assert ada.page.status_code == 422
    assert "not both at once" in ada.page.text
    address = begin(ada, several="3")
    assert "Answer C" in ada.page.text
    assert "Take A" not in ada.page.text, "they are being written"
    answer(ada, "Because.")
    replies = re.findall(r'id="([^"]+)" class="turn assistant', ada.page.text)
    ended, shown = streamed(ada, f"{address}/stream?reply={'&reply='.join(replies)}")
    assert (len(replies), ended, "Take C" in shown) == (3, True, True)
    page = ada.get(address).text
    assert 'id="text"' not in page
    taken = re.findall(r'name="take" value="([^"]+)" data-key="take_b"', page)[0]
    ada.send(re.findall(rf'action="({address}/drawn/[^"]+)"', page)[0], take=taken)
    assert "You took this reply out of 3." in ada.page.text
    assert "2 of 3" in ada.page.text
    ada.send(address, text="And at night?", **CHOSEN)
    (waits,) = ada.world.door.call(chats.waiting, 10)
    assert [each.id for each in ada.world.door.call(chats.thread, waits.chat_id, waits.id)][1] == taken


def test_a_reply_says_how_it_was_made(ada: Visitor) -> None:
    address = begin(ada, preset="custom", temperature="0.5", seed="12345", top_p="", max_tokens="", system="Be brief.")
    answer(ada, "Because.")
    made = ada.get(address).text.partition("How this reply was made")[2].partition("</details>")[0]
    told = re.findall(r"<dd[^>]*>(?:<bdi>)?([^<]+)", made)
    assert told == ["Small", "0.5", "12345", "Be brief."]


def test_a_link_is_read_by_anybody_until_it_is_taken_back(ada: Visitor) -> None:
    address = begin(ada)
    answer(ada, "Because of the air.")
    ada.get(address)
    ada.send("/shares")
    link = re.findall(r'href="(/shared/[^"]+)"', ada.page.text)[0]
    with stranger(ada.world) as somebody:
        read = somebody.get(link)
        assert "Because of the air." in read.text
        assert "<bdi>Small</bdi>" in read.text
        assert read.headers["x-robots-tag"] == "noindex"
        assert "ada" not in words_of(read.text)
        ada.send("/end")
        assert somebody.get(link).status_code == 404


def test_consent_names_the_licence_and_can_be_taken_back(ada: Visitor) -> None:
    address = begin(ada)
    answer(ada, "Because.")
    assert "Thumbs here count only in the figures of the model" in ada.get(address).text
    ada.send("/consent")
    assert "under CC BY 4.0" in ada.page.text
    assert re.search(r"You agreed <time [^>]+>[^<]+</time> that", ada.page.text)
    assert "Thumbs here count only" not in ada.page.text
    ada.send("/consent")
    assert "This conversation is yours alone." in ada.page.text
    ada.send("/consent", licence="CC0")  # as a page has it that was opened before the organiser changed it
    assert "The licence has changed meanwhile." in ada.page.text
    assert "This conversation is yours alone." in ada.page.text


def test_thumbs_take_a_reason_and_are_taken_back(ada: Visitor) -> None:
    address = begin(ada)
    answer(ada, "Because.")
    ada.get(address)
    ada.send("/thumb", thumb="down")
    (form,) = re.findall(r'name="reason" value="(wrong)"', ada.page.text)
    assert form == "wrong"
    ada.send("/thumb", thumb="")
    assert 'value="wrong"' not in ada.page.text


def test_hidden_conversations_come_back_and_deleted_ones_do_not(ada: Visitor) -> None:
    address = begin(ada)
    ada.get("/chat")
    ada.send("/hide")
    assert address not in ada.get("/chat").text
    ada.get("/chat?hidden=true")
    ada.send("/show")
    assert address in ada.page.text
    ada.send("/hide-all")
    assert address in ada.page.text
    ada.send("/delete")
    assert own_chats(ada) == 0


def test_temporary_conversations_are_not_listed(ada: Visitor) -> None:
    address = begin(ada, temporary="true")
    assert "Temporary: this conversation" in ada.page.text
    assert address not in ada.get("/chat").text


def test_nobody_sees_anothers_conversation_and_without_a_model_that_is_said(ada: Visitor, room: Room) -> None:
    address = begin(ada)
    with visit(ada.world, "ben") as ben:
        assert ben.get(address).status_code == 404
    room.there = []
    assert "No model is set up." in ada.get("/chat").text


def test_what_the_filter_took_out_is_said_as_such_and_whose_words_they_were(ada: Visitor) -> None:
    address = begin(ada)
    for fault, told in (("said", "did not pass your message on"), ("written", "took out what the model wrote")):
        ada.world.door.call(end, MessageState.REFUSED, fault, ada.world.now)
        assert told in ada.get(address).text
        assert "the words are not kept" in ada.page.text
        ada.post(f"{address}/replies/{last_reply(ada)}/again", form_of(ada.page, "/again").filled())


def end(db: Connection, state: MessageState, fault: str, now: datetime) -> None:
    for reply in chats.waiting(db, 10):
        chats.finish(db, reply.id, state, now, error=fault)


def last_reply(visitor: Visitor) -> str:
    return re.findall(r'id="([^"]+)" class="turn assistant', visitor.page.text)[-1]


def test_a_model_that_draws_several_replies_says_so(ada: Visitor, room: Room) -> None:
    room.there[0] = replace(room.there[0], best_of=4)
    address = begin(ada)
    answer(ada, "Because.")
    assert "best of 4" in ada.get(address).text
    begin(ada, other="large")
    assert "4 replies" not in ada.page.text
    answer(ada, "Because.", None)
    assert "best of 4" not in ada.get(ada.page.url.path).text


def test_where_chat_is_switched_off_conversations_are_still_read(ada: Visitor) -> None:
    address = begin(ada)
    answer(ada, "Because.")
    state = ada.world.http.app.state
    state.campaign = replace(state.campaign, chatroom=None)
    for page in ("/chat", address):
        assert ada.get(page).status_code == 200
        assert "Chat is switched off here" in ada.page.text
        assert 'id="text"' not in ada.page.text
    assert "Because." in ada.page.text


def test_staff_read_what_was_shown_to_them_and_nothing_else(ada: Visitor) -> None:
    address = begin(ada)
    answer(ada, "Because of cheese.")
    ada.get(address)
    ada.send(address, text="And what is my secret?", **CHOSEN)
    answer(ada, "Mum is the word.")
    first = re.findall(r'id="([^"]+)" class="turn assistant', ada.get(address).text)[0]
    assert (
        ada.post(f"{address}/replies/{first}/report", form_of(ada.page, f"{first}/report").filled()).status_code == 422
    )
    ada.get(address)
    ada.post(f"{address}/replies/{first}/report", form_of(ada.page, f"{first}/report").filled(reason="No cheese."))
    assert "You have shown this reply to staff." in ada.get(address).text
    with visit(ada.world, ada.world.warden.name) as warden:
        page = warden.get("/moderation/chats").text
        assert "Because of cheese." in page
        assert "No cheese." in page
        assert "secret" not in words_of(page)
        assert "ada" not in words_of(page)
        warden.post("/moderation/chats/1/close", form_of(warden.page, "/close").filled())
        assert "Nothing waits" in warden.get("/moderation/chats").text


def keep(visitor: Visitor, **values: str) -> None:
    visitor.post("/chat/presets", form_of(visitor.page, "/chat").filled(**values))


def test_values_are_saved_under_a_name_and_chosen_by_it_as_the_organisers_are(ada: Visitor) -> None:
    state = ada.world.http.app.state
    state.campaign = replace(state.campaign, chat=ChatRules({"Cautious": {"temperature": 0.3}}))
    typed = {"temperature": "1.5", "top_p": "", "top_k": "", "max_tokens": "", "preset": "custom"}
    ada.get("/chat")
    keep(ada, at="/chat", preset_name="Wild", text="Not sent yet.", **typed)
    assert "Wild (yours)" in ada.page.text
    assert "Not sent yet." in ada.page.text
    address = begin(ada, preset="own:Wild")
    answer(ada, "Because.")
    ada.get(address)
    ada.send(address, text="And at night?", model="small", preset="here:Cautious")
    messages = ada.world.door.call(chats.messages_of, address.rpartition("/")[2])
    assert [each.sampling.get("temperature") for each in messages if each.model] == [1.5, 0.3]
    ada.get("/chat")
    keep(ada, at="/chat", forget="Wild")
    assert "Wild (yours)" not in ada.page.text
    keep(ada, at="/chat", preset_name="Worse", **{**typed, "temperature": "9"})
    assert ada.page.status_code == 422


def test_without_an_account_conversations_stay_in_the_browser_until_somebody_signs_in(
    small_campaign: World, room: Room
) -> None:
    with stranger(small_campaign) as somebody, stranger(small_campaign) as another:
        assert somebody.get("/chat").url.path == "/signin"
        state = small_campaign.http.app.state
        state.campaign = replace(state.campaign, chat=ChatRules(account=False))
        assert "You chat without an account" in somebody.get("/chat").text
        address = begin(somebody)
        answer(somebody, "Because.")
        page = somebody.get(address).text
        assert "Because." in page
        assert "I agree" not in page
        assert f'href="{address}"' in somebody.get("/chat").text
        assert another.get(address).status_code == 404
        somebody.get("/signin")
        somebody.send("/signin/token", token=small_campaign.ada.token)
        assert somebody.get(address).status_code == 404
        somebody.get("/chat")
        somebody.send("/chat/take-over")
        assert f'href="{address}"' in somebody.page.text
        assert "I agree" in somebody.get(address).text
