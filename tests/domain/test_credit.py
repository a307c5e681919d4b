"""Who earned what by a tree, and that totals can be kept up by differences."""

from dataclasses import replace
from datetime import date

from espalier.domain.contribution import grow
from espalier.domain.credit import Credits, changed_credits, credits
from espalier.domain.lifecycle import Command
from espalier.domain.points import Counts, points
from espalier.domain.policy import Policy
from espalier.domain.tree import State
from story import Story, imported, small

DAY = date(2023, 4, 12)


def finished() -> Story:
    """Prompt, two answers by ben and cai; three people rank them ben first."""
    story = Story(small(max_tree_depth=1, goal_tree_size=3, num_required_rankings=3))
    for message_id, author in (("a", "ben"), ("b", "cai")):
        story.reply("p", message_id, author)
        story.accept(message_id)
    for person in ("rita", "sven"):
        story.rank("p", "a b", person)
    story.rank("p", "b a", "tess")
    assert story.state is State.READY_FOR_EXPORT
    return story


def test_what_each_person_earns_by_a_finished_tree() -> None:
    earned = credits(finished().tree)
    reply = Counts(replies_assistant=1, accepted_replies_assistant=1)
    assert earned == {
        ("anna", DAY): Counts(prompts=1, accepted_prompts=1),
        ("ben", DAY): replace(reply, ranked_first=1),
        ("cai", DAY): replace(reply, ranked_second=1),
        ("reviewer 0", DAY): Counts(labels_full=2),
        ("reviewer 1", DAY): Counts(labels_full=2),
        ("rita", DAY): Counts(rankings=1, rankings_agreeing=1),
        ("sven", DAY): Counts(rankings=1, rankings_agreeing=1),
        ("tess", DAY): Counts(rankings=1),
    }
    assert points(earned["ben", DAY]) == 17
    assert points(earned["cai", DAY]) == 11


def test_a_ranking_agrees_only_once_the_tree_is_finished_and_all_unacceptable_never_does() -> None:
    story = Story(small(max_tree_depth=1, goal_tree_size=3))
    story.grow("p", "a", "b")
    story.rank("p", "a b", "rita")
    assert credits(story.tree)["rita", DAY] == Counts(rankings=1)
    story.rank("p", "", "sven")
    assert credits(story.tree)["rita", DAY] == Counts(rankings=1, rankings_agreeing=1)
    assert credits(story.tree)["sven", DAY] == Counts(rankings=1)


def test_simple_and_full_reviews_earn_differently_and_count_for_the_day_they_were_given() -> None:
    story = Story()
    story.reply("p", "a")
    story.review("a", "ben", full=False)
    story.now = story.now.replace(day=13)
    story.review("a", "cai", full=True)
    earned = credits(story.tree)
    assert earned["ben", DAY] == Counts(labels_simple=1)
    assert earned["cai", date(2023, 4, 13)] == Counts(labels_full=1)


def test_what_people_say_of_a_message_is_counted_for_its_author() -> None:
    story = Story(Policy(auto_mod_enabled=False))
    story.reply("p", "a", "ben")
    for person, emoji in (("x", "+1"), ("y", "+1"), ("x", "red_flag"), ("z", "-1"), ("z", "clap")):
        story.react("a", person, emoji)
    story.review("a", "cai", lang=1)
    earned = credits(story.tree)["ben", DAY]
    assert (earned.upvotes, earned.downvotes, earned.red_flags, earned.lang_mismatch) == (2, 1, 1, 1)


def test_a_refused_prompt_is_a_spam_prompt_and_a_refused_reply_is_not_accepted() -> None:
    story = Story(state=State.INITIAL_PROMPT_REVIEW)
    story.refuse("p")
    assert credits(story.tree)["anna", DAY] == Counts(prompts=1, spam_prompts=1)
    story = Story()
    story.reply("p", "a", "ben")
    story.refuse("a")
    assert credits(story.tree)["ben", DAY] == Counts(replies_assistant=1)


def test_a_deleted_message_earns_nothing_until_it_is_back() -> None:
    story = finished()
    before = credits(story.tree)
    story.delete("a")
    after = credits(story.tree)
    assert ("ben", DAY) not in after
    assert after["cai", DAY] == Counts(replies_assistant=1, accepted_replies_assistant=1)
    assert after["reviewer 0", DAY] == before["reviewer 0", DAY]  # their work was done
    story.undelete("a")
    assert credits(story.tree) == before


def test_imported_and_synthetic_messages_and_lost_authors_earn_nothing() -> None:
    story = finished()
    assert {person for person, _ in credits(imported(story.tree))} == set()
    synthetic = replace(story.tree.messages["a"], synthetic=True)
    nobody = replace(story.tree.messages["b"], author=None)
    earned = credits(story.tree.with_message(synthetic).with_message(nobody))
    assert {"ben", "cai"} & {person for person, _ in earned} == set()
    assert ("rita", DAY) in earned


def test_differences_add_up_to_what_is_earned() -> None:
    story = finished()
    story.delete("a")
    story.undelete("a")
    story.order(Command.HALT)
    story.order(Command.RESUME)
    total: Credits = {}
    tree = None
    for fact in story.facts:
        before, tree = tree, grow(tree, fact, story.policy_of)
        for key, counts in changed_credits(before, tree).items():
            total[key] = total.get(key, Counts()) + counts
    assert {key: counts for key, counts in total.items() if counts != Counts()} == credits(story.tree)
