"""The automatic rules of moderation: which message goes, which tree is stopped, by flags and skips.

Answers with commands; whoever asks records them as contributions, so that a moderator can take them back.
"""

from dataclasses import dataclass
from typing import Final

from espalier.domain.message import EXCUSED_SKIPS, Message, SkipOf
from espalier.domain.policy import Policy
from espalier.domain.tree import ACTIVE, State, Tree

JUDGED: Final = ACTIVE | {State.PROMPT_LOTTERY_WAITING, State.BACKLOG_RANKING}
"""What is at its end is left to people."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What the rules ask for: delete this reply, or (no message) abort or halt the tree."""

    delete: str | None = None
    abort: bool = False
    halt: bool = False


def red_flags(message: Message) -> int:
    """Flags raised here; those that came with an import were judged elsewhere."""
    return sum(reaction.emoji == "red_flag" for reaction in message.reactions)


def refusing_skips(message: Message) -> int:
    """Different people who skipped a reply to this message since a moderator looked, without an excuse."""
    skippers = [
        skip.person
        for skip in message.skips[message.dismissed_skips :]
        if skip.what is SkipOf.REPLY and skip.reason not in EXCUSED_SKIPS
    ]
    return len({person for person in skippers if person is not None}) + skippers.count(None)


def remedy(tree: Tree, policy: Policy) -> Remedy | None:
    """The first thing that automatic moderation wants done to this tree; None when all is well."""
    if not policy.auto_mod_enabled or tree.state not in JUDGED:
        return None
    for message in tree.live().values():
        if not message.reactions and not message.skips:
            continue
        if _reaches(policy.auto_mod_red_flags, red_flags(message) - message.dismissed_flags):
            return Remedy(abort=True) if message.parent_id is None else Remedy(delete=message.id)
        if _reaches(policy.auto_mod_max_skip_reply, refusing_skips(message)):
            return Remedy(halt=True)
    return None


def _reaches(limit: int | None, count: int) -> bool:
    return limit is not None and count >= limit
