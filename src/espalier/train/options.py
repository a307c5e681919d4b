"""What each algorithm can be told: its own sections of the settings, and what it takes where they are left open.

Knows neither torch nor what is done with it, so that a wrong file is refused before anything is loaded.
"""

from collections.abc import Mapping
from typing import ClassVar, Final, Literal, Self

from pydantic import model_validator

from espalier.dataset.format import Role
from espalier.infer.engine import Sampling
from espalier.train.settings import Section, Settings, Tuning, setting

LEAST_VOCABULARY: Final = 256 + 1 + len(Role)
"""All bytes, the end token and the roles'."""


class Curriculum(Section):
    """In which order conversations are learned."""

    key: Literal["length", "turns", "quality", "language", "loss"] = setting(
        "What is easy: few tokens, few turns, a high quality, a language with many lines, or a low loss at first.",
        "length, turns, quality, language or loss",
    )
    begin: float = setting("The share that is drawn from at first.", "a number above 0, at most 1", 0.2, gt=0, le=1)
    until: float = setting(
        "The share of the steps after which all is drawn from.", "a number above 0, at most 1", 0.5, gt=0, le=1
    )
    hard_first: bool = setting("The other way round.", "true or false", False)


class Robust(Section):
    """Which groups are looked at, and how fast their weights move."""

    by: tuple[Literal["language", "domain", "task"], ...] = setting(
        "What lines of a group share.", "a list of language, domain, task", ("language",), min_length=1
    )
    rate: float = setting("η, how fast weights move.", "a number above 0", 0.01, gt=0)


class Base(Section):
    """The shape of the model."""

    shape: Literal["llama", "neox"] = setting("Whose layers it has.", "llama or neox", "llama")
    vocabulary: int = setting(
        "Tokens of the tokenizer, learned from the texts.", f"from {LEAST_VOCABULARY}", 8192, ge=LEAST_VOCABULARY
    )
    width: int = setting("Features of a token.", "a multiple of twice heads, from 8", 256, ge=8)
    layers: int = setting("Layers.", "a whole number from 1", 6, ge=1)
    heads: int = setting("Heads of attention.", "a whole number from 1", 4, ge=1)
    positions: int = setting("The longest text that it can read, in tokens.", "a whole number from 16", 2048, ge=16)
    device: str = setting("Where it is trained; auto is a GPU where there is one.", "auto, cpu or cuda:0", "auto")
    pack: bool = setting("Several texts in a row, none of which sees another.", "true or false", True)

    @model_validator(mode="after")
    def _heads_are_alike(self) -> Self:
        if self.width % (2 * self.heads):
            raise ValueError(f"width is {self.width}, but must be a multiple of twice heads, {2 * self.heads}")
        return self


class BaseSettings(Settings):
    usual: ClassVar = {"optimizer": {"learning_rate": 1e-3, "weight_decay": 0.1, "batch": 64}, "data": {"length": 512}}
    base: Base = Base()

    @model_validator(mode="after")
    def _reads_what_it_learns(self) -> Self:
        if self.data.length > self.base.positions:
            raise ValueError(
                f"base.positions is {self.base.positions:,}, but must be data.length, {self.data.length:,}, or more"
            )
        return self


class Sft(Section):
    """What of a conversation is learned, and what is shown as it goes."""

    prompt_weight: float = setting("λp, of all tokens that are no reply.", "a number from 0", 0.0, ge=0)
    reply_weight: float = setting("λr, of replies and their end tokens.", "a number above 0", 1.0, gt=0)
    last_only: bool = setting("Of several replies learn the last alone.", "true or false", False)
    pack: bool = setting("Several conversations in a row, none of which sees another.", "true or false", False)
    samples: int = setting("Held-out prompts that are answered when it is measured.", "a whole number from 0", 4, ge=0)
    longest: int = setting("Tokens of such an answer.", "a whole number from 1", 64, ge=1)


class SftSettings(Tuning):
    usual: ClassVar = {}
    sft: Sft = Sft()
    curriculum: Curriculum | None = setting("What is easy comes first.", "a table [curriculum]", None)
    robust: Robust | None = setting("Groups that fare badly count more.", "a table [robust]", None)


class Demonstrations(Section):
    """What is compared where nobody ranked."""

    sampler: str = setting("The model that replies to the prompts.", "a directory, or a name on the hub", min_length=1)
    encoder: str = setting(
        "The sentence encoder, whose hidden states are averaged over a text; where none is named the sampler's are.",
        "a directory, or a name on the hub",
        "",
    )
    samples: int = setting("K, replies to a prompt.", "a whole number from 2", 4, ge=2)
    apart: float = setting("δ, how far the cosines of a pair are apart at least.", "a number from 0", 0.01, ge=0)
    longest: int = setting("Tokens of a reply, its end token among them.", "a whole number from 1", 256, ge=1)
    temperature: float = setting("Replies are drawn at it.", "a number above 0", 1.0, gt=0)
    top_p: float = setting(
        "Draw from the likeliest tokens of this share.", "a number above 0, at most 1", 1.0, gt=0, le=1
    )


class Reward(Section):
    """How replies are compared."""

    margin: float = setting("By how much a better reply has to be above a worse one.", "a number from 0", 0.0, ge=0)
    squares: float = setting("What the mean square of a prompt's rewards costs.", "a number from 0", 0.001, ge=0)
    centring: float = setting("What the mean square of the sum of a pair costs.", "a number from 0", 0.0, ge=0)
    folds: int = setting(
        "Models trained on all but a part of the trees and measured on that part, beside the one that is kept; "
        "0 trains none.",
        "0, or a whole number from 2",
        0,
        ge=0,
    )

    @model_validator(mode="after")
    def _two_folds_or_none(self) -> Self:
        if self.folds == 1:
            raise ValueError("folds is 1, which leaves nothing to learn; take 2 or more, or 0 for none")
        return self


class RewardSettings(Tuning):
    usual: ClassVar = {
        "optimizer": {"learning_rate": 1e-5, "schedule": "linear", "warmup": 50, "batch": 16},
        "data": {"length": 1024},
    }
    reward: Reward = Reward()
    demonstrations: Demonstrations | None = setting(
        "Learn from samples ranked by their likeness to the best reply, instead of from people's rankings.",
        "a table [demonstrations]",
        None,
    )


class Dpo(Section):
    """Which loss. As it stands it is DPO."""

    beta: float = setting("β, how much it costs to leave the reference.", "a number above 0", 0.1, gt=0)
    smoothing: float = setting(
        "ε of conservative DPO: how likely it is that a pair is turned round.",
        "a number from 0 to below 0.5",
        0.0,
        ge=0,
        lt=0.5,
    )
    slope: float = setting(
        "λ of DPO-COV: the most that one pair can pull; 1 knows no noise.",
        "a number above 0, at most 1",
        1.0,
        gt=0,
        le=1,
    )
    pessimism: float = setting("η, which draws to replies that are preferred.", "a number from 0", 0.0, ge=0)
    verbosity: float = setting(
        "ω, what each token counts by which the preferred reply is longer.", "a number from 0", 0.0, ge=0
    )
    reference: str = setting("The model to stay near; by default the one to start from.", "as model.start", "")

    @model_validator(mode="after")
    def _one_kind_of_noise(self) -> Self:
        if self.smoothing and self.slope < 1:
            raise ValueError("smoothing and slope are two answers to the same noise; leave one of them as it is")
        return self


class DpoSettings(Tuning):
    usual: ClassVar = {"optimizer": {"learning_rate": 1e-6, "batch": 32}, "data": {"length": 1024}}
    dpo: Dpo = Dpo()
    robust: Robust | None = setting("Groups that fare badly count more.", "a table [robust]", None)


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


class Ppo(Section):
    """How one learns from a rollout. A step of a run is a rollout and all updates on it."""

    replies: int = setting("Replies of a rollout.", "a whole number from 1", 64, ge=1)
    epochs: int = setting(
        "How often a rollout is gone through, in minibatches of optimizer.batch replies.",
        "a whole number from 1",
        4,
        ge=1,
    )
    kl: float = setting("β, what a nat of distance from the reference costs.", "a number from 0", 0.05, ge=0)
    kl_target: float | None = setting(
        "Nats a reply that β is steered to; where none is given it stays as it is.", "a number above 0", None, gt=0
    )
    kl_horizon: float = setting("Replies in which β may change by a factor e^0.2.", "a number above 0", 10_000.0, gt=0)
    clip: float = setting("ε, how far π may go from π_old in one step.", "a number above 0", 0.2, gt=0)
    value_clip: float = setting("How far V may go from V_old in one step.", "a number above 0", 0.2, gt=0)
    value_weight: float = setting("What the critic's loss counts beside the policy's.", "a number from 0", 0.1, ge=0)
    discount: float = setting("γ, what a reward counts a token earlier.", "a number from 0 to 1", 1.0, ge=0, le=1)
    decay: float = setting("λ of the advantages.", "a number from 0 to 1", 0.95, ge=0, le=1)
    whiten_rewards: bool = setting("Divide rewards by their deviation.", "true or false", False)


class PpoSettings(Rolling):
    usual: ClassVar = {
        "optimizer": {"learning_rate": 3e-6, "epsilon": 1e-5, "schedule": "linear", "warmup": 0, "batch": 64}
    }
    ppo: Ppo = Ppo()


class Grpo(Section):
    """How one learns from a rollout. A step of a run is a rollout and all updates on it."""

    prompts: int = setting("Prompts of a rollout.", "a whole number from 1", 8, ge=1)
    group: int = setting("Replies to each of them.", "a whole number from 2", 8, ge=2)
    epochs: int = setting(
        "How often a rollout is gone through, in minibatches of optimizer.batch replies, whole groups of them.",
        "a whole number from 1",
        1,
        ge=1,
    )
    kl: float = setting(
        "β of the distance from the reference, which is part of the loss.", "a number from 0", 0.04, ge=0
    )
    clip: float = setting("ε, how far π may go from π_old in one step.", "a number above 0", 0.2, gt=0)
    normaliser: Literal["reply", "batch", "constant"] = setting(
        "What a token is divided by: reply, its reply's length (GRPO); batch, all tokens (DAPO); constant, the longest "
        "reply (Dr. GRPO).",
        "reply, batch or constant",
        "reply",
    )
    scale: bool = setting("Divide by the deviation of a prompt's rewards; Dr. GRPO does not.", "true or false", True)


class GrpoSettings(Rolling):
    usual: ClassVar = {
        "optimizer": {"learning_rate": 1e-6, "epsilon": 1e-5, "schedule": "linear", "warmup": 0, "batch": 64}
    }
    grpo: Grpo = Grpo()


KINDS: Final[Mapping[str, type[Settings]]] = {
    "base": BaseSettings, "sft": SftSettings, "reward": RewardSettings, "ppo": PpoSettings, "dpo": DpoSettings,
    "grpo": GrpoSettings,
}  # fmt: skip
"""The settings of each algorithm, by its name."""
