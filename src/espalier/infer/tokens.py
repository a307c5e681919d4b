"""Segments as token ids, each of which knows whose it is and whether it is learned.

Message text is encoded as text alone: a role token that somebody typed stays letters. Knows tokenizers, no models.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Turns
from espalier.dataset.format import Role, Segment, Segments, last_turns, prompt_of
from espalier.infer.engine import Tokens
from espalier.infer.layout import Layout, layout_of, plain

ROLES: Final = tuple(Role)


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A conversation in tokens, three arrays of one length. roles: places in ROLES. trained: as targets."""

    ids: NDArray[np.int32]
    roles: NDArray[np.int8]
    trained: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)


def encode(given: Iterable[Segments], tokenizer: PreTrainedTokenizerBase, longest: int) -> list[Encoded | None]:
    """Conversations in tokens, `longest` at most; None where nothing would be learned.

    Of one that is too long the last turns stay, whole prompts only. Where a single reply is too long its text is cut;
    its end token stays, so that a reward can be read there, but is not learned, since no reply ends there.
    """
    conversations = list(given)
    layout = layout_of(tokenizer)
    texts = plain([segment.text for each in conversations for segment in each], tokenizer)
    found, place = [], 0
    for each in conversations:
        found.append(_encoded(each, texts[place : place + len(each)], layout, longest))
        place += len(each)
    return found


def _encoded(given: Segments, texts: Sequence[Sequence[int]], layout: Layout, longest: int) -> Encoded | None:
    lengths = [layout.length(segment.role, text) for segment, text in zip(given, texts, strict=True)]
    kept = last_turns(given, lengths, longest - len(layout.begin))
    places = [*(range(1) if kept.start and given[0].role is Role.SYSTEM else ()), *kept]
    begin = () if places and given[places[0]].role is Role.SYSTEM else layout.begin
    over = len(begin) + sum(lengths[place] for place in places) - longest
    if over > 0 and (not places or len(texts[places[-1]]) <= over or not given[places[-1]].trained):
        return None  # the prompt alone leaves no room for a reply
    ids: list[int] = [*begin]
    roles: list[int] = [ROLES.index(Role.SYSTEM)] * len(begin)
    trained: list[bool] = [False] * len(begin)
    for place in places:
        segment, text = given[place], texts[place]
        opening, closing = layout.opening[segment.role], layout.closing[segment.role]
        is_cut = over > 0 and place == places[-1]
        said = text[: len(text) - over] if is_cut else text
        ids += (*opening, *said, *closing)
        roles += [ROLES.index(segment.role)] * (len(opening) + len(said) + len(closing))
        ends = segment.trained and not is_cut
        learned = layout.learned if ends else 0
        trained += [False] * len(opening) + [segment.trained] * len(said)
        trained += [place < learned for place in range(len(closing))]
    if not any(trained):
        return None
    return Encoded(np.array(ids, np.int32), np.array(roles, np.int8), np.array(trained, np.bool_))


def encode_prompt(given: Segments, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    """A prompt in tokens, up to the place where the assistant's reply begins."""
    texts = plain([segment.text for segment in given], tokenizer)
    return joined_prompt(given, texts, layout_of(tokenizer))


def tokens_of(turns: Turns, tokenizer: PreTrainedTokenizerBase, longest: int) -> Tokens | None:
    """A prompt of so many tokens at most: the last turns of one that is too long, None where the last one alone is."""
    given = prompt_of(turns)
    first = tuple(segment for segment in given[:1] if segment.role is Role.SYSTEM)
    whole = encode_prompt(given, tokenizer)
    if len(whole) <= longest:
        return whole
    for begin in range(len(first) + 1, len(given)):
        if given[begin].role is Role.PROMPTER:
            whole = encode_prompt((*first, *given[begin:]), tokenizer)
            if len(whole) <= longest:
                return whole
    return None


def end_of_prompt(turns: Turns, tokenizer: PreTrainedTokenizerBase, longest: int) -> Tokens:
    """The same, and where the last turn alone is too long the end of it."""
    return tokens_of(turns, tokenizer, longest) or encode_prompt(prompt_of(turns), tokenizer)[-longest:]


def joined_prompt(given: Sequence[Segment], texts: Sequence[Sequence[int]], layout: Layout) -> Tokens:
    """The same of segments whose texts are encoded already."""
    ids: list[int] = [] if given and given[0].role is Role.SYSTEM else [*layout.begin]
    for segment, text in zip(given, texts, strict=True):
        ids += (*layout.opening[segment.role], *text, *layout.closing[segment.role])
    return (*ids, *layout.opening[Role.ASSISTANT])


def encode_reply(text: str, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    """A reply in tokens, up to its end token: what stands after `encode_prompt`."""
    return (*plain([text], tokenizer)[0], end_of(tokenizer))


def end_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends a reply."""
    return layout_of(tokenizer).end
