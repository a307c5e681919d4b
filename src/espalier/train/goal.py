"""What a policy is to learn: the prompts that it replies to, and what replies are worth.

Knows settings, prompts and reward models; does not know how one learns.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Prompt
from espalier.infer.engine import Reward, Sampling, Tokens
from espalier.infer.reward import load_reward
from espalier.infer.score import model_reward
from espalier.infer.tokens import end_of, tokens_of
from espalier.infer.unusable import BadModel
from espalier.train.settings import BadSettings, Section, Tuning, setting
from espalier.train.sources import BadSource, Line, Parts


class Rollouts(Section):
    """How the policy replies, and what its replies are worth."""

    reward: str = setting("The reward model that is learned from.", "the directory of a reward model", "")
    judge: str = setting(
        "A reward model of other folds, which nobody learns from: whether what was learned is more than its reward's "
        "habits.", "the directory of a reward model", "",
    )  # fmt: skip
    server: str = setting(
        "A vLLM server that draws the replies, for policies with an adapter; by default the policy does so itself.",
        "an address such as http://localhost:8000", "",
    )  # fmt: skip
    longest: int = setting("Tokens of a reply, its end token among them.", "a whole number from 1", 256, ge=1)
    temperature: float = setting(
        "Replies are drawn at it, and their probabilities taken at it.", "a number above 0", 1.0, gt=0
    )
    top_p: float = setting(
        "Draw from the likeliest tokens of this share.", "a number above 0, at most 1", 1.0, gt=0, le=1
    )
    top_k: int = setting("Draw from so many of the likeliest tokens; 0 from all.", "a whole number from 0", 0, ge=0)
    unfinished: float = setting(
        "What a reply is worth that was cut off before its end token, whatever the reward model says.", "a number", -1.0
    )
    measured: int = setting(
        "Replies to held-out prompts that are drawn when it is measured.", "a whole number from 1", 64, ge=1
    )
    shown: int = setting("So many of them are kept in samples.jsonl.", "a whole number from 0", 8, ge=0)

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.longest, self.temperature, self.top_p, self.top_k)


class Rolling(Tuning):
    """Settings of algorithms that learn from rollouts."""

    rollouts: Rollouts = Rollouts()


@dataclass(frozen=True, slots=True)
class Goal:
    """What a policy is to learn: replying to prompts so that its replies are worth much.

    ends: the tokens that end a reply. held_out: prompts that are only measured on. judge: another reward, which is only
    measured with. decode: tokens as text, for those who look at samples.
    """

    prompts: Sequence[Tokens]
    ends: Collection[int]
    reward: Reward
    held_out: Sequence[Tokens] = ()
    judge: Reward | None = None
    decode: Callable[[Tokens], str] = str


def goal_of(settings: Rolling, parts: Parts, tokenizer: PreTrainedTokenizerBase, reward: Reward | None = None) -> Goal:
    """The prompts of both parts, and the reward models that the settings name; `reward` takes the place of the first.

    Raises BadSource, BadModel and BadSettings.
    """
    drawn, longest = settings.rollouts, settings.data.length - settings.rollouts.longest
    prompts = prompts_of(parts.learned, tokenizer, longest)
    if not prompts:
        raise BadSource(
            f"no prompt leaves room for a reply of {drawn.longest:,} tokens in {settings.data.length:,}; raise "
            f"data.length, or lower rollouts.longest"
        )
    if reward is None and not drawn.reward:
        raise BadSettings("rollouts.reward is missing; it must be the directory of a reward model.")
    return Goal(
        prompts,
        [end_of(tokenizer)],
        reward or reward_in(settings, drawn.reward, tokenizer),
        prompts_of(parts.held_out, tokenizer, longest),
        reward_in(settings, drawn.judge, tokenizer) if drawn.judge else None,
        lambda tokens: str(tokenizer.decode(list(tokens))),
    )


def reward_in(settings: Rolling, directory: str, tokenizer: PreTrainedTokenizerBase) -> Reward:
    """The reward model in a directory, which must read tokens as the policy writes them. Raises BadModel."""
    chosen = settings.model
    model, reads, _ = load_reward(directory, getattr(torch, chosen.dtype), chosen.attention, chosen.device)
    if not tokenizer.get_vocab().items() <= reads.get_vocab().items():
        raise BadModel(f"{directory} reads other tokens than {chosen.start} writes; train it from the same model")
    model.requires_grad_(False)
    return model_reward(model, settings.run.pass_tokens)


def prompts_of(lines: Sequence[Line], tokenizer: PreTrainedTokenizerBase, longest: int) -> list[Tokens]:
    """The prompts of so many tokens at most, each once."""
    turns = [line.example.turns for line in lines if isinstance(line.example, Prompt)]
    encoded = (tokens_of(each, tokenizer, longest) for each in turns)
    return list(dict.fromkeys(each for each in encoded if each))
