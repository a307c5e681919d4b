"""The replay itself: an administrator plants, draws and halts, volunteers take tasks and answer from the script.

Ends when nobody is offered anything and no order moves a tree. Knows the script and the client; prints nothing.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from http import HTTPStatus
from random import Random
from typing import Any, Final

import httpx

from espalier.domain.lifecycle import Command
from espalier.domain.message import Role
from espalier.domain.policy import Policy
from espalier.domain.tree import State
from espalier.domain.work import ACT_OF, Act, Kind
from espalier.replay.client import Client, Json, Refused, Server
from espalier.replay.lull import Lull
from espalier.replay.original import OriginalTree, shape_of
from espalier.replay.outcome import differences
from espalier.replay.reading import replayed_tree
from espalier.replay.script import Answer, Play, Script, order_towards

ADMIN_CALLS_AT_ONCE: Final = 8
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.8  # before somebody who was offered nothing asks again
ROUNDS: Final = 5
"""How often trees that came to rest in another state than their originals are given an order, at most."""

WHAT: Final = {Act.REPLY: "texts", Act.LABEL: "reviews", Act.RANK: "rankings"}
Progress = Callable[[int, int], None]
"""Told how much of how much has been done."""

REHEARSAL: Final[dict[str, Any]] = {
    # Trees are drawn by order, and nobody is asked for new prompts.
    "max_active_trees": 0,
    "max_initial_prompt_review": 0,
    "max_prompt_lottery_waiting": 0,
    "random_goal_tree_size": False,
    # All that limits one person, who here stands for many.
    "rate_tasks": None,
    "rate_assistant_replies": None,
    "rate_prompter_replies": None,
    "max_share_of_tree": None,
    "max_share_of_language_week": None,
    "max_pending_tasks_per_user": 100,
    "duplicate_window_minutes": 0,
    # Skips only say that the original goes no further here.
    "auto_mod_max_skip_reply": None,
    "p_activate_backlog_tree": 0.0,
    "min_active_rankings_per_lang": 0,
    # The originals were judged by these numbers, and their means come from full reviews.
    "message_max_characters": 100_000,
    "num_reviews_initial_prompt": 3,
    "num_reviews_reply": 3,
    "acceptance_threshold_initial_prompt": 0.6,
    "acceptance_threshold_reply": 0.6,
    "num_required_rankings": 3,
    "p_full_labeling_review_prompt": 1.0,
    "p_full_labeling_review_reply_assistant": 1.0,
    "p_full_labeling_review_reply_prompter": 1.0,
    "gold_task_share": 0.0,
}


@dataclass(slots=True)
class Report:
    """What became of the replay. `differing`: by the id of the original, in which respects; `counts`: what was done."""

    trees: int
    differing: dict[str, list[str]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def same(self) -> int:
        return self.trees - len(self.differing)


async def replay(
    trees: Sequence[OriginalTree],
    server: Server,
    token: str,
    volunteers: int,
    seed: int,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Grow these trees again over HTTP and compare. The campaign's policy is changed meanwhile and then restored."""
    admin = await server.of(token)
    started = time.monotonic()
    async with rehearsal(admin, trees) as policy:
        script = Script(trees, policy, Random(seed))
        crowd = [await server.of(each) for each in await admin.invite(volunteers, "replay")]
        stage = Stage(script, admin, crowd, Report(len(trees)), progress)
        await stage.plant_all(policy)
        await stage.perform()
        await stage.compare()
    stage.report.seconds = time.monotonic() - started
    return stage.report


@asynccontextmanager
async def rehearsal(admin: Client, trees: Iterable[OriginalTree]) -> AsyncIterator[Policy]:
    """The policy that a replay needs, in force until it ends in whatever way."""
    before = await admin.policy()
    ranks_prompters = any(
        message.role is Role.PROMPTER and message.rank is not None for tree in trees for message in tree.root.walk()
    )
    wanted = {**REHEARSAL, "rank_prompter_replies": ranks_prompters}
    policy = Policy.from_mapping({**before["base"], **wanted})
    try:
        await admin.set_policy(wanted, {})
        yield policy
    finally:
        try:
            await admin.set_policy(before["base"], before["langs"])
        except (httpx.TransportError, Refused) as error:
            error.add_note(
                f"The policy of the replay is still in force; the one before it was version {before['version']}."
            )
            raise


class Stage:
    """The script, the people, and the ids of the trees that were planted, by those of their originals."""

    def __init__(
        self, script: Script, admin: Client, crowd: Sequence[Client], report: Report, progress: Progress
    ) -> None:
        self.script = script
        self.admin = admin
        self.crowd = crowd
        self.report = report
        self.progress = progress
        self.lull = Lull(len(crowd))
        self.planted: dict[str, str] = {}

    async def plant_all(self, policy: Policy) -> None:
        await _for_each(self.script.plays, partial(self._plant, policy))

    async def _plant(self, policy: Policy, play: Play) -> None:
        original, answer = play.original, self.script.plant(play)
        shape = shape_of(original, policy)
        form = {
            "text": answer.form["text"],
            "lang": original.lang,
            "shape": asdict(shape) if shape else None,
            "state": State.INITIAL_PROMPT_REVIEW,
        }
        try:
            self.planted[original.id] = await self.admin.plant(form)
        except Refused as refused:
            self.script.withdrawn(answer)
            self.report.differing[original.id] = [f"It was not planted: {refused}."]
        else:
            self._kept(answer, "texts")

    async def perform(self) -> None:
        """Until nobody is offered anything and no order moves a tree."""
        async with asyncio.TaskGroup() as group:
            for person in self.crowd:
                group.create_task(self._volunteer(person))
            for _ in range(ROUNDS):
                await self.lull.quiet()
                if not await self._order_stragglers():
                    break
                self.lull.happened()
            self.lull.end()

    async def _volunteer(self, person: Client) -> None:
        pause_s = SHORTEST_PAUSE_S
        while not self.lull.over:
            asked_at = self.lull.moment
            task = await person.next_task(self.script.langs)
            if task is not None:
                pause_s = SHORTEST_PAUSE_S
                await self._do(person, task)
                self.lull.happened()
                if not self.script.left:
                    self.lull.enough()
            else:
                self.report.counts["empty answers"] += 1
                await self.lull.rest(asked_at)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _do(self, person: Client, task: Json) -> None:
        answer = self.script.answer(task)
        if answer is not None:
            if await self._send(person, task, answer):
                await self._order_due(answer.spot.play)
                return
            self.script.withdrawn(answer)
        self.report.counts["skips"] += 1
        try:
            await person.skip(task["id"])
        except Refused as refused:
            # A tree that was halted meanwhile has taken its tasks back.
            if refused.status != HTTPStatus.CONFLICT:
                raise

    async def _send(self, person: Client, task: Json, answer: Answer) -> bool:
        """Whether it counts. A text that came late is kept by the campaign, but is no part of the tree."""
        try:
            receipt = await person.submit(task["id"], answer.form)
        except Refused as refused:
            self.report.refusals[refused.detail] += 1
            return False
        if receipt["late"] and answer.line is not None:
            self.script.withdrawn(answer)
            self.report.counts["late texts"] += 1
            return True
        self._kept(answer, WHAT[ACT_OF[Kind(task["kind"])]])
        return True

    def _kept(self, answer: Answer, what: str) -> None:
        self.script.kept(answer)
        self.report.counts[what] += 1
        self.progress(self.script.total - self.script.left, self.script.total)

    async def _order_due(self, play: Play) -> None:
        if (command := play.order_due()) is not None:
            await self._order(play, command)

    async def _order(self, play: Play, command: Command) -> bool:
        try:
            await self.admin.order(self.planted[play.original.id], command)
        except Refused as refused:
            self.report.refusals[refused.detail] += 1
            return False
        self.report.counts["orders"] += 1
        return True

    async def _order_stragglers(self) -> bool:
        """Give an order to every tree that rests where its original does not; whether any moved."""
        moved = False
        for play in self.script.plays:
            if play.original.id in self.planted:
                state = (await self._look(play)).state
                command = order_towards(play.original, state)
                moved |= command is not None and await self._order(play, command)
        return moved

    async def _look(self, play: Play) -> OriginalTree:
        return replayed_tree(await self.admin.tree(self.planted[play.original.id]))

    async def compare(self) -> None:
        await _for_each(self.script.plays, self._compare)

    async def _compare(self, play: Play) -> None:
        if play.original.id in self.planted and (found := differences(play.original, await self._look(play))):
            self.report.differing[play.original.id] = found


async def _for_each(plays: Iterable[Play], call: Callable[[Play], Coroutine[Any, Any, None]]) -> None:
    """Await the call for all of them, some at a time."""
    free = asyncio.Semaphore(ADMIN_CALLS_AT_ONCE)

    async def when_free(play: Play) -> None:
        async with free:
            await call(play)

    async with asyncio.TaskGroup() as group:
        for play in plays:
            group.create_task(when_free(play))
