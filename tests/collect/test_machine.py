"""Random volunteers and staff drive a whole campaign; after every step nothing the rules promise may be broken.

Each step is one use case in a savepoint, as the door runs it. Checked after each: the structure of every tree, that
the stored campaign equals the one rebuilt from its contributions, that no place holds more than it needs, and that
nobody did what nobody may do.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any, ClassVar

import pytest
from sqlalchemy import Connection, select

from databases import keep
from espalier.collect import (
    accounts,
    campaign,
    contributions,
    erasure,
    imports,
    jobs,
    moderation,
    synthetic,
    tasks,
    undo,
)
from espalier.collect.answers import Answer, LabelsAnswer, RankingAnswer, TextAnswer
from espalier.collect.intake import Source
from espalier.dataset.objects import tree_record
from espalier.domain.errors import Refusal
from espalier.domain.lifecycle import Command
from espalier.domain.message import EMOJIS, SKIP_REASONS, UNSAID
from espalier.domain.tree import Tree, accepted, stands
from espalier.domain.work import Act, Kind, Task
from espalier.store import tables
from espalier.store.kept import keep_no_more
from espalier.store.people import Person
from espalier.store.session import Database
from espalier.store.sql import Statement
from gardens import Garden
from oasst import message, tree

SMALL = {
    "max_active_trees": 2, "max_tree_depth": 2, "max_children_count": 2, "goal_tree_size": 4, "min_goal_tree_size": 3,
    "num_reviews_initial_prompt": 1, "num_reviews_reply": 2, "num_required_rankings": 2, "random_goal_tree_size": True,
    "auto_mod_red_flags": 2, "auto_mod_max_skip_reply": 3, "p_activate_backlog_tree": 0.5, "undo_seconds": 600,
    "rate_tasks": None, "rate_assistant_replies": None, "rate_prompter_replies": None, "duplicate_window_minutes": 0,
    "p_full_labeling_review_reply_assistant": 0.5, "lease_minutes_writing": 4, "lease_minutes_ranking": 3,
    "lease_minutes_label": 2,
}  # fmt: skip
CHANGES: tuple[dict[str, object], ...] = (
    {"num_reviews_reply": 1}, {"num_reviews_reply": 3}, {"num_required_rankings": 1}, {"max_active_trees": 3},
    {"acceptance_threshold_reply": 0.9}, {"rank_prompter_replies": True}, {"auto_mod_enabled": False},
    {"max_share_of_tree": 0.5}, {"max_active_trees": 0}, {"max_share_of_language_week": 0.3},
    {"language_weights": {"de": 0.3}}, {"target_language_mix": {"en": 0.2, "de": 0.8}},
    {"min_active_rankings_per_lang": 2}, {"init_prompt_disabled_langs": ["de"]},
)  # fmt: skip
_TREES = Statement(select(tables.trees.c.id).order_by(tables.trees.c.id))
_PLACES = Statement(select(tables.open_work))


class Answered(Exception):
    """A task could be answered."""


class Campaign:
    def __init__(self, db: Connection, seed: int) -> None:
        self.garden = Garden(db, Random(seed))
        self.rng = Random(seed + 1)
        self.hands: list[tuple[Person, Task]] = []
        self.sent: list[tuple[Person, str, str, Answer]] = []
        self.skipped: list[tuple[Person, Task]] = []
        self.seen: set[str] = set()
        self.undeleted: set[str] = set()
        self.loosened = False
        self.said = 0
        self.garden.policy(**SMALL)
        self.people = [self.garden.person(f"p{number}") for number in range(9)]
        self.staff = [self.garden.admin(), self.garden.moderator()]

    def attempt(self, use_case: Callable[..., Any], *args: Any) -> Any:
        """As the door does: a refusal changes nothing."""
        garden = self.garden
        with suppress(Refusal), garden.db.begin_nested():
            return use_case(garden.db, *args, garden.later(seconds=1), garden.rng)
        return None

    def pick(self, several: Sequence[Any]) -> Any:
        return self.rng.choice(several) if several else None

    def trees(self) -> list[Tree]:
        return [self.garden.load(tree_id) for tree_id in _TREES.values(self.garden.db)]

    def messages(self) -> list[str]:
        return [message_id for each in self.trees() for message_id in each.messages]

    # What volunteers do.

    def take(self) -> None:
        person = self.pick(self.people)
        asked = tasks.Ask(self.pick(["random"] * 9 + list(Kind)), self.pick([("en",), ("en",), ("de", "en")]))
        self.attempt(jobs.free_expired)
        counts = tasks.availability(self.garden.db, person, asked.langs, self.garden.now)
        some = any(counts[lang][asked.kind] for lang in asked.langs)
        if task := self.attempt(tasks.next_task, person, asked):
            assert task.lang in asked.langs
            if not any(mine is person and held.id == task.id for mine, held in self.hands):
                self.hands.append((person, task))
        if task is None or task.id in self.seen:
            return
        self.seen.add(task.id)
        assert some, f"{asked} was counted as nothing"
        self.could_be_sent(person, task)

    def could_be_sent(self, person: Person, task: Task) -> None:
        """Nobody is offered what is then refused."""
        with suppress(Answered), self.garden.db.begin_nested():
            sent = contributions.submit(
                self.garden.db, person, task.id, "at once", self.answer(task), self.garden.now, self.garden.rng
            )  # fmt: skip
            assert not sent.late, task
            raise Answered  # and taken back, for this was only to see

    def send(self) -> None:
        if not self.hands:
            return
        person, task = self.hands.pop(self.rng.randrange(len(self.hands)))
        self.said += 1
        receipt = self.attempt(contributions.submit, person, task.id, f"id-{self.said}", self.answer(task))
        if receipt is not None:
            self.sent.append((person, task.id, f"id-{self.said}", self.last))

    def answer(self, task: Task) -> Answer:
        if task.replies:
            handles = [reply.handle for reply in task.replies]
            self.rng.shuffle(handles)
            tied = [handles] if self.rng.random() < 0.2 else [[handle] for handle in handles]
            unacceptable = self.rng.random() < 0.1
            self.last: Answer = RankingAnswer([] if unacceptable else tied, unacceptable)
        elif task.labels:
            self.last = LabelsAnswer({"spam": float(self.rng.random() < 0.2)}, ())
        else:
            self.last = TextAnswer(f"Words number {self.said} of this campaign.", True)
        return self.last

    def send_again(self) -> None:
        if self.sent:
            person, task_id, client_id, answer = self.pick(self.sent)
            before = self.trees()
            self.attempt(contributions.submit, person, task_id, client_id, answer)
            assert self.trees() == before

    def take_back(self) -> None:
        if self.sent:
            person, _, client_id, _ = self.pick(self.sent[-3:])
            self.attempt(undo.withdraw, person, client_id)

    def undo(self) -> None:
        """The task is in hand again; what was sent fits it."""
        if self.sent:
            person, task_id, _, answer = self.pick(self.sent[-3:])
            if undone := self.attempt(undo.undo, person, task_id):
                assert type(undone.sent) is type(answer)
                self.hands.append((person, undone.task))

    def withdraw_text(self) -> None:
        if known := self.messages():
            self.attempt(undo.withdraw_text, self.pick(self.people), self.pick(known))

    def skip(self) -> None:
        if self.hands:
            person, task = self.hands.pop(self.rng.randrange(len(self.hands)))
            self.attempt(tasks.skip, person, task.id, self.pick([UNSAID, *SKIP_REASONS]))
            self.skipped.append((person, task))

    def unskip(self) -> None:
        if self.skipped:
            person, task = self.pick(self.skipped[-3:])
            if opened := self.attempt(undo.unskip, person, task.id):
                self.hands.append((person, opened))

    def say_why(self) -> None:
        if self.skipped:
            person, task = self.pick(self.skipped[-3:])
            self.attempt(undo.give_skip_reason, person, task.id, self.pick(SKIP_REASONS))

    def time_passes(self) -> None:
        self.garden.later(minutes=self.rng.randrange(4))
        self.attempt(jobs.free_expired)

    def react(self) -> None:
        if known := self.messages():
            emoji = self.pick(EMOJIS[:3])
            self.attempt(
                moderation.react, self.pick(self.people), self.pick(known), emoji, self.rng.random() < 0.8
            )  # fmt: skip

    def a_model_replies(self) -> None:
        waiting, _ = synthetic.waiting_prompts(self.garden.db, "a model", 2, None, None, "")
        if prompt := self.pick(waiting):
            self.said += 1
            added = self.attempt(synthetic.add_replies, prompt.id, "a model", [f"Reply {self.said}."])
            assert added.replies == 1, "a place that is shown as free takes a reply"

    # What staff do.

    def plant(self) -> None:
        self.said += 1
        self.attempt(moderation.plant, self.staff[0], f"Prompt {self.said}?", "en")

    def graft(self) -> None:
        """Import a small tree in any state, sometimes one that is there already."""
        self.said += self.rng.random() < 0.8
        name = f"imported-{self.said}"
        state = self.pick(["growing", "ranking", "backlog_ranking", "ready_for_export", "prompt_lottery_waiting"])
        verdicts = {"review_count": 3, "review_result": True}
        replies = [] if state == "prompt_lottery_waiting" else [
            message(f"{name}.{place}", name, rank=place if self.rng.random() < 0.5 else None, **verdicts)
            for place in range(self.rng.randrange(3))
        ]  # fmt: skip
        record = tree_record(tree(message(name, replies=replies, **verdicts), tree_state=state), 1)
        self.attempt(imports.import_trees, [record], {}, Source("some.trees.jsonl"), None)

    def delete(self) -> None:
        if known := self.messages():
            self.attempt(moderation.delete_message, self.staff[1], self.pick(known))

    def undelete(self) -> None:
        gone = [said.id for each in self.trees() for said in each.messages.values() if said.deleted]
        if gone and (back := self.attempt(moderation.undelete_message, self.staff[1], self.pick(gone))):
            self.undeleted.add(back.id)

    def edit(self) -> None:
        self.said += 1
        if known := self.messages():
            self.attempt(moderation.edit_message, self.staff[1], self.pick(known), f"Better words, {self.said}.")

    def order(self) -> None:
        if known := self.trees():
            self.attempt(moderation.order_tree, self.staff[0], self.pick(known).id, self.pick(list(Command)))

    def ban(self) -> None:
        person, garden = self.pick(self.people), self.garden
        with suppress(Refusal), garden.db.begin_nested():
            accounts.ban(garden.db, self.staff[1], person.id, garden.later(seconds=1))
        self.hands = [(holder, task) for holder, task in self.hands if holder.id != person.id]
        self.attempt(lambda db, now, rng: accounts.unban(db, self.staff[1], person.id, now, rng))

    def purge(self) -> None:
        self._leave(erasure.purge, self.staff[1])

    def close(self) -> None:
        self._leave(erasure.close_account, self.staff[0])

    def _leave(self, use_case: Callable[..., Any], actor: Person) -> None:
        person = self.pick(self.people)
        self.attempt(use_case, actor, person.id)
        self.people[self.people.index(person)] = self.garden.person(f"newcomer {self.said}")
        self.hands = [(holder, task) for holder, task in self.hands if holder.id != person.id]
        self.sent = [entry for entry in self.sent if entry[0].id != person.id]
        self.skipped = [entry for entry in self.skipped if entry[0].id != person.id]

    def change_policy(self) -> None:
        self.loosened = True
        self.attempt(campaign.change_policy, self.staff[0], {"base": {**SMALL, **self.pick(CHANGES)}})

    def jobs_go_on(self) -> None:
        garden = self.garden
        jobs.run_jobs(lambda use_case, *args: use_case(garden.db, *args), garden.later(seconds=1), garden.rng)

    ACTIONS: ClassVar[dict[Callable[["Campaign"], None], int]] = {
        take: 60, send: 60, send_again: 4, take_back: 3, undo: 4, withdraw_text: 3, skip: 5, unskip: 3,
        say_why: 2, time_passes: 12, react: 4, plant: 2, graft: 2, a_model_replies: 6,
        delete: 2, undelete: 2, edit: 1, order: 2, ban: 1, change_policy: 1, purge: 1, close: 1, jobs_go_on: 6,
    }  # fmt: skip

    def step(self) -> str:
        (action,) = self.rng.choices(list(self.ACTIONS), list(self.ACTIONS.values()))
        action(self)
        return action.__name__

    # What must hold.

    def check(self) -> None:
        self.garden.check()
        # A policy that asks for less cannot take back what is handed out, nor an undelete what was written since.
        if not self.loosened and not self.undeleted:
            self.no_place_holds_more_than_it_needs()
        for each in self.trees():
            self.nobody_did_what_nobody_may_do(each)
            self.it_does_not_outgrow_its_goal(each)

    def no_place_holds_more_than_it_needs(self) -> None:
        """A late vote counts, but what is in time and what is leased share the places without it."""
        late = {each.id: _late_votes(each) for each in self.trees()}
        for place in _PLACES.rows(self.garden.db):
            assert 0 <= place.held <= place.needs + late[place.tree_id].get((place.act, place.subject), 0), place
            assert place.tree_held <= place.budget or place.act != Act.REPLY, place

    def nobody_did_what_nobody_may_do(self, of: Tree) -> None:
        for said in of.messages.values():
            reviewers = [review.person for review in said.reviews if review.person]
            assert len(set(reviewers)) == len(reviewers), said
            assert said.author is None or said.author not in reviewers, said
        for parent, replies in of.children().items():
            authors = [reply.author for reply in replies if reply.author]
            assert len(set(authors)) == len(authors), parent
            own = {reply.id: reply.author for reply in replies if stands(reply)}
            voters = [ranking.person for ranking in of.rankings.get(parent, ()) if ranking.person]
            assert len(set(voters)) == len(voters), parent
            for ranking in of.rankings.get(parent, ()):
                held = {own.get(reply) for group in ranking.order for reply in group}
                assert ranking.person not in held - {None}, ranking

    def it_does_not_outgrow_its_goal(self, of: Tree) -> None:
        live = of.live().values()
        late_reviews = any(review.late for said in live for review in said.reviews)
        assert late_reviews or of.id in self.undeleted or sum(map(accepted, live)) <= of.shape.goal_tree_size, of.id


def _late_votes(of: Tree) -> Counter[tuple[str, str]]:
    votes: Counter[tuple[str, str]] = Counter()
    for said in of.messages.values():
        votes[Act.LABEL, said.id] = sum(review.late for review in said.reviews)
        votes[Act.RANK, said.id] = sum(ranking.late for ranking in of.rankings.get(said.id, ()))
    return votes


STEPS = 250


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_a_campaign_keeps_every_promise_whatever_people_do(seed: int, sqlite_db: Database) -> None:
    with sqlite_db.writer.begin() as db:
        keep(db)
        drive(Campaign(db, seed))
        keep_no_more(db)


@pytest.mark.slow
def test_the_same_on_postgresql(postgres_db: Database) -> None:
    with postgres_db.writer.begin() as db:
        drive(Campaign(db, 100))


def drive(made: Campaign) -> None:
    steps: list[str] = []
    for _ in range(STEPS):
        steps.append(made.step())
        try:
            made.check()
        except AssertionError as error:
            error.add_note(f"after {len(steps)} steps, the last of them {', '.join(steps[-8:])}")
            raise
