"""Simulated volunteers of the tour: they review and rank whatever a site asks of them, by a taste of their own.

They answer prompts that they know, and leave others alone. Knows HTTP; is told nothing of who wrote what.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from espalier.replay.client import Client, Json, Refused, Server

KINDS: Final = ("label_assistant_reply", "rank_assistant_replies", "assistant_reply")
PEOPLE: Final = 8
SLIPS: Final = 0.1
"""How often somebody ranks by mood."""
PATIENCE: Final = 4
"""Rounds in which nobody is asked for anything, until they go home."""
PAUSE_S: Final = 0.2
CALM: Final[dict[str, Any]] = {"rate_tasks": None, "rate_assistant_replies": None, "duplicate_window_minutes": 0}
"""What they lay aside of a policy that is made for people: they work fast, and several know the same answer."""


async def judged(
    url: str, token: str, known: Mapping[str, str], seed: int, tell: Callable[[int], None]
) -> Counter[str]:
    """Volunteers come, do what there is to do in English, and go; how often they did what.

    token: of an administrator, who invites them. known: prompts that they can answer, and with which words.
    """
    done: Counter[str] = Counter()
    async with Server(url) as server:
        admin = await server.of(token)
        before = await admin.policy()
        await admin.set_policy({**before["base"], **CALM}, before["langs"])
        try:
            crowd = [await server.of(each) for each in await admin.invite(PEOPLE, "tour")]
            hands = [_Volunteer(client, known, Random(seed + place)) for place, client in enumerate(crowd)]
            idle = 0
            while idle < PATIENCE:
                did = [what for each in hands for what in await each.work()]
                done.update(did)
                tell(done.total())
                idle = 0 if did else idle + 1
                if not did:
                    await asyncio.sleep(PAUSE_S)
        finally:
            await admin.set_policy(before["base"], before["langs"])
    return done


class _Volunteer:
    def __init__(self, client: Client, known: Mapping[str, str], rng: Random) -> None:
        self._client, self._known, self._rng = client, known, rng

    async def work(self) -> list[str]:
        """One task of each kind, if there is any; what was done."""
        did = []
        for kind in KINDS:
            task = await self._client.next_task(["en"], kind)
            if task is None:
                continue
            form = self._answer(task)
            if form is None:
                await self._client.skip(task["id"])
                continue
            try:
                await self._client.submit(task["id"], form)
            except Refused:  # somebody was quicker, or said the same
                continue
            did.append(kind)
        return did

    def _answer(self, task: Json) -> Json | None:
        match task["kind"]:
            case "label_assistant_reply":
                quality = self._quality(task["thread"][-1]["text"])
                return {"labels": {"spam": 0.0, "lang_mismatch": 0.0, "quality": quality}}
            case "rank_assistant_replies":
                by_taste = sorted(task["replies"], key=lambda reply: self._liking(reply["text"]), reverse=True)
                return {"order": [[reply["handle"]] for reply in by_taste]}
        words = self._known.get(task["thread"][-1]["text"])
        return None if words is None else {"text": words, "confirm_language": True}

    def _liking(self, text: str) -> float:
        """Who says more different words is liked better; sometimes it is the mood."""
        return self._rng.random() * 100 if self._rng.random() < SLIPS else float(len(set(text.split())))

    def _quality(self, text: str) -> float:
        return min(4, len(set(text.split())) // 8) / 4
