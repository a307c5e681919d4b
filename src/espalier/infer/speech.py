"""From the tokens of a reply to its text as it is told: in whole signs, and up to a string at which it shall stop.

Knows a tokenizer; knows no model.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedTokenizerBase

from espalier.infer.completions import Likely, TokenLogprob

HALF: str = "\ufffd"
"""What a tokenizer writes for the first bytes of a sign."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A token of a reply, with its log-probability in nats and the likeliest ones in its place, where those were asked
    for.
    """

    token: int
    log_prob: float | None = None
    likeliest: tuple[tuple[int, float], ...] = ()


@dataclass
class Speech:
    """A reply that is being told. stops: strings; the reply ends before the first of them. stopped: it has ended so."""

    tokenizer: PreTrainedTokenizerBase
    stops: Sequence[str]
    stopped: bool = False
    _tokens: list[int] = field(default_factory=list)
    _known: int = 0  # tokens before this place are told, and only lend those behind them their context
    _read: int = 0  # tokens before this place are in `_held` or told
    _held: str = ""  # text that may be the beginning of a stop string
    _told: int = 0  # signs
    _untold: deque[tuple[int, Drawn]] = field(default_factory=deque)  # by the sign that each token ends at

    def add(self, drawn: Drawn) -> tuple[str, list[TokenLogprob]]:
        """What can be told after another token."""
        self._tokens.append(drawn.token)
        self._held += self._decoded(in_whole_signs=True)
        if drawn.log_prob is not None:
            self._untold.append((self._told + len(self._held), drawn))
        found = [place for place in (self._held.find(stop) for stop in self.stops) if place >= 0]
        if found:
            self.stopped = True
            return self._tell(min(found))
        return self._tell(len(self._held) - self._beginning())

    def end(self) -> tuple[str, list[TokenLogprob]]:
        """What is left when no token follows."""
        self._held += self._decoded(in_whole_signs=False)
        return self._tell(len(self._held))

    def _decoded(self, in_whole_signs: bool) -> str:
        before = self._text(self._tokens[self._known : self._read])
        text = self._text(self._tokens[self._known :])
        if len(text) <= len(before) or (in_whole_signs and text.endswith(HALF)):
            return ""
        self._known, self._read = self._read, len(self._tokens)
        return text[len(before) :]

    def _text(self, tokens: Sequence[int]) -> str:
        text = self.tokenizer.decode([*tokens], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def _beginning(self) -> int:
        """Signs at the end of what is held that a stop string may begin with."""
        longest = max(map(len, self.stops), default=0) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self.stops):
                return length
        return 0

    def _tell(self, signs: int) -> tuple[str, list[TokenLogprob]]:
        told, self._held = self._held[:signs], self._held[signs:]
        self._told += signs
        tokens = []
        while self._untold and self._untold[0][0] <= self._told:
            tokens.append(self._logprob(self._untold.popleft()[1]))
        return told, tokens

    def _logprob(self, drawn: Drawn) -> TokenLogprob:
        assert drawn.log_prob is not None
        likeliest = [self._likely(token, log_prob) for token, log_prob in drawn.likeliest]
        return TokenLogprob(**self._likely(drawn.token, drawn.log_prob).model_dump(), top_logprobs=likeliest)

    def _likely(self, token: int, log_prob: float) -> Likely:
        text = self.tokenizer.decode([token], clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        # Of a token that is a part of a sign nobody but the tokenizer knows the bytes.
        return Likely(token=text, logprob=log_prob, bytes=None if HALF in text else list(text.encode()))
