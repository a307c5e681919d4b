"""What differs between two policies of a campaign, value by value: what a preview and a history show.

Knows policies; does not know who changed them or when.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from espalier.domain.policy import PARAMETERS, CampaignPolicy


@dataclass(frozen=True, slots=True)
class Change:
    """A value that holds from now on, or no longer. `lang`: None for what holds in general.

    `was`, `now`: of a language without a value of its own, what holds there in general.
    """

    lang: str | None
    name: str
    was: object
    now: object


def changes(before: CampaignPolicy, after: CampaignPolicy) -> list[Change]:
    """In general first, then by language; a language that follows the general value is not named for it."""
    return [*_changes(before, after, None), *_by_lang(before, after)]


def _changes(before: CampaignPolicy, after: CampaignPolicy, lang: str | None) -> Iterator[Change]:
    old, new = (policy.base if lang is None else policy.for_lang(lang) for policy in (before, after))
    for name in PARAMETERS:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield Change(lang, name, was, now)


def _by_lang(before: CampaignPolicy, after: CampaignPolicy) -> Iterator[Change]:
    for lang in sorted({*before.langs, *after.langs}):
        own = {*before.langs.get(lang, {}), *after.langs.get(lang, {})}
        yield from (change for change in _changes(before, after, lang) if change.name in own)
