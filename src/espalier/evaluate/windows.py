"""A text after its context, as a model reads it that has room for so much at once: in pieces, the whole of it.

Knows tokens; knows no model.
"""

from espalier.infer.engine import Tokens

Read = tuple[Tokens, Tokens]
"""What stands before a text, and the text."""


def windows(before: Tokens, text: Tokens, longest: int) -> list[Read]:
    """Pieces of the text, each after what stands before it, as much as there is room for. longest: tokens that are read
    at once, the last of a piece among them.
    """
    step = longest - 1
    whole, found = before + text, list[Read]()
    for begin in range(len(before), len(whole), step):
        end = min(begin + step, len(whole))
        found.append((whole[max(0, end - longest) : begin], whole[begin:end]))
    return found


def of_the_word(context: str, text: str) -> tuple[str, str]:
    """Both, where blanks at the end of the context belong to the word that follows, as tokenizers have it."""
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + text
