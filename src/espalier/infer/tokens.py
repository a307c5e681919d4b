"""Segments as token ids, each of which knows whose it is and whether it is learned.

Message text is encoded as text alone: a role token that somebody typed stays letters. Knows tokenizers, no models.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from espalier.dataset.format import Role, Segment, Segments, last_turns
from espalier.infer.engine import Tokens

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
    texts = plain([segment.text for each in conversations for segment in each], tokenizer)
    found, place = [], 0
    for each in conversations:
        found.append(_encoded(each, texts[place : place + len(each)], tokenizer, longest))
        place += len(each)
    return found


def _encoded(
    given: Segments, texts: Sequence[Sequence[int]], tokenizer: PreTrainedTokenizerBase, longest: int
) -> Encoded | None:
    lengths = [len(text) + 2 for text in texts]
    kept = last_turns(given, lengths, longest)
    places = [*(range(1) if kept.start and given[0].role is Role.SYSTEM else ()), *kept]
    over = sum(lengths[place] for place in places) - longest
    if over > 0 and (not places or len(texts[places[-1]]) <= over or not given[places[-1]].trained):
        return None  # the prompt alone leaves no room for a reply
    end = end_of(tokenizer)
    ids: list[int] = []
    roles: list[int] = []
    trained: list[bool] = []
    for place in places:
        segment, text = given[place], texts[place]
        is_cut = over > 0 and place == places[-1]
        said = [*(text[: len(text) - over] if is_cut else text), end]
        ids += (role_token(segment.role, tokenizer), *said)
        roles += [ROLES.index(segment.role)] * (len(said) + 1)
        trained += (False, *([segment.trained] * (len(said) - 1)), segment.trained and not is_cut)
    if not any(trained):
        return None
    return Encoded(np.array(ids, np.int32), np.array(roles, np.int8), np.array(trained, np.bool_))


def encode_prompt(given: Segments, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    """A prompt in tokens, up to the role token after which the assistant's reply stands."""
    return (*_joined(given, tokenizer), role_token(Role.ASSISTANT, tokenizer))


def encode_reply(text: str, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    """A reply in tokens, with its end token: what stands after `encode_prompt`."""
    return (*plain([text], tokenizer)[0], end_of(tokenizer))


def _joined(given: Sequence[Segment], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    ids: list[int] = []
    for segment, text in zip(given, plain([each.text for each in given], tokenizer), strict=True):
        ids += (role_token(segment.role, tokenizer), *text, end_of(tokenizer))
    return ids


def plain(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Texts in tokens of text: neither a special token is found in them nor one put around them."""
    if not texts:
        return []
    found = tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False)
    return [list(ids) for ids in found["input_ids"]]


def role_token(role: Role, tokenizer: PreTrainedTokenizerBase) -> int:
    found = tokenizer.convert_tokens_to_ids(role.token)
    assert isinstance(found, int), f"the tokenizer has no {role.token}"
    return found


def end_of(tokenizer: PreTrainedTokenizerBase) -> int:
    found = tokenizer.eos_token_id
    assert isinstance(found, int), "the tokenizer has no end token"
    return found
