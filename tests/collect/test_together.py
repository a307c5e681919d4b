"""Many people at once, on PostgreSQL with several transactions at a time and through the one writer of SQLite.

Everybody acts as the server lets them: by their token, in a transaction of their own. One that waits in a circle with
another is not tried again here, so that it comes to light.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from espalier.collect import accounts, campaign, contributions, erasure, gold, jobs, moderation, tasks, undo
from espalier.collect.answers import LabelsAnswer, RankingAnswer, TextAnswer
from espalier.collect.beginning import begin
from espalier.collect.doctor import examine
from espalier.domain.errors import AlreadyAnswered, Banned, BuiltOn, Refusal, WrongState
from espalier.domain.lifecycle import Command
from espalier.domain.points import Counts
from espalier.domain.policy import CampaignPolicy
from espalier.domain.tree import TERMINAL, Shape, State, Tree
from espalier.domain.work import Task
from espalier.store import tables, trees
from espalier.store.boards import add_to_tallies
from espalier.store.door import Door, open_door
from espalier.store.people import PersonRole, token_hash
from espalier.store.policies import PolicyBook, keep_policy
from espalier.store.session import Database
from espalier.store.writes import Elsewhere
from espalier.web.campaign import Caller, identified
from gardens import NOON

QUICK: Mapping[str, object] = {
    "p_activate_backlog_tree": 0.0,
    "num_reviews_initial_prompt": 1,
    "num_reviews_reply": 1,
    "num_required_rankings": 1,
    "p_full_labeling_review_reply_prompter": 1.0,
    "rate_tasks": None,
    "rate_assistant_replies": None,
    "rate_prompter_replies": None,
    "duplicate_window_minutes": 0,
}
CLEAN = LabelsAnswer({"spam": 0.0, "lang_mismatch": 0.0, "quality": 0.75}, ())
ROUNDS = 4
"""How often a race is run: once alone may happen to be no race."""


@dataclass
class Crowd:
    """A campaign behind its door, and everybody who acts in it.

    loosened: a policy may ask for less than before, or an undelete bring back what others have done since; neither
    takes back what is handed out.
    """

    door: Door
    database: Database
    rng: Random = field(default_factory=lambda: Random(11))
    now: datetime = NOON
    tokens: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    loosened: bool = False

    def policy(self, **base: object) -> None:
        policy = CampaignPolicy.from_mapping({"base": {**QUICK, **base}})
        self.door.call(keep_policy, policy, None, self.now)

    def person(self, name: str, role: PersonRole = PersonRole.CONTRIBUTOR) -> str:
        """The name again, now of somebody with a token."""
        if name not in self.tokens:
            secret = iter([f"secret of {name}"]).__next__
            made = self.door.call(accounts.create_person, None, name, role, secret, self.now, self.rng)
            self.tokens[name], self.ids[name] = made.token, made.person.id
        return name

    @property
    def chief(self) -> str:
        return self.person("chief", PersonRole.ADMIN)

    def does(self, name: str, use_case: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """As the server does for a request with this person's token."""
        return self.door.call(_for, Caller(token_hash(self.tokens[name]), PersonRole.CONTRIBUTOR, True), use_case,
                              *args, **options)  # fmt: skip

    def together(self, *actions: Callable[[], Any]) -> list[Any]:
        """What each came to, begun at the same moment; a refusal is an outcome like any other."""
        ready = threading.Barrier(len(actions), timeout=20)

        def act(action: Callable[[], Any]) -> Any:
            ready.wait()
            try:
                return action()
            except Refusal as refusal:
                return refusal

        with ThreadPoolExecutor(len(actions)) as threads:
            return list(threads.map(act, actions))

    def tree(self, text: str = "Why is the sky blue?", *, state: State = State.GROWING, **shape: int) -> str:
        full = Shape(**{"max_tree_depth": 1, "max_children_count": 9, "num_prompter_replies": 1, "goal_tree_size": 10,
                        **shape})  # fmt: skip
        self.now += timedelta(seconds=1)
        planted: Tree = self.does(self.chief, moderation.plant, text, "en", self.now, self.rng, shape=full, state=state)
        return planted.id

    def next(self, name: str, kind: str = "random", langs: tuple[str, ...] = ("en",)) -> Task | None:
        found: Task | None = self.does(name, tasks.next_task, tasks.Ask(kind, langs), self.now, self.rng)
        return found

    def task(self, name: str, kind: str) -> Task:
        found = self.next(name, kind)
        assert found is not None, f"there is no {kind} for {name}"
        return found

    def send(self, name: str, task: Task, answer: object, client_id: str | None = None) -> Any:
        return self.does(
            name, contributions.submit, task.id, client_id or f"{name} {task.id}", answer, self.now, self.rng
        )

    def write(self, name: str, kind: str = "assistant_reply", text: str = "Because of the air.") -> str:
        message_id: str = self.send(name, self.task(name, kind), TextAnswer(text, True)).message_id
        return message_id

    def load(self, tree_id: str) -> Tree:
        with self.database.read() as db:
            (tree,) = trees.load_trees(db, [tree_id])
        return tree

    def states(self) -> Counter[str]:
        with self.database.read() as db:
            return Counter(db.execute(select(tables.trees.c.state)).scalars())

    def count(self, *conditions: Any) -> int:
        with self.database.read() as db:
            return int(db.execute(select(func.count()).where(*conditions)).scalar_one())

    def work(self) -> None:
        """All long jobs to their end."""
        while jobs.run_jobs(self.door.call, self.now, self.rng):
            pass

    def tend(self) -> None:
        """All rounds, as if it were the first time."""
        jobs.make_rounds(self.door.call, {}, self.now, self.rng)

    def check(self) -> None:
        """What is stored is what the log says, and no place is held more often than it can be used."""
        with self.database.read() as db:
            found = [str(difference) for difference in examine(db, self.now)]
            W = tables.open_work.c
            overfull = db.execute(select(W.act, W.subject).where((W.held > W.needs) | (W.tree_held > W.budget))).all()
        assert not found, "\n".join(found)
        assert self.loosened or not overfull


def _for(db: Connection, caller: Caller, use_case: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
    return use_case(db, identified(db, caller, NOON, alone=True), *args, **options)


@pytest.fixture
def crowd(any_database: Database, door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    monkeypatch.setattr("espalier.store.each._IN_FAVOUR_OF_ANOTHER", frozenset())
    made = Crowd(door, any_database)
    made.policy()
    yield made
    made.check()


@pytest.fixture
def several(postgres_db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    """The same where transactions really run beside each other."""
    monkeypatch.setattr("espalier.store.each._IN_FAVOUR_OF_ANOTHER", frozenset())
    made = Crowd(open_door(postgres_db), postgres_db)
    made.policy()
    yield made
    made.check()
    made.door.close()


def refused(outcomes: Sequence[Any]) -> list[Refusal]:
    return [outcome for outcome in outcomes if isinstance(outcome, Refusal)]


# The first start


def test_servers_that_begin_a_campaign_at_once_make_one_administrator(crowd: Crowd) -> None:
    secrets = iter(f"secret {number}" for number in range(6))
    start = partial(crowd.door.call, begin, CampaignPolicy(), secrets.__next__, crowd.now, crowd.rng)
    made = crowd.together(*[start] * 6)
    assert len([each for each in made if each is not None]) == 1
    assert crowd.count(tables.people.c.role == "admin") == 1


# The lottery


def test_six_who_free_the_lottery_at_once_draw_one_prompt(crowd: Crowd) -> None:
    crowd.policy(max_active_trees=0)
    for number in range(3):
        crowd.tree(f"Prompt {number}", state=State.PROMPT_LOTTERY_WAITING)
    crowd.policy(max_active_trees=1)
    crowd.together(*[partial(crowd.door.call, jobs.tend_languages, crowd.now, crowd.rng)] * 6)
    assert crowd.states() == {"growing": 1, "prompt_lottery_waiting": 2}


def test_prompts_accepted_at_once_draw_no_more_than_may_grow(crowd: Crowd) -> None:
    crowd.policy(max_active_trees=2)
    handed = {}
    for number in range(6):
        crowd.tree(f"Prompt {number}", state=State.INITIAL_PROMPT_REVIEW)
        name = crowd.person(f"p{number}")
        handed[name] = crowd.task(name, "label_initial_prompt")
    outcomes = crowd.together(*(partial(crowd.send, name, handed[name], CLEAN) for name in handed))
    assert refused(outcomes) == []
    assert crowd.states() == {"growing": 2, "prompt_lottery_waiting": 4}


def test_trees_that_end_at_once_are_followed_by_as_many(crowd: Crowd) -> None:
    crowd.policy(max_active_trees=3)
    growing = [crowd.tree(f"Prompt {number}") for number in range(3)]
    for number in range(5):
        crowd.tree(f"Next {number}", state=State.PROMPT_LOTTERY_WAITING)
    moderators = [crowd.person(f"m{number}", PersonRole.MODERATOR) for number in range(3)]
    halts = [
        partial(crowd.does, name, moderation.order_tree, tree_id, Command.HALT, crowd.now, crowd.rng)
        for name, tree_id in zip(moderators, growing, strict=True)
    ]
    assert refused(crowd.together(*halts)) == []
    crowd.tend()
    assert crowd.states() == {"halted_by_moderator": 3, "growing": 3, "prompt_lottery_waiting": 2}


def test_a_prompt_that_is_halted_while_it_is_drawn_harms_nobody(crowd: Crowd) -> None:
    for number in range(ROUNDS):
        crowd.policy(max_active_trees=0)
        waiting = crowd.tree(f"Waiting {number}", state=State.PROMPT_LOTTERY_WAITING)
        reviewed = crowd.tree(f"Reviewed {number}", state=State.INITIAL_PROMPT_REVIEW)
        crowd.policy(max_active_trees=100)
        name = crowd.person(f"p{number}")
        handed = crowd.task(name, "label_initial_prompt")
        outcomes = crowd.together(
            partial(crowd.does, crowd.chief, moderation.order_tree, waiting, Command.HALT, crowd.now, crowd.rng),
            partial(crowd.send, name, handed, CLEAN),
            partial(crowd.door.call, jobs.tend_languages, crowd.now, crowd.rng),
        )
        assert refused(outcomes) == []
        assert crowd.load(waiting).state is State.HALTED_BY_MODERATOR
        crowd.tend()
        assert crowd.load(reviewed).state is State.GROWING


def test_parked_trees_are_activated_one_for_each_that_ends(crowd: Crowd) -> None:
    crowd.policy(p_activate_backlog_tree=1.0)
    for number in range(5):
        parked = crowd.tree(f"Parked {number}", max_children_count=2, goal_tree_size=3)
        for writer in ("ada", "ben"):
            crowd.write(crowd.person(writer), text=f"{writer} says so.")
        for _ in range(2):
            name = crowd.person("cleo")
            crowd.send(name, crowd.task(name, "label_assistant_reply"), CLEAN)
        crowd.does(crowd.chief, moderation.order_tree, parked, Command.PARK, crowd.now, crowd.rng)
    assert crowd.states() == {"backlog_ranking": 5}
    ending = [crowd.tree(f"Ending {number}") for number in range(3)]
    actors = [crowd.person(f"m{number}", PersonRole.MODERATOR) for number in range(3)]
    outcomes = crowd.together(
        *(
            partial(
                crowd.does,  # type: ignore[misc]
                name,
                moderation.order_tree,
                tree_id,
                Command.HALT,
                crowd.now,
                crowd.rng,
            )
            for name, tree_id in zip(actors, ending, strict=True)
        )
    )
    assert refused(outcomes) == []
    assert crowd.states() == {"halted_by_moderator": 3, "ranking": 3, "backlog_ranking": 2}


# Places


def test_one_free_place_for_a_reply_goes_to_one_of_many(crowd: Crowd) -> None:
    for number in range(ROUNDS):
        crowd.tree(f"Prompt {number}", max_children_count=1, goal_tree_size=2)
        names = [crowd.person(f"p{number}-{each}") for each in range(4)]
        found = crowd.together(*(partial(crowd.next, name, "assistant_reply") for name in names))
        assert sum(task is not None for task in found) == 1


def test_the_last_message_that_a_tree_can_take_goes_to_one_of_many_places(crowd: Crowd) -> None:
    for number in range(ROUNDS):
        tree_id = crowd.tree(f"Prompt {number}", max_tree_depth=2, max_children_count=2, goal_tree_size=4)
        for writer in ("ada", "ben"):
            crowd.write(crowd.person(writer))
            name = crowd.person("cleo")
            crowd.send(name, crowd.task(name, "label_assistant_reply"), CLEAN)
        assert crowd.load(tree_id).state is State.GROWING
        names = [crowd.person(f"p{number}-{each}") for each in range(6)]
        found = crowd.together(*(partial(crowd.next, name, "prompter_reply") for name in names))
        assert sum(task is not None for task in found) == 1


def test_no_more_new_prompts_are_asked_for_than_are_wanted(crowd: Crowd) -> None:
    crowd.policy(max_active_trees=0, max_initial_prompt_review=2)
    names = [crowd.person(f"p{number}") for number in range(6)]
    found = crowd.together(*(partial(crowd.next, name, "initial_prompt") for name in names))
    assert sum(task is not None for task in found) == 2


def test_the_same_person_asking_twice_at_once_gets_the_same_task(crowd: Crowd) -> None:
    crowd.tree()
    for number in range(ROUNDS):
        name = crowd.person(f"p{number}")
        found = crowd.together(*[partial(crowd.next, name, "assistant_reply")] * 3)
        assert len({task.id for task in found}) == 1


def test_a_place_whose_lease_ran_out_is_given_to_one_and_what_its_holder_sends_at_that_moment_is_taken_once_in_time(
    crowd: Crowd,
) -> None:
    for number in range(ROUNDS):
        tree_id = crowd.tree(f"Prompt {number}", max_children_count=1, goal_tree_size=2)
        first, second = crowd.person(f"first{number}"), crowd.person(f"second{number}")
        held = crowd.task(first, "assistant_reply")
        crowd.now += timedelta(hours=1)
        receipt, handed = crowd.together(
            partial(crowd.send, first, held, TextAnswer("I wrote for an hour.", True)),
            partial(crowd.next, second, "assistant_reply"),
        )
        assert not isinstance(receipt, Refusal)
        if handed is not None:
            late = crowd.send(second, handed, TextAnswer("I was quick.", True)).late
            assert [receipt.late, late].count(False) == 1
        in_time = [each for each in crowd.load(tree_id).messages.values() if each.parent_id and not each.late]
        assert len(in_time) == 1
        crowd.does(crowd.chief, moderation.order_tree, tree_id, Command.HALT, crowd.now, crowd.rng)


# Contributions


def test_six_labels_on_one_message_at_once_are_all_stored_and_counted(crowd: Crowd) -> None:
    crowd.policy(num_reviews_reply=6)
    for number in range(ROUNDS):
        tree_id = crowd.tree(f"Prompt {number}")
        message_id = crowd.write(crowd.person("ada"))
        names = [crowd.person(f"p{number}-{each}") for each in range(6)]
        handed = {name: crowd.task(name, "label_assistant_reply") for name in names}
        outcomes = crowd.together(*(partial(crowd.send, name, handed[name], CLEAN) for name in names))
        assert refused(outcomes) == []
        assert not any(receipt.late for receipt in outcomes)
        message = crowd.load(tree_id).messages[message_id]
        assert (len(message.reviews), message.review_count, message.accepted) == (6, 6, True)


def test_the_same_answer_sent_twice_at_once_is_one_contribution_with_one_receipt(crowd: Crowd) -> None:
    tree_id = crowd.tree()
    for number in range(ROUNDS):
        name = crowd.person(f"p{number}")
        handed = crowd.task(name, "assistant_reply")
        answer = TextAnswer(f"Said twice {number}.", True)
        first, second, third = crowd.together(*[partial(crowd.send, name, handed, answer, "one id")] * 3)
        assert first == second == third
        assert len(crowd.load(tree_id).messages) == number + 2


def test_two_answers_to_one_task_at_once_are_one_answer_and_one_refusal(crowd: Crowd) -> None:
    crowd.tree()
    for number in range(ROUNDS):
        name = crowd.person(f"p{number}")
        handed = crowd.task(name, "assistant_reply")
        outcomes = crowd.together(
            partial(crowd.send, name, handed, TextAnswer("This one.", True), "a"),
            partial(crowd.send, name, handed, TextAnswer("That one.", True), "b"),
        )
        assert [type(refusal) for refusal in refused(outcomes)] == [AlreadyAnswered]


def test_rankings_of_one_parent_at_once_are_all_kept_and_the_tree_ends_once(crowd: Crowd) -> None:
    crowd.policy(num_required_rankings=4)
    tree_id = crowd.tree(max_children_count=2, goal_tree_size=3)
    for writer in ("ada", "ben"):
        crowd.write(crowd.person(writer), text=f"{writer} says so.")
        crowd.send(crowd.person("cleo"), crowd.task("cleo", "label_assistant_reply"), CLEAN)
    names = [crowd.person(f"p{number}") for number in range(4)]
    handed = {name: crowd.task(name, "rank_assistant_replies") for name in names}
    order = RankingAnswer([["r0"], ["r1"]])
    outcomes = crowd.together(*(partial(crowd.send, name, handed[name], order) for name in names))
    assert refused(outcomes) == []
    tree = crowd.load(tree_id)
    assert (tree.state, len(tree.rankings[tree_id])) == (State.READY_FOR_EXPORT, 4)


def test_taking_back_against_a_review_one_of_both_wins(crowd: Crowd) -> None:
    tree_id = crowd.tree()
    for number in range(ROUNDS):
        writer, reviewer = crowd.person(f"w{number}"), crowd.person(f"r{number}")
        message_id = crowd.send(
            writer, crowd.task(writer, "assistant_reply"), TextAnswer("Perhaps.", True), "mine"
        ).message_id  # fmt: skip
        handed = crowd.task(reviewer, "label_assistant_reply")
        outcomes = crowd.together(
            partial(crowd.does, writer, undo.withdraw, "mine", crowd.now, crowd.rng),
            partial(crowd.send, reviewer, handed, CLEAN),
        )
        (refusal,) = refused(outcomes)
        there = message_id in crowd.load(tree_id).messages
        assert there is isinstance(refusal, BuiltOn)


# Staff


def test_two_moderators_who_delete_the_same_message_delete_it_once(crowd: Crowd) -> None:
    tree_id = crowd.tree()
    one, two = (crowd.person(name, PersonRole.MODERATOR) for name in ("m1", "m2"))
    for number in range(ROUNDS):
        message_id = crowd.write(crowd.person(f"p{number}"))
        outcomes = crowd.together(
            *(
                partial(crowd.does, name, moderation.delete_message, message_id, crowd.now, crowd.rng)
                for name in (one, two)
            )
        )
        assert [type(refusal) for refusal in refused(outcomes)] == [WrongState]
        assert crowd.load(tree_id).messages[message_id].deleted


def test_a_ban_holds_for_whatever_comes_after_it_and_frees_all_that_was_held(crowd: Crowd) -> None:
    for number in range(ROUNDS):
        crowd.tree(f"Prompt {number}")
        name = crowd.person(f"p{number}")
        handed = crowd.task(name, "assistant_reply")
        banned, *outcomes = crowd.together(
            partial(crowd.does, crowd.chief, accounts.ban, crowd.ids[name], crowd.now),
            partial(crowd.send, name, handed, TextAnswer("Quickly now.", True)),
            partial(crowd.next, name, "initial_prompt"),
            partial(crowd.next, name, "label_initial_prompt"),
        )
        assert banned.disabled
        assert {type(refusal) for refusal in refused(outcomes)} <= {Banned}
        with pytest.raises(Banned):
            crowd.next(name)
        held = (tables.tasks.c.person_id == crowd.ids[name], tables.tasks.c.held == 1)
        assert crowd.count(*held) == 0


def test_a_purge_against_the_persons_own_requests_leaves_nothing_of_them(crowd: Crowd) -> None:
    for number in range(ROUNDS):
        tree_id = crowd.tree(f"Prompt {number}")
        name = crowd.person(f"p{number}")
        handed = crowd.task(name, "assistant_reply")
        crowd.together(
            partial(crowd.does, crowd.chief, erasure.purge, crowd.ids[name], crowd.now, crowd.rng),
            partial(crowd.send, name, handed, TextAnswer("Remember me.", True)),
        )
        crowd.work()
        assert all(message.author != crowd.ids[name] for message in crowd.load(tree_id).messages.values())
        assert crowd.count(tables.tasks.c.person_id == crowd.ids[name]) == 0
        assert crowd.count(tables.contributions.c.person_id == crowd.ids[name]) == 0


# Who waits for whom, one step after the other


def test_the_lottery_steps_around_a_prompt_that_somebody_is_just_changing(several: Crowd) -> None:
    several.policy(max_active_trees=0)
    busy, free = (several.tree(f"Prompt {number}", state=State.PROMPT_LOTTERY_WAITING) for number in range(2))
    several.policy(max_active_trees=2)
    with several.database.writer.begin() as db:
        trees.load_tree(db, busy)
        for _ in range(3):
            several.tend()
        assert (several.load(busy).state, several.load(free).state) == (State.PROMPT_LOTTERY_WAITING, State.GROWING)
    several.tend()
    assert several.load(busy).state is State.GROWING


def test_nobody_waits_for_who_is_at_work_where_a_lease_ran_out(several: Crowd) -> None:
    busy, free = (several.tree(f"Prompt {number}", max_children_count=1, goal_tree_size=2) for number in range(2))
    ada, ben, cleo = (several.person(name) for name in ("ada", "ben", "cleo"))
    for name in (ada, ben):
        several.task(name, "assistant_reply")
    several.now += timedelta(hours=1)
    with several.database.writer.begin() as db:
        trees.load_tree(db, busy)
        handed = several.task(cleo, "assistant_reply")
    assert handed.thread[0].text == several.load(free).root.text
    assert several.task(several.person("dora"), "assistant_reply").thread[0].text == several.load(busy).root.text


def test_who_finds_all_places_in_the_hands_of_others_is_not_told_that_there_is_nothing(several: Crowd) -> None:
    several.tree("Reviewed", max_children_count=1, goal_tree_size=2)
    several.write(several.person("ada"))
    several.task(several.person("ben"), "label_assistant_reply")
    several.now += timedelta(hours=1)
    busy = several.tree("Busy")
    cleo = several.person("cleo")
    with several.database.writer.begin() as db:
        trees.load_tree(db, busy)
        with pytest.raises(Elsewhere):  # since she frees what ben held, she waits for nobody
            several.next(cleo, "assistant_reply")
    assert several.next(cleo, "assistant_reply") is not None


def test_points_of_the_same_people_are_counted_without_waiting_in_a_circle(several: Crowd) -> None:
    both = threading.Barrier(2, timeout=20)
    day = several.now.date()

    def earn(db: Connection, people: Sequence[str], labels: int) -> None:
        for person in people:
            add_to_tallies(db, {(person, day): Counts(labels_full=labels)})
            both.wait()

    for labels in (1, -1):
        several.together(*(partial(several.door.call, earn, people, labels) for people in ("ab", "ba")))


# A change of policy


def planted_under_the_old_policy(crowd: Crowd, meanwhile: Callable[[], None]) -> str:
    """A tree whose transaction began before the policy changed, and ended when the change had been everywhere."""

    def plant(db: Connection) -> str:
        book = PolicyBook(db)
        assert book.version
        actor = identified(db, Caller(token_hash(crowd.tokens["chief"]), PersonRole.ADMIN, True), crowd.now)
        tree = moderation.plant(db, actor, "Planted meanwhile", "en", crowd.now, crowd.rng, state=State.GROWING)
        meanwhile()
        return tree.id

    return crowd.door.call(plant)


def test_a_tree_planted_in_a_transaction_that_saw_the_old_policy_is_reached_later(
    several: Crowd,
) -> None:
    crowd = several
    crowd.tree()
    changer = crowd.person("changer", PersonRole.ADMIN)

    def change() -> None:
        crowd.does(changer, campaign.change_policy, {"base": {"num_reviews_reply": 2}}, crowd.now, crowd.rng)
        crowd.work()

    tree_id = planted_under_the_old_policy(crowd, change)
    assert crowd.load(tree_id).policy == 1
    crowd.tend()
    assert crowd.load(tree_id).policy == 2


def test_policy_changes_reach_every_tree_while_volunteers_work(crowd: Crowd) -> None:
    for number in range(12):
        crowd.tree(f"Prompt {number}")
    names = [crowd.person(f"p{number}") for number in range(4)]

    def volunteer(name: str) -> None:
        for _ in range(6):
            handed = crowd.next(name)
            if handed is not None:
                crowd.send(name, handed, answer_to(handed, crowd.rng))

    def change() -> None:
        for reviews in (2, 3):
            form = {"base": {"num_reviews_reply": reviews}}
            crowd.does(crowd.chief, campaign.change_policy, form, crowd.now, crowd.rng)
            crowd.work()

    outcomes = crowd.together(change, *(partial(volunteer, name) for name in names))
    assert refused(outcomes) == []
    crowd.work()
    crowd.tend()
    with crowd.database.read() as db:
        T = tables.trees.c
        ended = [state.value for state in TERMINAL]
        assert set(db.execute(select(T.policy).where(T.state.not_in(ended))).scalars()) == {3}


# Everything at once

LANGS = ("en", "de", "fr")


def answer_to(task: Task, rng: Random) -> object:
    if task.labels:
        return LabelsAnswer({"spam": float(rng.random() < 0.2), "lang_mismatch": 0.0, "quality": 0.5}, ())
    if task.replies:
        handles = [reply.handle for reply in task.replies]
        rng.shuffle(handles)
        return RankingAnswer([[handle] for handle in handles])
    return TextAnswer(f"What number {rng.randrange(10**9)} has to say.", True)


class Storm:
    """Whatever volunteers and staff do, drawn by chance, and how often each came to what."""

    def __init__(self, crowd: Crowd, threads: int) -> None:
        self.crowd = crowd
        self.names = [crowd.person(f"v{number}") for number in range(threads)]
        self.staff = [crowd.person(f"m{number}", PersonRole.MODERATOR) for number in range(2)]
        self.outcomes: Counter[str] = Counter()
        self.broken: list[BaseException] = []
        self.sent: dict[str, str] = {}

    def rage(self, thread: int, operations: int) -> None:
        rng = Random(thread)
        for _ in range(operations):
            deed = rng.choices(list(self.DEEDS), list(self.DEEDS.values()))[0]
            try:
                deed(self, self.names[thread], rng)
                self.outcomes[deed.__name__] += 1
            except Refusal as refusal:
                self.outcomes[refusal.slug] += 1
            except Exception as error:  # whatever it is, it must not happen
                self.broken.append(error)

    def answer(self, name: str, rng: Random) -> None:
        task = self.crowd.next(name, langs=LANGS)
        if task is not None:
            client_id = f"{name} {task.id} {rng.random()}"
            self.crowd.send(name, task, answer_to(task, rng), client_id)
            self.sent[name] = client_id

    def ask(self, name: str, rng: Random) -> None:
        self.crowd.next(name, rng.choice(["assistant_reply", "label_assistant_reply", "initial_prompt"]), LANGS)

    def skip(self, name: str, rng: Random) -> None:
        task = self.crowd.next(name, langs=LANGS)
        if task is not None:
            self.crowd.does(name, tasks.skip, task.id, "cannot_judge", self.crowd.now, rng)

    def take_back(self, name: str, rng: Random) -> None:
        if name in self.sent:
            self.crowd.does(name, undo.withdraw, self.sent[name], self.crowd.now, rng)

    def react(self, name: str, rng: Random) -> None:
        emoji = rng.choice(["+1", "-1", "red_flag"])
        self.crowd.does(name, moderation.react, self.message(rng), emoji, True, self.crowd.now, rng)

    def delete(self, name: str, rng: Random) -> None:
        use_case = rng.choice([moderation.delete_message, moderation.undelete_message])
        self.crowd.does(rng.choice(self.staff), use_case, self.message(rng), self.crowd.now, rng)

    def order(self, name: str, rng: Random) -> None:
        command = rng.choice([Command.HALT, Command.RESUME, Command.PARK, Command.ACTIVATE])
        chosen = [self.tree(rng) for _ in range(3)]
        self.crowd.does(self.crowd.chief, moderation.order_trees, chosen, command, self.crowd.now, rng)

    def plant(self, name: str, rng: Random) -> None:
        state = rng.choice([State.INITIAL_PROMPT_REVIEW, State.PROMPT_LOTTERY_WAITING])
        self.crowd.does(
            self.crowd.chief, moderation.plant, f"Prompt {rng.random()}", rng.choice(LANGS), self.crowd.now, rng,
            state=state, shape=Shape(2, 2, 1, 4),
        )  # fmt: skip

    def ban(self, name: str, rng: Random) -> None:
        person = self.crowd.ids[rng.choice(self.names)]
        self.crowd.does(rng.choice(self.staff), accounts.ban, person, self.crowd.now)
        self.crowd.does(rng.choice(self.staff), accounts.unban, person, self.crowd.now, rng)

    def change_policy(self, name: str, rng: Random) -> None:
        form = {
            "base": {
                "gold_task_share": 0.3,
                "max_active_trees": rng.randint(2, 6),
                "num_reviews_reply": rng.randint(1, 2),
            }
        }
        self.crowd.does(self.crowd.chief, campaign.change_policy, form, self.crowd.now, rng)

    def tend(self, name: str, rng: Random) -> None:
        jobs.run_jobs(self.crowd.door.call, self.crowd.now, rng)
        self.crowd.tend()

    def mark(self, name: str, rng: Random) -> None:
        self.crowd.does(self.crowd.chief, gold.mark, self.message(rng), {"spam": 0.0}, self.crowd.now)

    def come_and_go(self, name: str, rng: Random) -> None:
        """Somebody comes, answers once, and is purged or leaves, perhaps while another one of their answers comes."""
        stranger = self.crowd.person(f"stranger {rng.random()} of {name}")
        self.answer(stranger, rng)
        leave = rng.choice([erasure.purge, erasure.close_account])
        self.crowd.does(self.crowd.chief, leave, self.crowd.ids[stranger], self.crowd.now, rng)

    def pass_time(self, name: str, rng: Random) -> None:
        self.crowd.now += timedelta(minutes=rng.choice([1, 1, 20]))

    def message(self, rng: Random) -> str:
        with self.crowd.database.read() as db:
            return rng.choice(db.execute(select(tables.messages.c.id).order_by(tables.messages.c.id)).scalars().all())

    def tree(self, rng: Random) -> str:
        with self.crowd.database.read() as db:
            return rng.choice(db.execute(select(tables.trees.c.id).order_by(tables.trees.c.id)).scalars().all())

    DEEDS = {  # noqa: RUF012
        answer: 40, ask: 8, skip: 4, take_back: 4, react: 8, delete: 6, order: 5, plant: 6, ban: 2, change_policy: 2,
        tend: 6, pass_time: 3,
        mark: 6, come_and_go: 4,
    }  # fmt: skip


@pytest.mark.slow
def test_in_a_storm_of_everything_everybody_is_answered_and_nothing_differs_afterwards(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # as it runs: who loses against another is tried again
    crowd.policy(max_active_trees=4, p_activate_backlog_tree=0.5, min_active_rankings_per_lang=2, gold_task_share=0.3)
    for number in range(8):
        crowd.tree(f"Prompt {number}", max_tree_depth=2, max_children_count=2, goal_tree_size=4)
    crowd.loosened = True
    storm = Storm(crowd, 8)
    crowd.together(*(partial(storm.rage, thread, 40) for thread in range(8)))
    assert [repr(error) for error in storm.broken] == []
    assert storm.outcomes["answer"] > 30
    crowd.work()
    crowd.check()
