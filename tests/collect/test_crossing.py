"""What crosses trees: whose prompts are drawn, and parked trees that are brought to their ranking."""

from datetime import timedelta

import pytest

from espalier.collect import contributions, moderation, tasks
from espalier.collect.answers import LabelsAnswer, TextAnswer
from espalier.collect.jobs import tend_languages
from espalier.collect.lottery import LOOKED_AT, activate_backlog
from espalier.domain.errors import NotFound
from espalier.domain.lifecycle import Command
from espalier.domain.lottery import Author
from espalier.domain.tree import Shape, State
from espalier.store import languages
from espalier.store.people import Person
from gardens import Garden

WIDE = Shape(2, 2, 2, 7)


@pytest.fixture
def chief(garden: Garden) -> Person:
    return garden.admin()


def answered(garden: Garden, chief: Person, *authors: Person) -> tuple[str, list[str]]:
    """A tree that is full with these authors' replies to its prompt, so that they are to be ranked."""
    tree_id = garden.tree(chief, shape=Shape(1, len(authors), 1, 1 + len(authors)))
    reviewer = garden.person(f"reviewer of {tree_id}")
    replies = [garden.accepted_reply(author, reviewer, tree_id, f"By {author.name}.") for author in authors]
    return tree_id, replies


def parked(garden: Garden, chief: Person) -> str:
    tree_id, _ = answered(garden, chief, garden.person("some"), garden.person("others"))
    return moderation.order_tree(garden.db, chief, tree_id, Command.PARK, garden.now, garden.rng).id


def ends(garden: Garden, chief: Person) -> None:
    """Another tree ends."""
    tree_id = garden.tree(chief, "A tree that comes to nothing.", shape=WIDE)
    garden.add(tree_id, chief, garden.halt())


def states(garden: Garden, *tree_ids: str) -> list[State]:
    return [garden.load(tree_id).state for tree_id in tree_ids]


# --- authors ---


def test_an_authors_weight_is_in_assistant_replies_of_the_last_month_that_were_ranked_first(
    garden: Garden, chief: Person
) -> None:
    garden.policy(max_active_trees=0, rank_prompter_replies=True)
    ann, ben, voter = garden.admin("ann"), garden.person("ben"), garden.person("voter")
    garden.tree(ann, "A prompt that waits.", state=State.PROMPT_LOTTERY_WAITING)
    tree_id, (mine, other) = answered(garden, chief, ann, ben)
    assert languages.waiting_authors(garden.db, "en", garden.now) == [Author(ann.id, 0)]
    garden.rank(voter, tree_id, mine, other)
    assert garden.load(tree_id).state is State.READY_FOR_EXPORT
    assert languages.waiting_authors(garden.db, "en", garden.now) == [Author(ann.id, 1)]

    asked_on = garden.tree(chief, shape=Shape(2, 1, 2, 4))
    reply = garden.accepted_reply(ben, voter, asked_on, "Ben's answer.")
    follow_ups = [garden.accepted_reply(person, voter, reply, f"{person.name} asks on.") for person in (ann, chief)]
    garden.rank(voter, reply, *follow_ups)
    assert garden.load(asked_on).messages[follow_ups[0]].rank == 0
    assert languages.waiting_authors(garden.db, "en", garden.now) == [Author(ann.id, 1)], "that was no assistant reply"
    assert languages.waiting_authors(garden.db, "en", garden.now + timedelta(days=31)) == [Author(ann.id, 0)]


# --- the backlog ---


def test_a_tree_that_ends_wakes_one_parked_tree_as_often_as_the_policy_says(garden: Garden, chief: Person) -> None:
    first, second = parked(garden, chief), parked(garden, chief)
    ends(garden, chief)
    assert states(garden, first, second) == [State.BACKLOG_RANKING] * 2, "never"
    garden.policy(p_activate_backlog_tree=1.0)
    ends(garden, chief)
    assert states(garden, first, second) == [State.RANKING, State.BACKLOG_RANKING], "always, and the older one"


def test_a_prompt_that_enters_the_lottery_is_no_end(garden: Garden, chief: Person) -> None:
    garden.policy(p_activate_backlog_tree=1.0, max_active_trees=0, num_reviews_initial_prompt=1)
    waits = parked(garden, chief)
    prompt = garden.tree(chief, "A prompt to be reviewed.", state=State.INITIAL_PROMPT_REVIEW)
    assert garden.review(garden.person("ann"), prompt).state is State.PROMPT_LOTTERY_WAITING
    assert states(garden, waits) == [State.BACKLOG_RANKING]
    refused = garden.tree(chief, "Another.", state=State.INITIAL_PROMPT_REVIEW)
    garden.review(garden.person("ben"), refused, spam=1.0)
    assert states(garden, refused, waits) == [State.ABORTED_LOW_GRADE, State.RANKING]


def test_a_parked_tree_is_woken_when_a_ranking_leaves_too_little_to_rank(garden: Garden, chief: Person) -> None:
    garden.policy(rank_prompter_replies=True)
    waits = parked(garden, chief)
    tree_id = garden.tree(chief, shape=WIDE)
    reviewer, ann, ben = garden.person("reviewer"), garden.person("ann"), garden.person("ben")
    for author in (ann, ben):
        reply = garden.accepted_reply(author, reviewer, tree_id, f"{author.name} answers.")
        for asker in (ann, ben):
            garden.accepted_reply(asker, reviewer, reply, f"{asker.name} asks {author.name} on.")
    tree = garden.load(tree_id)
    assert tree.state is State.RANKING
    garden.policy(rank_prompter_replies=True, min_active_rankings_per_lang=3)
    tend_languages(garden.db, garden.now, garden.rng)
    assert states(garden, waits) == [State.BACKLOG_RANKING], "three are enough"
    garden.rank(reviewer, tree_id, *(reply.id for reply in tree.messages.values() if reply.parent_id == tree_id))
    assert states(garden, tree_id, waits) == [State.RANKING, State.RANKING], "two are not"


def test_parked_trees_of_other_languages_sleep_on(garden: Garden, chief: Person) -> None:
    garden.policy(p_activate_backlog_tree=1.0)
    waits = parked(garden, chief)
    other = garden.tree(chief, "Zer da hori?", lang="eu", shape=WIDE)
    garden.add(other, chief, garden.halt())
    assert states(garden, waits) == [State.BACKLOG_RANKING]


def test_of_parked_trees_without_anything_to_rank_a_few_are_cleared_away_at_once(garden: Garden, chief: Person) -> None:
    empty = []
    for _ in range(LOOKED_AT + 2):
        tree_id, _ = answered(garden, chief, garden.person("a"), garden.person("b"))
        empty.append(moderation.order_tree(garden.db, chief, tree_id, Command.PARK, garden.now, garden.rng).id)
        replies = [message.id for message in garden.load(tree_id).messages.values() if message.parent_id]
        moderation.delete_message(garden.db, chief, replies[0], garden.now, garden.rng)
    good = parked(garden, chief)
    assert activate_backlog(garden.db, "en", garden.scene().book, garden.now, garden.rng) is None
    assert states(garden, *empty).count(State.ABORTED_LOW_GRADE) == LOOKED_AT
    after = activate_backlog(garden.db, "en", garden.scene().book, garden.now, garden.rng)
    assert after is not None
    assert after.id == good


def test_a_parked_tree_that_has_its_rankings_is_the_one_that_is_woken(garden: Garden, chief: Person) -> None:
    ann, ben = garden.person("ann"), garden.person("ben")
    tree_id, replies = answered(garden, chief, ann, ben)
    garden.rank(garden.person("voter"), tree_id, *replies)
    done = moderation.order_tree(garden.db, chief, tree_id, Command.PARK, garden.now, garden.rng).id
    later = parked(garden, chief)
    activate_backlog(garden.db, "en", garden.scene().book, garden.now, garden.rng)
    assert states(garden, done, later) == [State.READY_FOR_EXPORT, State.BACKLOG_RANKING]


# --- skips ---


def test_skips_of_several_people_halt_a_tree_unless_they_are_excused(garden: Garden, chief: Person) -> None:
    garden.policy(auto_mod_max_skip_reply=2)
    tree_id = garden.tree(chief)
    for number, reason in enumerate(["offensive", "not_my_subject", "cannot_judge", "unclear"]):
        assert garden.load(tree_id).state is State.GROWING
        person = garden.person(f"skipper {number}")
        given = tasks.next_task(
            garden.db, person, tasks.Ask("assistant_reply", ("en",)), garden.later(seconds=1), garden.rng
        )  # fmt: skip
        assert given is not None
        with pytest.raises(NotFound):
            tasks.skip(garden.db, chief, given.id, reason, garden.now, garden.rng)
        tasks.skip(garden.db, person, given.id, reason, garden.now, garden.rng)
    assert garden.load(tree_id).state is State.HALTED_BY_MODERATOR
    assert garden.load(tree_id).root.emoji_counts() == {"_skip_reply": 4}
    assert moderation.order_tree(garden.db, chief, tree_id, Command.RESUME, garden.now, garden.rng).state is (
        State.GROWING
    ), "whoever resumes it has answered the skips"


# --- leases ---


def test_a_lease_that_has_run_out_holds_no_place_against_an_older_one(garden: Garden) -> None:
    garden.tree(garden.admin(), shape=Shape(1, 1, 1, 2))
    ann, ben = garden.person("ann"), garden.person("ben")

    def ask(person: Person) -> str:
        given = tasks.next_task(garden.db, person, tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng)
        assert given is not None
        return given.id

    first = ask(ann)
    garden.later(minutes=31)
    ask(ben)
    garden.later(minutes=31)
    said = TextAnswer("Ann's place was taken by Ben, and Ben has let it go.")
    receipt = contributions.submit(garden.db, ann, first, "sent", said, garden.now, garden.rng)
    assert not receipt.late


def test_a_review_in_time_is_in_time_though_a_late_one_decided(garden: Garden) -> None:
    tree_id = garden.tree(garden.admin(), shape=Shape(1, 2, 1, 3))
    reply = garden.reply(garden.person("author"), tree_id)
    ann, ben = garden.person("ann"), garden.person("ben")

    def ask(person: Person) -> str:
        given = tasks.next_task(garden.db, person, tasks.Ask("label_assistant_reply", ("en",)), garden.now, garden.rng)
        assert given is not None
        return given.id

    def send(person: Person, task_id: str) -> bool:
        clean = LabelsAnswer({"spam": 0.0})
        return contributions.submit(garden.db, person, task_id, task_id, clean, garden.now, garden.rng).late

    first = ask(ann)
    garden.later(minutes=11)
    second = ask(ben)
    assert send(ann, first), "Ben has the only place"
    assert garden.load(tree_id).messages[reply].accepted is True
    assert not send(ben, second)
    assert [review.counted for review in garden.load(tree_id).messages[reply].reviews] == [True, True]
