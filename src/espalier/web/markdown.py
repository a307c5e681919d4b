"""What people write, as it is shown: Markdown made to safe HTML.

Knows the renderers; trusts nothing that it renders.
"""

from functools import cache
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_TAGS: Final = nh3.ALLOWED_TAGS - {"img"}


@cache
def _renderer() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


def rendered(text: str) -> Markup:
    """The text as HTML that may stand in a page."""
    return Markup(nh3.clean(_renderer().render(text), tags=_TAGS))
