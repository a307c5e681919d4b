"""`espalier evaluate pairwise`: models answer the same prompts, and a judge says of any two answers which is better."""

import os
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
    Models,
    Numbers,
    Seed,
    Threads,
    in_sentences,
    opened,
    opened_judge,
)
from espalier.cli.files import refuse_unreadable
from espalier.cli.terminal import MISUSED, fail, out, plural, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from espalier.evaluate.battles import Verdict
    from espalier.evaluate.pairwise import Contest

PAIRWISE: Final = "pairwise"
REWARD, OPENAI = "reward:", "openai:"


def pairwise(
    models: Models,
    prompts: Annotated[Path, typer.Option(metavar="FILE", help="FastChat's questions, or prompts in JSONL or CSV.")],
    judge: Annotated[
        str, typer.Option(metavar="JUDGE", help="reward:MODEL, a reward model; or openai:URL#MODEL, a language model.")
    ],
    into: Into = RESULTS,
    first: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N prompts.")] = None,
    longest: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of an answer at most.")] = 512,
    temperature: Annotated[float, typer.Option(metavar="T", min=0, help="Answers are drawn at it.")] = 0.7,
    seed: Seed = 0,
    resamples: Resamples = 2_000,
    orders: Orders = 500,
    device: Device = "auto",
    dtype: Numbers = "float32",
    threads: Threads = None,
) -> None:
    """Have models answer the same prompts, any two answers judged, and rate the models by it. A language model judges
    in both orders. What is answered and judged is kept, so the same command goes on where it was stopped."""
    from espalier.dataset.write import write_objects
    from espalier.evaluate.answers import samples_of
    from espalier.evaluate.battles import written
    from espalier.evaluate.model import named
    from espalier.evaluate.pairwise import contests, conversations
    from espalier.evaluate.prompts import read_prompts
    from espalier.evaluate.results import checksums
    from espalier.infer.engine import Sampling

    if not judge.startswith((REWARD, OPENAI)):
        fail(f"{judge!r} is no judge; write {REWARD}DIRECTORY or {OPENAI}http://HOST:PORT#MODEL.", MISUSED)
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
        verdicts, said_by = _judged(judge, contests(questions, held, seed), into, seed, device, dtype, threads)
        found = standing(verdicts, seed, resamples, orders, 32.0)
    rated(found, into, PAIRWISE, f"{prompts.name}: {', '.join(held)}", said_by, checksums([prompts]), known)
    battles = into / f"{PAIRWISE}.battles.jsonl"
    count = write_objects(battles, map(written, verdicts))
    out.print(f"{escape(str(battles))}: {plural(count, 'battle')}, as FastChat has them.")


def _judged(
    judge: str, contests: "Sequence[Contest]", into: Path, seed: int, device: str, dtype: str, threads: int | None
) -> "tuple[Sequence[Verdict], str]":
    """What the judge says, and who it is."""
    from espalier.evaluate.judges import LanguageJudge, by_reward
    from espalier.evaluate.remote import open_remote
    from espalier.infer.remote import ChatClient

    kind, _, written = judge.partition(":")
    if f"{kind}:" == REWARD:
        rewards = opened_judge(written, device, dtype, threads)
        with progress(f"{rewards.name}: judging"):
            return by_reward(rewards, contests), f"the reward model {rewards.name}, which sees one answer at a time"
    key = os.environ.get(JUDGE_KEY) or os.environ.get(KEY)
    source = open_remote(written, written, key).source
    url, _, model = source.partition("#")
    with ChatClient(url, key) as client, progress(f"{model}: judging") as bar:
        asked = LanguageJudge(client, model, source, seed, into / f"{PAIRWISE}.judgements.jsonl")
        return asked.rulings(contests, bar), f"{asked.name}, asked in both orders"
