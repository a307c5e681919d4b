"""What stands around the turns of a conversation: our own tokens, or those that a tokenizer's chat template puts there.

A template is asked with turns that nobody would write, and taken where it writes turns one after the other; so the text
of a turn is encoded apart from it, and nothing in it can be taken for a token of the template.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from espalier.dataset.format import JINJA, Role
from espalier.infer.engine import Tokens
from espalier.infer.unusable import BadTemplate

ASKED: Final = tuple(f"\ue000{number}\ue001" for number in range(5))
"""Texts that no template knows, in signs for private use."""


@dataclass(frozen=True, slots=True)
class Layout:
    """begin: stands first where no system turn does. opening, closing: around the text of a role's turn; a role that is
    missing is not known. learned: so many tokens of the assistant's closing, the last of which is `end`.
    """

    begin: Tokens
    opening: Mapping[Role, Tokens]
    closing: Mapping[Role, Tokens]
    learned: int
    end: int

    def length(self, role: Role, text: Sequence[int]) -> int:
        """Tokens of a turn with what stands around it. Raises BadTemplate."""
        if role not in self.opening:
            raise BadTemplate(f'the chat template of the model knows no {role} turns; set model.chat to "own"')
        return len(self.opening[role]) + len(text) + len(self.closing[role])


def layout_of(tokenizer: PreTrainedTokenizerBase) -> Layout:
    """Our own, or that of the tokenizer's template where it has another. Raises BadTemplate."""
    template = tokenizer.chat_template
    return _layout(tokenizer, template if isinstance(template, str) else None)


@lru_cache(maxsize=8)
def _layout(tokenizer: PreTrainedTokenizerBase, template: str | None) -> Layout:
    return _own(tokenizer) if template in (None, JINJA) else _of_template(tokenizer)


def _own(tokenizer: PreTrainedTokenizerBase) -> Layout:
    end = tokenizer.eos_token_id
    assert isinstance(end, int), "the tokenizer has no end token"
    vocabulary = tokenizer.get_vocab()
    opening = {role: (vocabulary[role.token],) for role in Role}
    return Layout((), opening, dict.fromkeys(Role, (end,)), 1, end)


def _of_template(tokenizer: PreTrainedTokenizerBase) -> Layout:
    """Head, A, middle, B, seam, C, middle, D, tail: what a template writes around four turns, of which each piece is
    an opening, a closing or both.
    """
    _, first, second, third, fourth = ASKED
    user, assistant = "user", "assistant"
    whole = _asked(tokenizer, (user, first), (assistant, second), (user, third), (assistant, fourth))
    alone = _asked(tokenizer, (user, first))
    if whole is None or alone is None:
        raise _unusual()
    head, middle, seam, again, tail = whole
    after_user = alone[1]
    opening = {Role.ASSISTANT: _without(middle, after_user), Role.PROMPTER: _without(seam, tail)}
    closing = {Role.ASSISTANT: tail, Role.PROMPTER: after_user}
    if middle != again or not head.endswith(opening[Role.PROMPTER]):
        raise _unusual()
    begin = head.removesuffix(opening[Role.PROMPTER])
    led = _asked(tokenizer, ("system", ASKED[0]), (user, first))
    if led is not None and led[1].endswith(opening[Role.PROMPTER]):
        opening[Role.SYSTEM], closing[Role.SYSTEM] = led[0], led[1].removesuffix(opening[Role.PROMPTER])
    close = _special(tail, tokenizer)
    ends = [place for place, token in enumerate(close) if token in _ends(tokenizer)]
    if not ends:
        raise BadTemplate(
            'the chat template of the model ends replies with no token of its own; set model.chat to "own"'
        )
    return Layout(
        _special(begin, tokenizer),
        {role: _special(text, tokenizer) for role, text in opening.items()},
        {role: _special(text, tokenizer) for role, text in closing.items()},
        ends[0] + 1,
        close[ends[0]],
    )


def _asked(tokenizer: PreTrainedTokenizerBase, *turns: tuple[str, str]) -> list[str] | None:
    """What a template writes before, between and behind these turns; None where it refuses or changes them."""
    messages = [{"role": role, "content": text} for role, text in turns]
    try:
        rest = str(tokenizer.apply_chat_template(messages, tokenize=False))
    except TemplateError:
        return None
    pieces = []
    for _, text in turns:
        before, found, rest = rest.partition(text)
        if not found:
            return None
        pieces.append(before)
    return [*pieces, rest]


def _without(text: str, beginning: str) -> str:
    if not text.startswith(beginning):
        raise _unusual()
    return text.removeprefix(beginning)


def _unusual() -> BadTemplate:
    return BadTemplate(
        'the chat template of the model does not write turns one after the other; set model.chat to "own"'
    )


def _special(text: str, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    """What a template wrote, in which special tokens are what they look like."""
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _ends(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    return {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}


def plain(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Texts in tokens of text: neither a special token is found in them nor one put around them."""
    if not texts:
        return []
    found = tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False)
    return [list(ids) for ids in found["input_ids"]]
