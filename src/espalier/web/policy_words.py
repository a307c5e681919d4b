"""The policy in words: which parameters stand together, how a value is typed and read, what may be typed.

Knows the kinds of values; knows no campaign. A sentence for each parameter stands in domain/policy.py.
"""

from collections.abc import Mapping
from gettext import NullTranslations
from typing import Final

from babel.numbers import format_decimal

from espalier.domain.parameter import Parameter
from espalier.domain.policy import PARAMETERS
from espalier.web.words import N_

_TOGETHER: Final[Mapping[str, tuple[str, ...]]] = {
    N_("How much grows at once"): (
        "max_active_trees", "max_initial_prompt_review", "max_prompt_lottery_waiting", "init_prompt_disabled_langs",
        "language_weights", "target_language_mix", "p_activate_backlog_tree", "min_active_rankings_per_lang",
    ),
    N_("How a tree grows"): (
        "max_tree_depth", "max_children_count", "num_prompter_replies", "goal_tree_size", "random_goal_tree_size",
        "min_goal_tree_size", "lonely_children_count", "p_lonely_child_extension", "max_share_of_tree",
        "max_share_of_language_week",
    ),
    N_("Reviews and rankings"): (
        "num_reviews_initial_prompt", "num_reviews_reply", "acceptance_threshold_initial_prompt",
        "acceptance_threshold_reply", "num_required_rankings", "least_reviewer_weight", "rank_prompter_replies",
        "p_full_labeling_review_prompt", "p_full_labeling_review_reply_assistant",
        "p_full_labeling_review_reply_prompter", "gold_task_share",
    ),
    N_("Automatic moderation"): ("auto_mod_enabled", "auto_mod_max_skip_reply", "auto_mod_red_flags"),
    N_("One person's work"): (
        "max_pending_tasks_per_user", "rate_tasks", "rate_assistant_replies", "rate_prompter_replies",
        "message_max_characters", "duplicate_window_minutes", "lease_minutes_writing", "lease_minutes_ranking",
        "lease_minutes_label", "practice_required", "undo_seconds",
    ),
}  # fmt: skip
_PLACED: Final = frozenset(name for names in _TOGETHER.values() for name in names)
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    **_TOGETHER,
    N_("Everything else"): tuple(name for name in PARAMETERS if name not in _PLACED),
}
"""Every parameter, under the heading where an organiser looks for it."""
NONE: Final = "none"


def grouped(name: str) -> list[Parameter]:
    return [PARAMETERS[each] for each in GROUPS[name]]


def spelled(value: object) -> str:
    """A value as a field of the form holds it; `typed` reads it back."""
    match value:
        case None:
            return NONE
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case set() | frozenset():
            return ", ".join(sorted(value))
        case Mapping():
            return ", ".join(f"{lang}={share:g}" for lang, share in sorted(value.items()))
    return str(value)


def typed(parameter: Parameter, field: str) -> object:
    """What a field says, in the spelling that a policy is made from; what makes no sense is handed on as it is."""
    field = field.strip()
    match parameter.kind.name:
        case _ if parameter.optional and field.lower() in ("", NONE):
            return None
        case "yes or no":
            return {"yes": True, "no": False}.get(field, field)
        case "whole number":
            return int(field) if field.removeprefix("-").isdecimal() else field
        case "number":
            return _number(field)
        case "table by language":
            pairs = [pair.partition("=") for pair in field.split(",") if pair.strip()]
            return {lang.strip(): _number(share.strip()) for lang, _, share in pairs}
    return field


def _number(field: str) -> float | str:
    try:
        return float(field)
    except ValueError:
        return field


def wants(parameter: Parameter, words: NullTranslations, lang: str) -> str:
    """Which values may be typed."""
    low, high = (
        "" if bound is None else format_decimal(bound, locale=lang)
        for bound in (parameter.kind.low, parameter.kind.high)
    )
    said = {
        "whole number": words.gettext("A whole number from %(low)s to %(high)s."),
        "number": words.gettext("A number from %(low)s to %(high)s."),
        "yes or no": words.gettext("Yes or no."),
        "rate": words.gettext("So many within so many minutes, such as 30/4."),
        "languages": words.gettext("Languages with commas between, such as en, pt-BR."),
        "table by language": words.gettext(
            "A number from %(low)s to %(high)s for each language, such as en=0.5, de=0.2."
        ),
    }[parameter.kind.name] % {"low": low, "high": high}
    none = words.gettext("Or “none”.")
    return f"{said} {none}" if parameter.optional else said


def shown(value: object, words: NullTranslations, lang: str) -> str:
    """A value for people to read."""
    match value:
        case None:
            return words.gettext("none")
        case bool():
            return words.gettext("yes") if value else words.gettext("no")
        case int() | float():
            return format_decimal(value, locale=lang)
    return spelled(value) or words.gettext("none")
