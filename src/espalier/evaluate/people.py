"""People as judges: contests go to a running site as a set of comparisons, and the votes of its volunteers come back.

What is sent twice is there once, so a command that was stopped goes on. Knows the site's API; rates nothing.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from time import sleep
from typing import Any, Final, Self

import httpx

from espalier.dataset.examples import shared
from espalier.dataset.spellings import WON_BY
from espalier.evaluate.battles import Verdict, verdict_of
from espalier.evaluate.model import Tell, nobody
from espalier.evaluate.pairwise import Contest
from espalier.infer.remote import Unreachable, as_messages

API: Final = "/api/v1"
TIMEOUT_S: Final = 60.0
PAUSES_S: Final = (1.0, 3.0, 10.0)
"""Before a call is tried again that came at a bad time."""
BUSY: Final = (429, 503)
LOOK_EVERY: Final = timedelta(seconds=5)
MOST_BYTES: Final = 500_000
"""Of one upload."""
MOST_AT_ONCE: Final = 100
ON_A_PAGE: Final = 200


class SiteRefuses(Exception):
    """The site does not do what it is asked; the message is its own."""


@dataclass(frozen=True, slots=True)
class Voted:
    """verdicts: one for each vote, `model_a` stood left. raters: how many people voted; busiest: the votes of the one
    who voted most. full: comparisons with as many votes as were wanted, of all.
    """

    verdicts: tuple[Verdict, ...]
    raters: int
    busiest: int
    full: int
    of: int


class People:
    """The volunteers of a site. people: so many compare each two answers. Raises Unreachable, SiteRefuses."""

    def __init__(self, url: str, token: str, name: str, people: int, seed: int) -> None:
        self._name, self._people, self._seed, self._url = name, people, seed, url
        self._http = httpx.Client(
            base_url=url.rstrip("/") + API, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def bring(self, contests: Sequence[Contest], langs: Sequence[str], tell: Tell = nobody) -> str:
        """Send contests, each in its language; the id of the set, the same for the same contests."""
        spelled = [_spelled(each, lang) for each, lang in zip(contests, langs, strict=True)]
        named = [self._name, self._people, self._seed, spelled]
        set_id = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:32]
        form = {"name": self._name, "people": self._people, "seed": self._seed}
        there = self._call("PUT", f"/comparisons/{set_id}", form)["battles"]
        if there == len(contests):
            return set_id
        sent = 0
        for part in _parts(spelled):
            self._call("POST", f"/comparisons/{set_id}/battles", {"comparisons": part})
            sent += len(part)
            tell(sent, len(spelled))
        return set_id

    def wait(self, set_id: str, tell: Tell = nobody) -> None:
        """Until all have as many votes as were wanted, or the set has ended."""
        while True:
            now = self._call("GET", f"/comparisons/{set_id}")
            tell(now["full"], now["battles"])
            if now["full"] == now["battles"] or now["ended_at"]:
                return
            sleep(LOOK_EVERY.total_seconds())

    def votes(self, set_id: str, contests: Sequence[Contest]) -> Voted:
        """What was voted so far."""
        by_sides = {(each.question, each.turn, each.model_a, each.model_b): each for each in contests}
        by_sides |= {(each.question, each.turn, each.model_b, each.model_a): each.turned for each in contests}
        verdicts, raters = [], Counter[int]()
        for said in self._votes(set_id):
            contest = by_sides[said["question"], said["turn"], said["left"], said["right"]]
            battle = contest.won_by(WON_BY[said["vote"]], f"person {said['rater']}")
            sides = {"left": {said["left"]}, "right": {said["right"]}, "both": {said["left"], said["right"]}}
            verdicts.append(replace(verdict_of(battle), declined=frozenset(sides.get(said["declined"], ()))))
            raters[said["rater"]] += 1
        now = self._call("GET", f"/comparisons/{set_id}")
        return Voted(
            tuple(verdicts), len(raters), max(raters.values(), default=0), now["full"], now["battles"]
        )  # fmt: skip

    def _votes(self, set_id: str) -> Iterator[dict[str, Any]]:
        cursor = None
        while True:
            where = f"?limit={ON_A_PAGE}" + (f"&cursor={cursor}" if cursor else "")
            page = self._call("GET", f"/comparisons/{set_id}/votes{where}")
            yield from page["items"]
            if not (cursor := page["next"]):
                return

    def _call(self, method: str, path: str, body: object = None) -> Any:
        for pause in (*PAUSES_S, None):
            try:
                answer = self._http.request(method, path, json=body)
            except httpx.HTTPError as error:
                if pause is None:
                    raise Unreachable(f"the site {self._url} does not answer: {error}") from None
            else:
                if answer.is_success:
                    return answer.json() if answer.content else None
                if answer.status_code not in BUSY or pause is None:
                    raise SiteRefuses(_sentence(answer))
            sleep(pause)
        raise AssertionError("unreachable")


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The site answers {answer.status_code} {answer.reason_phrase}."


def _spelled(contest: Contest, lang: str) -> dict[str, Any]:
    thread = shared(contest.one, contest.other)
    sides = {
        name: {"model": model, "turns": as_messages(turns[len(thread) :])}
        for name, model, turns in (
            ("first", contest.model_a, contest.one), ("second", contest.model_b, contest.other),
        )
    }  # fmt: skip
    return {
        "question": contest.question, "turn": contest.turn, "lang": lang, "thread": as_messages(thread), **sides,
    }  # fmt: skip


def _parts(spelled: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    held = 0
    for each in spelled:
        size = len(json.dumps(each))
        if part and (held + size > MOST_BYTES or len(part) == MOST_AT_ONCE):
            yield part
            part, held = [], 0
        part.append(each)
        held += size
    if part:
        yield part
