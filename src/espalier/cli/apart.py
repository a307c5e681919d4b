"""Asking a model about many conversations, of which some may be too long for it: those are left out, others told."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")


def told_apart(ask: Callable[[Sequence[Asked]], Sequence[Told]], about: Sequence[Asked]) -> list[Told | None]:
    """What the model says of each; all at once where it takes all, else one after the other, with None for those that
    it has no room for.
    """
    from espalier.infer.completions import ApiRefusal
    from espalier.infer.unusable import BadModel

    try:
        return [*ask(about)] if about else []
    except BadModel:
        pass
    except ApiRefusal as refused:
        if refused.status != 400:
            raise
    if len(about) == 1:
        return [None]
    return [told for each in about for told in told_apart(ask, [each])]
