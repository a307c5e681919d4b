"""How a contribution is taken that somebody wrote while the campaign went on: in time, late, or not at all.

Knows the tree and how many others hold the same place; knows no clock and no table of leases.
"""

from collections.abc import Mapping
from typing import Final

from espalier.domain.errors import Stale, TakenBack
from espalier.domain.policy import Policy
from espalier.domain.tree import STOPPED, State, Tree
from espalier.domain.work import Act, open_work


def refuse_stale(tree: Tree, subject: str, text: str | None = None) -> None:
    """Raise Stale, with the text handed back, when the tree was stopped or the message deleted or taken back."""
    if tree.state in STOPPED:
        raise Stale("This conversation was closed in the meantime.", field="task_id", text=text)
    if subject not in tree.messages:
        raise TakenBack(text)
    if not tree.is_live(subject):
        raise Stale("The message was removed in the meantime.", field="task_id", text=text)


def is_late(
    tree: Tree, policy: Policy, act: Act, subject: str, *, held: bool, others: int, others_in_tree: int
) -> bool:
    """Whether the place is gone: taken or leased by others, or the tree has left the state that asked for it.

    held: the lease still runs. others: live leases of other people on this place; others_in_tree: on any place for
    a reply in this tree. A lease holds its place: if a late vote, or a refused reply that one turned, has filled it,
    both stay.
    """
    if held:
        return tree.state is not _ASKED_IN[act, subject == tree.id]
    work = open_work(tree, policy).get((act, subject))
    return work is None or work.needs <= others or (act is Act.REPLY and work.budget <= others_in_tree)


_ASKED_IN: Final[Mapping[tuple[Act, bool], State]] = {
    (Act.REPLY, True): State.GROWING,
    (Act.REPLY, False): State.GROWING,
    (Act.LABEL, True): State.INITIAL_PROMPT_REVIEW,
    (Act.LABEL, False): State.GROWING,
    (Act.RANK, True): State.RANKING,
    (Act.RANK, False): State.RANKING,
}
"""The state in which a tree asks for an act, by whether it is about the prompt."""
