"""`espalier evaluate pairwise`: models answer the same prompts, and a judge says of any two answers which is better."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from espalier.cli.evaluate_battles import Orders, Resamples, rated, standing
from espalier.cli.evaluating import (
    JUDGE_KEY,
    KEY,
    RESULTS,
    Device,
    Into,
    JudgeLongest,
    Models,
    Numbers,
    Seed,
    Threads,
    in_sentences,
    opened,
    opened_judge,
)
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import MISUSED, fail, out, plural, progress, refuse_no_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from espalier.evaluate.battles import Verdict
    from espalier.evaluate.pairwise import Contest
    from espalier.evaluate.people import Voted

PAIRWISE: Final = "pairwise"
SELECTION: Final = (
    "Those who voted are volunteers of this site who chose to compare answers and work in the prompts' languages; they "
    "are no sample of anybody else."
)
REWARD, OPENAI, PEOPLE = "reward:", "openai:", "people"


def pairwise(
    models: Models,
    prompts: Annotated[Path, typer.Option(metavar="FILE", help="FastChat's questions, or prompts in JSONL or CSV.")],
    judge: Annotated[
        str,
        typer.Option(
            metavar="JUDGE", help="reward:MODEL, a reward model; openai:URL#MODEL, a language model; or people."
        ),
    ],
    judge_longest: JudgeLongest = 1_024,
    into: Into = RESULTS,
    first: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N prompts.")] = None,
    longest: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of an answer at most.")] = 512,
    temperature: Annotated[float, typer.Option(metavar="T", min=0, help="Answers are drawn at it.")] = 0.7,
    seed: Seed = 0,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Of the site whose volunteers judge.")] = None,
    token: Annotated[
        str | None, typer.Option(metavar="TOKEN", envvar="ESPALIER_TOKEN", help="An administrator's, of that site.")
    ] = None,
    people: Annotated[
        int, typer.Option(metavar="N", min=1, max=25, help="So many volunteers compare each two answers.")
    ] = 2,
    lang: Annotated[
        str,
        typer.Option(metavar="LANG", help="Of prompts in which no language is found, for volunteers who work in it."),
    ] = "en",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Whether to wait for volunteers, or take the votes of now.")
    ] = True,
    resamples: Resamples = 2_000,
    orders: Orders = 500,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Have models answer the same prompts, any two answers judged, and rate the models by it. A language model judges
    in both orders; people compare on a running site, blind, at `/compare`. What is answered and judged is kept, so the
    same command goes on where it was stopped."""
    from espalier.dataset.write import write_objects
    from espalier.evaluate.answers import samples_of
    from espalier.evaluate.battles import written
    from espalier.evaluate.model import named
    from espalier.evaluate.pairwise import contests, conversations
    from espalier.evaluate.prompts import read_prompts
    from espalier.evaluate.results import checksums
    from espalier.infer.engine import Sampling

    if not judge.startswith((REWARD, OPENAI)) and judge != PEOPLE:
        fail(f"{judge!r} is no judge; write {REWARD}DIRECTORY, {OPENAI}http://HOST:PORT#MODEL or {PEOPLE}.", MISUSED)
    if judge == PEOPLE and not (url and token):
        fail("People judge on a running site: give its address with --url, and an administrator's token.", MISUSED)
    refuse_no_token(token or "")
    if len(models) < 2:
        fail("Name two models or more, to compare them.", MISUSED)
    refuse_unreadable(prompts)
    with in_sentences():
        names = [named(each)[0] for each in models]
        if twice := next((each for each in names if names.count(each) > 1), None):
            fail(f"Two models are called {twice}; write NAME={models[names.index(twice)]} for one of them.", MISUSED)
        questions = read_prompts(prompts)[:first]
        held, known = {}, {}
        for model in opened(models, device, dtype, threads):
            with progress(f"{model.name}: answering") as bar:
                kept = samples_of(into, model, PAIRWISE)
                held[model.name] = conversations(model, questions, Sampling(longest, temperature), seed, kept, bar)
            known[model.name] = (model.source, model.identity)
        put = contests(questions, held, seed)
        if judge == PEOPLE:
            assert url, "asked for above"
            assert token, "asked for above"
            site = Site(url, token, f"{prompts.stem}: {', '.join(held)}", people, lang, wait)
            verdicts, said_by = _voted(site, put, seed)
        else:
            verdicts, said_by = _judged(judge, put, judge_longest, into, seed, device, dtype, threads)
        found = standing(verdicts, seed, resamples, orders, 32.0)
    battles = into / f"{PAIRWISE}.battles.jsonl"
    count = write_objects(battles, map(written, verdicts))
    rated(found, into, PAIRWISE, f"{prompts.name}: {', '.join(held)}", said_by, checksums([prompts]), known)
    out.print(f"{escape(str(battles))}: {plural(count, 'battle')}, as FastChat has them.")


@dataclass(frozen=True, slots=True)
class Site:
    """Where volunteers judge. name: of the set of comparisons. lang: of prompts in which none is found."""

    url: str
    token: str
    name: str
    people: int
    lang: str
    wait: bool


def _voted(site: Site, contests: "Sequence[Contest]", seed: int) -> "tuple[Sequence[Verdict], str]":
    """The votes of a site's volunteers, and who they are. Ends the command where there is none yet."""
    from espalier.evaluate.people import People, SiteRefuses
    from espalier.safety.language import detect

    langs = [(found.lang if (found := detect(each.one[-2].content)) else site.lang) for each in contests]
    try:
        with People(site.url, site.token, site.name, site.people, seed) as volunteers:
            with progress("bringing the answers to the site") as bar:
                set_id = volunteers.bring(contests, langs, bar)
            out.print(f"{escape(site.url)}/compare: volunteers compare the answers here.")
            if site.wait:
                with progress("volunteers compare") as bar:
                    volunteers.wait(set_id, bar)
            voted = volunteers.votes(set_id, contests)
    except SiteRefuses as refused:
        fail(f"The site refuses: {refused}")
    if not voted.verdicts:
        fail("Nobody has voted yet; the same command goes on from here.")
    said = _who_voted(voted)
    for each in said:
        out.print(escape(each))
    return voted.verdicts, f"volunteers of {site.url}, blind, sides by chance. {' '.join(said)}"


def _who_voted(voted: "Voted") -> list[str]:
    """What stands beside ratings by people: who they are, what is left out, how far it has come."""
    all_of = len(voted.verdicts)
    who = "One person" if voted.raters == 1 else f"{voted.raters:,} people"
    busiest = f"; the busiest gave {voted.busiest:,}" if voted.raters > 1 else ""
    said = [
        f"{who} gave {plural(all_of, 'vote')}{busiest}. {SELECTION}",
        f"Comparisons with as many votes as were wanted: {voted.full:,} of {voted.of:,}.",
    ]
    return said + _refusals(voted.verdicts, "vote", "was seen refusing")


def _refusals(verdicts: "Sequence[Verdict]", one: str, how: str) -> list[str]:
    """What was said of refusals, and is left out. one: of what was said. how: that an answer refuses, in words."""
    from espalier.evaluate.battles import refusals

    if not (apart := sum(bool(each.declined) for each in verdicts)):
        return []
    each = ", ".join(f"{model} {count:,} of {seen:,}" for model, (count, seen) in refusals(verdicts).items())
    return [
        f"{plural(apart, one)} {'is' if apart == 1 else 'are'} left out of the ratings, because an answer {how}: "
        f"{each}. With them a model that refuses loses, or wins, by refusing."
    ]


def _judged(
    judge: str, contests: "Sequence[Contest]", longest: int, into: Path, seed: int, device: str, dtype: str,
    threads: int | None,
) -> "tuple[Sequence[Verdict], str]":  # fmt: skip
    """What the judge says, and who it is."""
    from espalier.evaluate.judges import LanguageJudge, by_reward, declining
    from espalier.evaluate.manner import RULES
    from espalier.evaluate.remote import open_remote
    from espalier.infer.remote import ChatClient

    kind, _, written = judge.partition(":")
    if f"{kind}:" == REWARD:
        rewards = opened_judge(written, device, dtype, threads)
        with progress(f"{rewards.name}: judging"):
            told = by_reward(rewards, contests)
        said_by = f"the reward model {rewards.name}, which sees one answer at a time"
    else:
        key = os.environ.get(JUDGE_KEY) or os.environ.get(KEY)
        source = open_remote(written, written, key).source
        url, _, model = source.partition("#")
        with ChatClient(url, key) as client, progress(f"{model}: judging") as bar:
            asked = LanguageJudge(client, model, source, seed, into / f"{PAIRWISE}.judgements.jsonl", longest)
            told = asked.rulings(contests, bar)
        said_by = f"{asked.name}, asked in both orders"
    verdicts = [declining(each) for each in told]
    apart = _refusals(verdicts, "verdict", f"refuses, as {RULES} tell")
    for each in apart:
        out.print(escape(each))
    return verdicts, ". ".join([said_by, *apart])
