"""Whether a replayed tree became what its original is, and if not, in which respect.

Compares two trees as values. Messages are known by their thread of texts, so siblings of equal text are
interchangeable.
"""

from collections import Counter
from collections.abc import Iterator

from espalier.replay.original import Original, OriginalTree
from espalier.replay.script import spelled

Thread = tuple[str, ...]
LONGEST_QUOTE = 60  # characters


def differences(original: OriginalTree, replayed: OriginalTree) -> list[str]:
    """In sentences; empty if the state, the accepted texts and their order are those of the original."""
    found = []
    if replayed.state is not original.state:
        found.append(f"It ended in {replayed.state}, not in {original.state}.")
    wanted, got = dict(_accepted(original)), dict(_accepted(replayed))
    for thread in wanted | got:
        there, here = wanted.get(thread, []), got.get(thread, [])
        texts, said = (Counter(spelled(message.text) for message in each) for each in (there, here))
        found += [f"{_quoted(text)} is missing {_below(thread)}." for text in (texts - said).elements()]
        found += [f"{_quoted(text)} is accepted {_below(thread)}, unlike there." for text in (said - texts).elements()]
        if texts == said and _all_ranked(there) and _in_order(there) != _in_order(here):
            found.append(f"The replies {_below(thread)} are in another order.")
    return found


def _accepted(tree: OriginalTree) -> Iterator[tuple[Thread, list[Original]]]:
    """All that stands, by the thread that it replies to."""
    replies: dict[Thread, list[Original]] = {}
    if tree.root.stands:
        replies[()] = [tree.root]
        _collect(tree.root, (spelled(tree.root.text),), replies)
    yield from replies.items()


def _collect(parent: Original, thread: Thread, replies: dict[Thread, list[Original]]) -> None:
    for reply in parent.replies:
        if reply.stands:
            replies.setdefault(thread, []).append(reply)
            _collect(reply, (*thread, spelled(reply.text)), replies)


def _all_ranked(messages: list[Original]) -> bool:
    """Whether these are ordered; the replies to two messages of equal text have a rank twice and no order together."""
    ranks = [message.rank for message in messages]
    return len(ranks) >= 2 and None not in ranks and len(set(ranks)) == len(ranks)


def _in_order(messages: list[Original]) -> list[str] | None:
    ranked = sorted((message.rank, spelled(message.text)) for message in messages if message.rank is not None)
    return [text for _, text in ranked] if len(ranked) == len(messages) else None


def _below(thread: Thread) -> str:
    return f"below {_quoted(thread[-1])}" if thread else "as the prompt"


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line}”" if len(line) <= LONGEST_QUOTE else f"“{line[: LONGEST_QUOTE - 1]}…”"
