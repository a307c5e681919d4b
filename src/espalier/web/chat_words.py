"""Chat in words: presets, parameters, reasons of thumbs, and what can be said of two replies."""

from collections.abc import Mapping
from typing import Final

from espalier.store.battles import Vote
from espalier.web.words import N_

PRESETS: Final[Mapping[str, str]] = {
    "balanced": N_("Balanced"),
    "precise": N_("Precise: the same question gives nearly the same reply"),
    "inventive": N_("Inventive: more surprising, and wrong more often"),
    "likeliest": N_("Always the likeliest word"),
    "custom": N_("My own values"),
}
PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "temperature": (N_("Temperature"), N_("How freely words are chosen: 0 takes the likeliest, 2 nearly any.")),
    "top_p": (N_("Top p"), N_("Only the likeliest words that together make up this share.")),
    "top_k": (N_("Top k"), N_("Only so many of the likeliest words.")),
    "max_tokens": (N_("Longest reply"), N_("In tokens; a word is one or two of them.")),
    "seed": (N_("Seed"), N_("With the same seed the same question gives the same reply.")),
}
"""By parameter: its name, and what it does."""
REASONS: Final[Mapping[str, str]] = {
    "correct": N_("it is correct"),
    "helpful": N_("it helps"),
    "well_written": N_("it is well written"),
    "wrong": N_("something in it is wrong"),
    "not_asked": N_("not what I asked for"),
    "refuses": N_("it refuses for no good reason"),
    "harmful": N_("it is harmful"),
    "badly_written": N_("it is badly written"),
}
VOTES: Final[Mapping[Vote, str]] = {
    Vote.LEFT: N_("A is better"),
    Vote.RIGHT: N_("B is better"),
    Vote.TIE: N_("Both are good"),
    Vote.BOTH_BAD: N_("Both are bad"),
    Vote.SKIPPED: N_("Go on without a vote"),
}
VOTE_KEYS: Final[Mapping[Vote, tuple[str, str]]] = {
    Vote.LEFT: ("take_a", "A"),
    Vote.RIGHT: ("take_b", "B"),
    Vote.TIE: ("tie", "G"),
    Vote.BOTH_BAD: ("both_bad", "X"),
    Vote.SKIPPED: ("skipped", "S"),
}
"""By vote: the act of its key, and what is printed on the key."""
VOTED: Final[Mapping[Vote, str]] = {
    Vote.LEFT: N_("You found A better. A is %(left)s, B is %(right)s."),
    Vote.RIGHT: N_("You found B better. A is %(left)s, B is %(right)s."),
    Vote.TIE: N_("You found both good. A is %(left)s, B is %(right)s."),
    Vote.BOTH_BAD: N_("You found both bad. A is %(left)s, B is %(right)s."),
    Vote.SKIPPED: N_("You did not vote. A is %(left)s, B is %(right)s."),
}
"""Names are told after the vote only."""
