"""What a policy is to learn: the prompts that it replies to, and what replies are worth.

Knows settings, prompts and reward models; does not know how one learns.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Prompt
from espalier.infer.engine import Reward, Tokens
from espalier.infer.reward import load_reward
from espalier.infer.score import model_reward
from espalier.infer.tokens import end_of, tokens_of
from espalier.infer.unusable import BadModel
from espalier.train.options import Rolling
from espalier.train.settings import BadSettings
from espalier.train.sources import BadSource, Line, Parts


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
    model, reads, _ = load_reward(directory, getattr(torch, chosen.computed), chosen.attention, chosen.device)
    if not tokenizer.get_vocab().items() <= reads.get_vocab().items():
        raise BadModel(f"{directory} reads other tokens than {chosen.start} writes; train it from the same model")
    model.requires_grad_(False)
    return model_reward(model, settings.run.pass_tokens)


def prompts_of(lines: Sequence[Line], tokenizer: PreTrainedTokenizerBase, longest: int) -> list[Tokens]:
    """The prompts of so many tokens at most, each once."""
    turns = [line.example.turns for line in lines if isinstance(line.example, Prompt)]
    encoded = (tokens_of(each, tokenizer, longest) for each in turns)
    return list(dict.fromkeys(each for each in encoded if each))
