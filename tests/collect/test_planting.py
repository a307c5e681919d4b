"""A conversation whose person agreed becomes a tree, with votes as rankings; and goes when they do not any more."""

from collections.abc import Callable

import pytest

from espalier.chat import choosing, comparing, conversations, judging
from espalier.chat.conversations import Asked, Wanted
from espalier.collect import erasure, jobs, planting
from espalier.collect.exports import export_trees, export_votes
from espalier.dataset.records import TreeRecord
from espalier.dataset.trees import messages_of
from espalier.domain.message import Role
from espalier.domain.tree import State
from espalier.domain.work import Act, done_by
from espalier.store import chats, drawn
from espalier.store.battles import Vote
from espalier.store.chats import MessageState
from espalier.store.people import Person
from espalier.store.thumbs import Thumb
from gardens import Garden

LICENCE = "CC BY 4.0"


class Talk:
    """Ada, who talks with models, and what becomes of it."""

    def __init__(self, garden: Garden) -> None:
        self.garden, self.db = garden, garden.db
        self.ada = garden.person("Ada")

    def written(self, *asked: Asked, state: MessageState = MessageState.COMPLETE) -> None:
        for place, each in enumerate(asked):
            chats.begin(self.db, each.reply_id, self.garden.now)
            chats.append(self.db, each.reply_id, f"Because of the air, number {place}.")
            chats.finish(self.db, each.reply_id, state, self.garden.later(seconds=5))

    def say(self, words: str, chat_id: str | None = None, state: MessageState = MessageState.COMPLETE) -> Asked:
        now = self.garden.later(minutes=1)
        asked = conversations.say(self.db, self.ada, chat_id, words, Wanted("small"), now, self.garden.rng)
        self.written(asked, state=state)
        return asked

    def regenerate(self, asked: Asked) -> Asked:
        now = self.garden.later(minutes=1)
        again = conversations.regenerate(
            self.db, self.ada, asked.chat_id, asked.reply_id, Wanted("large"), now, self.garden.rng
        )
        self.written(again)
        return again

    def agree(self, chat_id: str) -> None:
        conversations.agree(self.db, self.ada, chat_id, LICENCE, self.garden.later(minutes=1))

    def rest(self) -> None:
        """An hour goes by, and the rounds are made."""
        now = self.garden.later(minutes=61)
        for each in jobs.ROUNDS:
            if "conversations" in each.name:
                each.go(self.db, now, self.garden.rng)

    def trees(self) -> list[TreeRecord]:
        return list(export_trees(self.db))


@pytest.fixture
def talk(garden: Garden) -> Talk:
    return Talk(garden)


def test_only_with_consent_and_after_a_rest_it_becomes_a_tree_that_awaits_review(talk: Talk) -> None:
    first = talk.say("Why is the sky blue in the daytime, and red in the evening?")
    talk.say("And on other planets, what colour is it there?", first.chat_id)
    talk.rest()
    assert talk.trees() == []
    talk.agree(first.chat_id)
    planting.plant_conversations(talk.db, talk.garden.later(minutes=5), talk.garden.rng)
    assert talk.trees() == [], "more may be said"
    talk.rest()
    (tree,) = talk.trees()
    said = [(each.role, each.user_id, each.synthetic, each.model_name, each.lang) for each in messages_of(tree)]
    assert said == [("prompter", talk.ada.id, False, None, "en"), ("assistant", None, True, "small", "en")] * 2
    assert (tree.tree_state, tree.origin, tree.extra) == (
        State.INITIAL_PROMPT_REVIEW, planting.ORIGIN, {"licence": LICENCE},
    )  # fmt: skip
    grown = talk.garden.load(tree.message_tree_id)
    assert {each for each in done_by(grown) if each[1] is Act.LABEL} == {
        (talk.ada.id, Act.LABEL, each.id) for each in grown.messages.values() if each.role is Role.PROMPTER
    }
    assert not set(grown.messages) & {each.id for each in chats.messages_of(talk.db, first.chat_id)}
    talk.rest()
    assert len(talk.trees()) == 1, "once"


def test_it_waits_while_its_language_has_as_many_prompts_in_review_as_the_policy_allows(talk: Talk) -> None:
    talk.garden.policy(max_initial_prompt_review=1)
    for words in ("Why is the sky blue in the daytime?", "Why is the grass green in the spring?"):
        talk.agree(talk.say(words).chat_id)
    german = talk.say("Warum ist der Himmel am Tage eigentlich so blau und nicht grün?")
    talk.agree(german.chat_id)
    talk.rest()
    assert sorted(tree.prompt.lang for tree in talk.trees()) == ["de", "en"]
    talk.garden.policy(max_initial_prompt_review=2)
    talk.rest()
    assert sorted(tree.prompt.lang for tree in talk.trees()) == ["de", "en", "en"]


def test_branches_are_siblings_and_votes_and_thumbs_on_them_rankings(talk: Talk) -> None:
    thumbed = talk.say("Why is the sky blue?")
    again = talk.regenerate(thumbed)
    for reply, thumb in ((thumbed, Thumb.DOWN), (again, Thumb.UP)):
        judging.judge(talk.db, talk.ada, thumbed.chat_id, reply.reply_id, thumb, "", "", talk.garden.later(seconds=9))
    edited = conversations.edit(
        talk.db, talk.ada, thumbed.chat_id, thumbed.message_id, "Why is the sea blue?", Wanted("small"),
        talk.garden.later(minutes=1), talk.garden.rng,
    )  # fmt: skip
    talk.written(edited, state=MessageState.FAILED)
    two = comparing.say_to_two(
        talk.db, talk.ada, None, "Why is grass green?", (Wanted("small"), Wanted("large")), "en",
        talk.garden.later(minutes=1), talk.garden.rng,
    )  # fmt: skip
    talk.written(*two)
    (pair,) = comparing.pairs(talk.db, talk.ada, two[0].chat_id)
    comparing.vote(talk.db, talk.ada, two[0].chat_id, pair.id, Vote.RIGHT, talk.garden.later(minutes=1))
    for chat_id in (thumbed.chat_id, two[0].chat_id):
        talk.agree(chat_id)
    talk.rest()
    trees = {each.prompt.text: each for each in talk.trees()}
    assert {text: [reply.model_name for reply in each.prompt.replies] for text, each in trees.items()} == {
        "Why is the sky blue?": ["small", "large"],
        "Why is the sea blue?": [],
        "Why is grass green?": ["small", "large"],
    }  # fmt: skip
    models = {each.message_id: each.model_name for tree in trees.values() for each in messages_of(tree)}
    votes = list(export_votes(talk.db))
    rankings = [[[models[reply] for reply in group] for group in each.value] for each in votes if each.parent_id]
    assert rankings == [[["large"], ["small"]], [[pair.right_model], [pair.left_model]]]
    assert {models[each.message_id]: each.value for each in votes if each.message_id} == {"large": "+1", "small": "-1"}
    blue = talk.garden.load(trees["Why is the sky blue?"].message_tree_id)
    assert [ranking.counted for ranking in blue.rankings[blue.id]] == [True]
    assert (talk.ada.id, Act.RANK, blue.id) in done_by(blue), "they are not asked again"


def test_the_reply_that_was_taken_out_of_several_stands_before_the_others(talk: Talk) -> None:
    asked = choosing.say_to_choose(
        talk.db, talk.ada, None, "Why is the sky blue in the daytime?", Wanted("small"), 3,
        talk.garden.later(minutes=1), talk.garden.rng,
    )  # fmt: skip
    (there,) = drawn.drawn_in(talk.db, asked.chat_id)
    talk.written(*(Asked(asked.chat_id, asked.message_id, each) for each in there.replies))
    choosing.take(talk.db, talk.ada, asked.chat_id, there.id, there.replies[1], talk.garden.later(minutes=1))
    talk.agree(asked.chat_id)
    talk.rest()
    (tree,) = talk.trees()
    texts = {reply.message_id: reply.text for reply in tree.prompt.replies}
    (vote,) = export_votes(talk.db)
    assert [[texts[reply] for reply in group] for group in vote.value] == [
        ["Because of the air, number 1."], ["Because of the air, number 0.", "Because of the air, number 2."],
    ]  # fmt: skip


def taken_back(talk: Talk, chat_id: str) -> None:
    conversations.take_consent_back(talk.db, talk.ada, chat_id)


def deleted(talk: Talk, chat_id: str) -> None:
    conversations.remove(talk.db, talk.ada, chat_id)


def person_gone(talk: Talk, chat_id: str) -> None:
    chief: Person = talk.garden.admin()
    job = erasure.purge(talk.db, chief, talk.ada.id, talk.garden.now, talk.garden.rng)
    while job.finished_at is None:
        job = erasure.purge_trees(talk.db, job, talk.garden.now, talk.garden.rng)


@pytest.mark.parametrize("leave", [taken_back, deleted, person_gone])
def test_without_consent_it_is_in_no_later_export_and_its_texts_are_gone(
    talk: Talk, leave: Callable[[Talk, str], None]
) -> None:
    asked = talk.say("Why is the sky blue?")
    talk.agree(asked.chat_id)
    talk.rest()
    (tree,) = talk.trees()
    reviewer = talk.garden.person("Ben")
    talk.garden.review(reviewer, tree.message_tree_id)
    leave(talk, asked.chat_id)
    assert (talk.trees(), list(export_votes(talk.db))) == ([], []), "at once"
    talk.rest()
    left = talk.garden.load(tree.message_tree_id)
    assert {(each.text, each.author, each.tombstone) for each in left.messages.values()} == {("", None, True)}
    assert left.state is State.HALTED_BY_MODERATOR
    assert len(left.root.reviews) == 1, "whoever reviewed it keeps the points"
    assert talk.trees() == []


def test_who_agrees_once_more_has_another_tree(talk: Talk) -> None:
    asked = talk.say("Why is the sky blue?")
    talk.agree(asked.chat_id)
    talk.rest()
    (before,) = talk.trees()
    taken_back(talk, asked.chat_id)
    talk.agree(asked.chat_id)
    talk.rest()
    (after,) = talk.trees()
    assert after.message_tree_id != before.message_tree_id
    assert after.prompt.text == "Why is the sky blue?"
