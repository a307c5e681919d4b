"""The policy of a campaign: every parameter with its default, range and sentence, and what differs by language.

Does not know where values come from (a file, an administrator) nor which tree they hold for. Documentation,
`espalier config` and the forms of the API are made from `PARAMETERS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Final

from espalier.domain.language import language_tag
from espalier.domain.parameter import (
    LANGUAGES,
    RATE,
    SHARE,
    YES_NO,
    Parameter,
    number,
    parameter_of,
    per_language,
    setting,
    spelled,
    whole,
)
from espalier.domain.parameter import InvalidPolicy as InvalidPolicy
from espalier.domain.parameter import Rate as Rate
from espalier.domain.tree import Shape

MANY, TIMES, GOAL, REPLIES, MINUTES = whole(0, 100_000), whole(1, 25), whole(1, 500), whole(1, 100), whole(1, 1440)
THRESHOLD, LIMIT = number(-1, 1), whole(1, 10_000)


@dataclass(frozen=True, slots=True)
class Policy:
    """All parameters of a campaign, checked when made. Raises InvalidPolicy.

    What `from_mapping` accepts (a rate as "30/4", "none") the constructor accepts as well.
    """

    max_active_trees: int = setting(10, MANY, "Growing trees per language; at 0 the lottery draws nothing.")
    max_initial_prompt_review: int = setting(100, MANY, "Prompts in review per language.")
    max_prompt_lottery_waiting: int = setting(250, MANY, "Accepted prompts per language that wait to be drawn.")
    max_tree_depth: int = setting(3, whole(1, 50), "Depth of the deepest message; the prompt has depth 0.")
    max_children_count: int = setting(3, REPLIES, "Replies per prompter message.")
    num_prompter_replies: int = setting(1, REPLIES, "Replies per assistant message.")
    goal_tree_size: int = setting(12, GOAL, "Accepted messages that a tree should reach.")
    random_goal_tree_size: bool = setting(
        False, YES_NO, "Draw each tree's goal uniformly from min_goal_tree_size to goal_tree_size."
    )
    min_goal_tree_size: int = setting(5, GOAL, "Smallest goal when goals are drawn; at most goal_tree_size.")
    num_reviews_initial_prompt: int = setting(3, TIMES, "Reviews that decide a prompt.")
    num_reviews_reply: int = setting(3, TIMES, "Reviews that decide a reply.")
    acceptance_threshold_initial_prompt: float = setting(
        0.6, THRESHOLD, "A prompt is accepted when 1 - (mean spam + mean lang_mismatch) is above it."
    )
    acceptance_threshold_reply: float = setting(0.6, THRESHOLD, "The same for a reply.")
    num_required_rankings: int = setting(3, TIMES, "Rankings of the replies to one message.")
    least_reviewer_weight: float = setting(
        1.0,
        number(0.05, 1),
        "What a review or ranking counts at least; at 1 all count alike, below it less where the reviewer answers by "
        "habit or chance.",
        per_language=False,
    )
    rank_prompter_replies: bool = setting(False, YES_NO, "Rank the replies to assistant messages as well.")
    p_full_labeling_review_prompt: float = setting(1.0, SHARE, "Share of prompt reviews that ask for all labels.")
    p_full_labeling_review_reply_assistant: float = setting(
        1.0, SHARE, "Share of assistant reply reviews that ask for all labels."
    )
    p_full_labeling_review_reply_prompter: float = setting(
        0.25, SHARE, "Share of prompter reply reviews that ask for all labels."
    )
    lonely_children_count: int = setting(
        2, whole(0, 100), "A prompter message is lonely while it has at least one reply and fewer than this."
    )
    p_lonely_child_extension: float = setting(
        0.75, SHARE, "How often the next assistant reply goes to a lonely message, when there is one."
    )
    auto_mod_enabled: bool = setting(True, YES_NO, "Let flags and skips remove messages and halt trees.")
    auto_mod_max_skip_reply: int | None = setting(
        25, LIMIT, "Skips of one message by different people that halt its tree.", optional=True
    )
    auto_mod_red_flags: int | None = setting(
        4, LIMIT, "Red flags that delete a reply, or abort the tree of a prompt.", optional=True
    )
    p_activate_backlog_tree: float = setting(
        0.1, SHARE, "How often a tree of the backlog is activated when another tree ends."
    )
    min_active_rankings_per_lang: int = setting(
        0, MANY, "Open rankings per language below which a tree of the backlog is activated; 0 is off."
    )
    max_pending_tasks_per_user: int = setting(8, REPLIES, "Open tasks of one person.", per_language=False)
    message_max_characters: int = setting(10_000, whole(1, 100_000), "Longest text, in characters.")
    duplicate_window_minutes: int = setting(
        120, whole(0, 525_600), "For so long a person may not send the same text again; 0 is off."
    )
    init_prompt_disabled_langs: frozenset[str] = setting(
        frozenset(), LANGUAGES, "Languages in which no new prompts are asked for."
    )
    lease_minutes_writing: int = setting(30, MINUTES, "For so long a place to write is kept for who took it.")
    lease_minutes_ranking: int = setting(30, MINUTES, "The same for a ranking.")
    lease_minutes_label: int = setting(10, MINUTES, "The same for a review.")
    rate_tasks: Rate | None = setting(
        Rate(30, 4), RATE, "Tasks that one person may take within so many minutes.", optional=True, per_language=False
    )
    rate_assistant_replies: Rate | None = setting(
        Rate(4, 2), RATE, "Of these, assistant replies.", optional=True, per_language=False
    )
    rate_prompter_replies: Rate | None = setting(
        Rate(8, 2), RATE, "Of these, prompter replies.", optional=True, per_language=False
    )
    max_share_of_tree: float | None = setting(
        None, SHARE, "Largest share of a tree's messages by one person.", optional=True, per_language=False
    )
    max_share_of_language_week: float | None = setting(
        None,
        SHARE,
        "Largest share of a language's messages in a week by one person.",
        optional=True,
        per_language=False,
    )
    language_weights: Mapping[str, float] | None = setting(
        None,
        per_language(1000, shares=False),
        "Weight of a language in the lottery, 1 where none is given: of the languages at work the heaviest fills its "
        "max_active_trees, the others in proportion; none: all equal.",
        optional=True,
        per_language=False,
    )
    target_language_mix: Mapping[str, float] | None = setting(
        None,
        per_language(1, shares=True),
        "Share of each language that the campaign aims at; the other languages share the rest. The farther a language "
        "is ahead of its share, the fewer of its max_active_trees it fills.",
        optional=True,
        per_language=False,
    )
    gold_task_share: float = setting(0.0, SHARE, "Share of reviews with a known answer.", per_language=False)
    practice_required: bool = setting(
        False, YES_NO, "Whether the practice before the first task of a kind must be passed.", per_language=False
    )
    undo_seconds: int = setting(60, whole(0, 3600), "For so long a person may take back what they sent.")

    def __post_init__(self) -> None:
        for parameter in PARAMETERS.values():
            object.__setattr__(self, parameter.name, parameter.value(getattr(self, parameter.name)))
        if self.min_goal_tree_size > self.goal_tree_size:
            raise InvalidPolicy(
                "min_goal_tree_size", "%(name)s is %(least)s, but goal_tree_size is %(goal)s",
                least=self.min_goal_tree_size, goal=self.goal_tree_size,
            )  # fmt: skip
        check_shape(self.shape())

    def shape(self, goal_tree_size: int | None = None) -> Shape:
        """What is stored with a tree that is planted under this policy."""
        goal = self.goal_tree_size if goal_tree_size is None else goal_tree_size
        return Shape(self.max_tree_depth, self.max_children_count, self.num_prompter_replies, goal)

    @staticmethod
    def from_mapping(given: Mapping[str, object], start: "Policy | None" = None) -> "Policy":
        """`start` (by default the profile that `given` names, else `code`) with these values. Raises InvalidPolicy."""
        values = dict(given)
        if (profile := values.pop("profile", None)) is not None:
            start = _profile(profile)
        return replace(start or PROFILES["code"], **_known(values))

    def to_mapping(self) -> dict[str, object]:
        """All values as JSON has them; `from_mapping` reads them back."""
        return {name: spelled(getattr(self, name)) for name in PARAMETERS}


PARAMETERS: Final[Mapping[str, Parameter]] = {each.name: parameter_of(each) for each in fields(Policy)}


def largest_tree(depth: int, max_children_count: int, num_prompter_replies: int) -> int:
    """The most messages that a tree can hold: prompter messages take one number of replies, assistant ones another."""
    total = level = 1
    for below in range(depth):
        level *= num_prompter_replies if below % 2 else max_children_count
        total += level
    return total


def check_shape(shape: Shape) -> None:
    """Refuse a shape out of range, or with a goal that no tree of its depth and places can reach."""
    for name in fields(shape):
        PARAMETERS[name.name].value(getattr(shape, name.name))
    largest = largest_tree(shape.max_tree_depth, shape.max_children_count, shape.num_prompter_replies)
    if shape.goal_tree_size > largest:
        raise InvalidPolicy(
            "goal_tree_size",
            "%(name)s is %(goal)s, but a tree of depth %(depth)s with %(to_prompter)s replies to a prompter and "
            "%(to_assistant)s to an assistant message holds at most %(largest)s",
            goal=shape.goal_tree_size,
            depth=shape.max_tree_depth,
            to_prompter=shape.max_children_count,
            to_assistant=shape.num_prompter_replies,
            largest=str(largest),
        )


def _known(values: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in values:
        if name not in PARAMETERS:
            near = get_close_matches(name, PARAMETERS, n=1, cutoff=0.0)
            raise InvalidPolicy(name, "%(name)s is no parameter; did you mean %(near)s?", near=near[0])
    return values


def _profile(name: object) -> Policy:
    if not isinstance(name, str) or name not in PROFILES:
        known = ", ".join(PROFILES)
        raise InvalidPolicy(
            "profile", "%(name)s is %(given)s, but must be one of %(known)s", given=repr(name), known=known
        )
    return PROFILES[name]


PROFILES: Final[Mapping[str, Policy]] = {
    "code": Policy(),
    "paper": Policy(max_tree_depth=5, max_children_count=2, goal_tree_size=9),  # arXiv 2304.07327, appendix G
}


@dataclass(frozen=True, slots=True)
class CampaignPolicy:
    """The policy of all languages, and by language the values that differ. Raises InvalidPolicy when made."""

    base: Policy = field(default_factory=Policy)
    langs: Mapping[str, Mapping[str, object]] = field(default_factory=dict, hash=False)
    _by_lang: dict[str, Policy] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        overrides: dict[str, Mapping[str, object]] = {}
        for named, given in self.langs.items():
            lang, values = _of_language(named, given)
            if lang in overrides:
                raise InvalidPolicy(f"langs.{named}", "%(name)s is a language that has its values already")
            overrides[lang] = values
        object.__setattr__(self, "langs", {lang: values for lang, values in overrides.items() if values})
        for lang, values in self.langs.items():
            try:
                self._by_lang[lang] = Policy.from_mapping(values, self.base)
            except InvalidPolicy as invalid:
                raise _of(lang, invalid) from None

    def for_lang(self, lang: str) -> Policy:
        """What holds in this language; the same value at each call."""
        return self._by_lang.get(lang, self.base)

    @staticmethod
    def from_mapping(given: Mapping[str, object], start: "CampaignPolicy | None" = None) -> "CampaignPolicy":
        """`base`: the values that change; `langs`, where given, replaces the differences of all languages."""
        for name in given.keys() - {"base", "langs"}:
            raise InvalidPolicy(name, "%(name)s is not part of a policy, which has base and langs")
        start = start or CampaignPolicy()
        base, langs = given.get("base", {}), given.get("langs", start.langs)
        if not isinstance(base, Mapping):
            raise InvalidPolicy("base", "%(name)s is %(given)s, but must be a table of parameters", given=repr(base))
        if not isinstance(langs, Mapping):
            raise InvalidPolicy("langs", "%(name)s is %(given)s, but must be a table by language", given=repr(langs))
        return CampaignPolicy(Policy.from_mapping(base, start.base), langs)

    def to_mapping(self) -> dict[str, object]:
        langs = {lang: {name: spelled(value) for name, value in given.items()} for lang, given in self.langs.items()}
        return {"base": self.base.to_mapping(), "langs": langs}


def _of_language(named: str, given: object) -> tuple[str, Mapping[str, object]]:
    if (lang := language_tag(named)) is None:
        raise InvalidPolicy(f"langs.{named}", "%(name)s is no language tag such as en or pt-BR")
    if not isinstance(given, Mapping):
        raise InvalidPolicy(
            f"langs.{lang}", "%(name)s is %(given)s, but must be a table of parameters", given=repr(given)
        )
    try:
        for name in _known(given):
            if not PARAMETERS[name].per_language:
                raise InvalidPolicy(name, "%(name)s holds for the whole campaign and cannot differ by language")
        return lang, {name: PARAMETERS[name].value(value) for name, value in given.items()}
    except InvalidPolicy as invalid:
        raise _of(lang, invalid) from None


def _of(lang: str, invalid: InvalidPolicy) -> InvalidPolicy:
    """The same, said of what differs in a language."""
    return InvalidPolicy(f"langs.{lang}.{invalid.field}", invalid.sentence, **invalid.values)
