"""Reviewing and ranking on the site, over HTTP and without scripts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from campaigns import REPLIES, World
from espalier.store.tables import contributions, messages
from espalier.web import files
from espalier.web.key_words import KEYS_OF
from visits import Visitor, form_of, forms_of, visit, words_of

FULL = {"spam", "fails_task", "lang_mismatch", "quality", "helpfulness", "creativity", "humor", "toxicity", "violence"}
FLAGS = {"pii", "not_appropriate", "hate_speech", "sexual_content"}


@pytest.fixture
def dora(small_campaign: World) -> Iterator[Visitor]:
    """Somebody at the site who has contributed nothing yet."""
    with visit(small_campaign, "dora") as visitor:
        yield visitor


def kept(world: World, kind: str) -> list[dict[str, object]]:
    """What was stored of this kind, oldest first."""
    with world.database.read() as db:
        rows = db.execute(
            select(contributions.c.data).where(contributions.c.kind == kind).order_by(contributions.c.seq)
        )
        return [json.loads(data) for (data,) in rows]


def reply_to_review(world: World) -> None:
    world.tree()
    world.ada.write("assistant_reply", REPLIES[0])


def two_to_rank(world: World) -> None:
    world.tree()
    world.answered_twice()


def review(visitor: Visitor) -> str:
    reply_to_review(visitor.world)
    return visitor.take("label_assistant_reply")


def rank(visitor: Visitor) -> str:
    two_to_rank(visitor.world)
    return visitor.take("rank_assistant_replies")


def test_a_full_review_of_a_reply_asks_for_every_label_and_chooses_none(dora: Visitor) -> None:
    task = review(dora)
    form = form_of(dora.page, f"{task}/labels")
    assert {name for name, _ in form.offered if name not in ("clear", "flags")} == FULL
    assert {value for name, value in form.offered if name == "flags"} == {*FLAGS, "none"}
    assert not {name for name, _ in form.fields} & {*FULL, "flags"}
    assert [value for name, value in form.offered if name == "spam"] == ["1", "0"]


def test_a_simple_review_asks_for_three(small_campaign: World) -> None:
    small_campaign.policy(p_full_labeling_review_reply_assistant=0.0)
    with visit(small_campaign, "dora") as dora:
        task = review(dora)
        asked = {name for name, _ in form_of(dora.page, f"{task}/labels").offered} - {"clear"}
    assert asked == {"spam", "lang_mismatch", "quality"}


@pytest.mark.parametrize("name", ["quality", "creativity", "humor", "toxicity", "violence"])
def test_every_scale_reads_from_nought_at_its_start_to_one_at_its_end(dora: Visitor, name: str) -> None:
    task = review(dora)
    steps = [value for asked, value in form_of(dora.page, f"{task}/labels").offered if asked == name]
    assert steps == ["0", "0.25", "0.5", "0.75", "1", "unsure", name][: len(steps)]
    assert steps[:5] == ["0", "0.25", "0.5", "0.75", "1"]


def test_the_wrong_language_question_names_the_language_it_was_filed_under(dora: Visitor) -> None:
    review(dora)
    assert "another language than English" in dora.page.text


def test_without_an_answer_to_spam_a_review_is_refused_and_what_was_chosen_stays(dora: Visitor) -> None:
    task = review(dora)
    answer = dora.send(f"{task}/labels", quality="0.75", flags=["pii"])
    assert answer.status_code == 422
    assert 'href="#question-spam"' in answer.text
    fields = form_of(answer, f"{task}/labels").fields
    assert ("quality", "0.75") in fields
    assert ("flags", "pii") in fields
    assert not kept(dora.world, "reviewed")


def test_what_was_not_answered_is_absent_and_cannot_judge_is_kept_as_such(dora: Visitor) -> None:
    task = review(dora)
    dora.send(f"{task}/labels", spam="0", humor="unsure", toxicity="0.25")
    (stored,) = kept(dora.world, "reviewed")
    assert stored["labels"] == {"spam": 0.0, "humor": None, "toxicity": 0.25}


@pytest.mark.parametrize(("ticked", "stored"), [(["pii"], {"pii"}), (["none"], set()), ([], None)])
def test_any_tick_answers_all_flags_and_no_tick_answers_none(
    dora: Visitor, ticked: list[str], stored: set[str] | None
) -> None:
    task = review(dora)
    dora.send(f"{task}/labels", spam="0", flags=ticked)
    (review_kept,) = kept(dora.world, "reviewed")
    labels = review_kept["labels"]
    assert isinstance(labels, dict)
    if stored is None:
        assert not FLAGS & set(labels)
    else:
        assert {name for name in FLAGS if labels[name] == 1} == stored


def test_a_flag_and_none_of_these_together_are_refused(dora: Visitor) -> None:
    task = review(dora)
    answer = dora.send(f"{task}/labels", spam="0", flags=["pii", "none"])
    assert answer.status_code == 422
    assert "None of these" in answer.text
    assert not kept(dora.world, "reviewed")


def test_one_answer_can_be_cleared_and_the_others_stay(dora: Visitor) -> None:
    task = review(dora)
    page = dora.send(f"{task}/labels", spam="0", quality="1", flags=["pii"], clear="quality")
    fields = form_of(page, f"{task}/labels").fields
    assert ("spam", "0") in fields
    assert ("flags", "pii") in fields
    assert "quality" not in dict(fields)
    page = dora.send(f"{task}/labels", clear="flags")
    assert "flags" not in dict(form_of(page, f"{task}/labels").fields)
    assert not kept(dora.world, "reviewed")


def test_a_label_that_was_not_asked_for_or_is_no_number_is_refused(dora: Visitor) -> None:
    task = review(dora)
    assert dora.send(f"{task}/labels", spam="0", moral_judgement="1").status_code == 422
    assert dora.send(f"{task}/labels", spam="much").status_code == 422
    assert not kept(dora.world, "reviewed")


def test_a_review_sent_twice_is_stored_once(dora: Visitor) -> None:
    task = review(dora)
    form = form_of(dora.page, f"{task}/labels").filled(spam="0")
    for _ in range(2):
        assert dora.post(f"/tasks/{task}/labels", form).status_code == 200
    assert len(kept(dora.world, "reviewed")) == 1


@pytest.mark.parametrize("answer", ["labels", "ranking"])
def test_nobody_answers_the_task_of_another(small_campaign: World, answer: str) -> None:
    with visit(small_campaign, "dora") as dora, visit(small_campaign, "emil") as emil:
        task = review(dora) if answer == "labels" else rank(dora)
        token = dict(form_of(emil.get("/tasks"), "/tasks/next").fields)["form_token"]
        sent = {"form_token": [token], "spam": ["0"], "place-r0": ["2"], "place-r1": ["1"]}
        assert emil.post(f"/tasks/{task}/{answer}", sent).status_code == 404
        assert emil.get(f"/tasks/{task}").status_code == 404
    assert not kept(small_campaign, "ranked" if answer == "ranking" else "reviewed")[2:]


def orders(world: World) -> list[object]:
    """The texts of each ranking that was stored, best first, equal ones together."""
    with world.database.read() as db:
        texts = {row.id: row.text for row in db.execute(select(messages.c.id, messages.c.text))}
    return [[{texts[reply] for reply in group} for group in stored["order"]] for stored in kept(world, "ranked")]


def test_every_reply_is_shown_in_full_with_a_letter_and_a_number_field(dora: Visitor) -> None:
    task = rank(dora)
    text = dora.page.text
    for reply in REPLIES:
        assert reply.split(",")[0] in text
    assert 'id="name-A"' in text
    assert 'id="name-B"' in text
    places = [value for name, value in form_of(dora.page, f"{task}/ranking").fields if name.startswith("place-")]
    assert places == ["1", "2"]


def test_nothing_says_who_wrote_a_reply_or_which_a_model_wrote(dora: Visitor) -> None:
    rank(dora)
    main = dora.page.text.split("<main")[1].split("<aside")[0].lower()
    assert not words_of(main) & {"ada", "ben"}
    assert "synthetic" not in main
    assert "model" not in main


def test_numbers_are_places_and_equal_ones_a_tie(dora: Visitor) -> None:
    task = rank(dora)
    dora.send(f"{task}/ranking", **{"place-r0": "2", "place-r1": "2"})
    assert orders(dora.world) == [[set(REPLIES)]]


def test_the_smaller_number_is_better(dora: Visitor) -> None:
    task = rank(dora)
    first_shown = min(REPLIES, key=lambda text: dora.page.text.index(text.split(",")[0][:20]))
    other = next(text for text in REPLIES if text != first_shown)
    dora.send(f"{task}/ranking", **{"place-r0": "5", "place-r1": "3"})
    assert orders(dora.world) == [[{other}, {first_shown}]]


def test_the_order_as_it_was_shown_is_asked_about_once_in_place(dora: Visitor) -> None:
    task = rank(dora)
    asked = dora.send(f"{task}/ranking")
    assert not orders(dora.world)
    assert ("confirmed", "yes") in form_of(asked, f"{task}/ranking").offered
    assert "have not changed the order" in asked.text
    dora.send(f"{task}/ranking", confirmed="yes")
    assert len(orders(dora.world)) == 1


def test_none_is_acceptable_needs_no_order(dora: Visitor) -> None:
    task = rank(dora)
    dora.send(f"{task}/ranking", do="none")
    (stored,) = kept(dora.world, "ranked")
    assert stored["not_rankable"] is True
    assert stored["order"] == []


@pytest.mark.parametrize("typed", ["", "best", "1.5"])
def test_a_place_that_is_no_number_is_refused_at_its_field_with_all_that_was_typed(dora: Visitor, typed: str) -> None:
    task = rank(dora)
    answer = dora.send(f"{task}/ranking", **{"place-r0": typed, "place-r1": "1"})
    assert answer.status_code == 422
    assert 'href="#place-r0"' in answer.text
    assert dict(form_of(answer, f"{task}/ranking").fields)["place-r0"] == typed
    assert not orders(dora.world)


def test_a_reply_that_was_not_handed_out_is_refused(dora: Visitor) -> None:
    task = rank(dora)
    assert dora.send(f"{task}/ranking", **{"place-somebody": "1"}).status_code == 422
    assert not orders(dora.world)


def test_a_ranking_sent_twice_is_stored_once(dora: Visitor) -> None:
    task = rank(dora)
    form = form_of(dora.page, f"{task}/ranking").filled(**{"place-r0": "2", "place-r1": "1"})
    for _ in range(2):
        assert dora.post(f"/tasks/{task}/ranking", form).status_code == 200
    assert len(orders(dora.world)) == 1


def test_every_key_that_is_listed_is_an_act_of_a_script_and_the_other_way_round() -> None:
    of_buttons = {"case", "compare"}  # pages whose keys press the buttons that name them
    listed = {act for name in KEYS_OF.keys() - of_buttons for row in KEYS_OF[name].rows for act in row.acts.values()}
    scripts = "".join(file.read_text() for file in Path(files.__file__).with_name("static").glob("*.js"))
    acts = re.findall(r"espalierKeys\??\.on\(\{(.*?)\}\);", scripts, re.DOTALL)
    pressed = re.findall(r"const act of \[(.*?)\]", scripts)
    found = {act for each in acts for act in re.findall(r"(\w+): ", each)}
    assert found | {act for each in pressed for act in re.findall(r'"(\w+)"', each)} == listed


def test_help_lists_all_keys_and_each_page_its_own_without_scripts(dora: Visitor) -> None:
    review(dora)
    assert "&#34;j&#34;: &#34;following&#34;" in dora.page.text
    assert "Ctrl ↵" in dora.page.text
    assert "Take it" not in dora.get("/help").text
    for row in KEYS_OF["rank"].rows:
        assert row.what in dora.page.text
    with visit(dora.world, dora.world.warden.name) as warden:
        assert "Warn the author" in warden.get("/help").text


def test_single_keys_can_be_switched_off_and_on(dora: Visitor) -> None:
    review(dora)
    assert "data-single-keys" not in dora.page.text
    off = dora.send("/keys", single="off")
    assert 'data-single-keys="off"' in off.text
    assert "/tasks/" in off.url.path
    assert "data-single-keys" not in dora.send("/keys", single="on").text


@pytest.mark.parametrize("kind", ["labels", "ranking"])
def test_a_half_done_judgement_is_there_again_as_a_draft(dora: Visitor, kind: str) -> None:
    task = review(dora) if kind == "labels" else rank(dora)
    begun: dict[str, list[str]] = (
        {"quality": ["0.5"], "flags": ["pii"]} if kind == "labels" else {"place-r0": ["2"], "place-r1": ["2"]}
    )
    form = form_of(dora.page, f"{task}/{kind}").filled(**begun)
    dora.post(f"/tasks/{task}/draft", form)
    fields = form_of(dora.get(f"/tasks/{task}"), f"{task}/{kind}").filled()
    assert {name: fields[name] for name in begun} == begun


@pytest.mark.parametrize("kind", ["labels", "ranking"])
def test_an_answer_after_somebody_deleted_the_message_says_that_it_is_over(dora: Visitor, kind: str) -> None:
    task = review(dora) if kind == "labels" else rank(dora)
    world = dora.world
    for message in world.warden.shown("/messages", limit=10)["items"]:
        if message["parent_id"] is None:
            assert world.warden.post(f"/messages/{message['id']}/delete").is_success
    answer = dora.send(f"{task}/{kind}", spam="0", confirmed="yes")
    assert answer.status_code == 409
    assert "<h1" in answer.text


def test_an_organiser_says_what_a_label_means_and_the_others_keep_our_meaning(dora: Visitor) -> None:
    with visit(dora.world, dora.world.chief.name) as chief:
        chief.get("/admin/documents/labels/en")
        assert "`quality`" in chief.page.text
        sent = next(form for form in forms_of(chief.page) if "text" in dict(form.fields)).filled(
            text="- `quality`: How much a gardener could use it.\n- nonsense: Nothing.", do="publish"
        )
        chief.post("/admin/documents/labels/en", sent)
    review(dora)
    assert "How much a gardener could use it." in dora.page.text
    assert "New ideas, images, turns of phrase." in dora.page.text
    for address in ("/help", "/guidelines", "/guidelines/label", "/practice/label_assistant_reply"):
        page = dora.get(address).text
        assert '<dd lang="en" dir="ltr">How much a gardener could use it.</dd>' in page, address
        assert "New ideas, images, turns of phrase." in page, address
