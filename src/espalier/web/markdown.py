"""What people write, as it is shown: Markdown made to safe HTML, code coloured, formulas as MathML.

Trusts nothing that it renders: raw HTML is text, images are links, and what comes out passes a list of what may.
Knows the renderers; knows no page.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from gettext import NullTranslations
from itertools import groupby
from typing import Any, Final

import nh3
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

from espalier.web.words import N_

MOST_CHARACTERS: Final = 100_000  # of a text; a longer one is shown as it was typed
MOST_OF_CODE: Final = 20_000  # that are coloured, of one block
MOST_OF_FORMULA: Final = 2_000
MOST_FORMULAS: Final = 200  # of one text; the rest is shown as it was typed
MOST_COLONS: Final = 500  # of a text in which bare addresses become links: the search takes the square of their number

COLOURED: Final[Mapping[Any, str]] = {
    Comment: "c-c",
    Keyword: "c-k",
    String: "c-s",
    Number: "c-m",
    Name.Function: "c-n",
    Name.Class: "c-n",
    Name.Tag: "c-n",
    Name.Builtin: "c-n",
    Name.Decorator: "c-n",
}
"""The classes of the style sheet by kinds of token; whatever is none of these keeps the colour of text."""

_MATH: Final = (
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mmultiscripts "
    "mprescripts none mtable mtr mtd mstyle mpadded mphantom menclose merror"
)
_TAGS: Final = "p br hr strong em s code pre blockquote ul ol li a h2 h3 h4 h5 h6 table thead tbody tr th td div span"
_ATTRIBUTES: Final[dict[str, set[str]]] = {
    "a": {"href", "title"},
    "ol": {"start"},
    "div": {"aria-label"},
    "mo": {"stretchy", "fence", "form", "separator", "movablelimits", "minsize", "maxsize", "largeop"},
    "mi": {"mathvariant"},
    "mtd": {"columnalign"},
    "mtable": {"displaystyle", "rowspacing", "columnspacing", "columnalign"},
    "mstyle": {"displaystyle", "scriptlevel"},
    "mspace": {"width", "linebreak"},
    "mfrac": {"linethickness"},
    "mover": {"accent"},
    "munder": {"accentunder"},
    "menclose": {"notation"},
}
_VALUES: Final = {"div": {"role": {"region"}, "tabindex": {"0"}}, "math": {"display": {"block", "inline"}}}
_CLASSES: Final = {
    "div": {"wide"},
    "span": set(COLOURED.values()),
    "th": {"end", "centre"},
    "td": {"end", "centre"},
}
_ALIGNED: Final = {"text-align:right": "end", "text-align:center": "centre"}


_CODE: Final = N_("Code")
_TABLE: Final = N_("Table")
_FORMULA: Final = N_("Formula")
_IMAGE: Final = N_("Image: %(about)s")


def rendered(text: str, words: NullTranslations | None = None, top: int = 2) -> Markup:
    """The text as HTML that may stand in a page. words: of the page. top: the level of the first headings in it."""
    if len(text) > MOST_CHARACTERS:
        return Markup("<p>{}</p>").format(text)
    env: dict[str, Any] = {"words": words or NullTranslations(), "formulas": 0}
    renderer = _renderer(addresses=text.count(":") <= MOST_COLONS)
    tokens = renderer.parse(text, env)
    _fit(tokens, top)
    html = renderer.renderer.render(tokens, renderer.options, env)
    return Markup(_cleaner().clean(html))


def _fit(tokens: Sequence[Token], top: int) -> None:
    """Put headings below those of the page, and say with a class how a column is aligned."""
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    shift = top - min(levels, default=top)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + shift)}"
        elif token.type in ("th_open", "td_open"):
            aligned = _ALIGNED.get(str(token.attrs.pop("style", "")))
            if aligned:
                token.attrSet("class", aligned)


@cache
def _renderer(*, addresses: bool) -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": addresses})
    made.enable(["table", "strikethrough", "linkify"])
    if made.linkify is not None:
        made.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    dollarmath_plugin(made, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    for name, rule in _RULES.items():
        made.add_render_rule(name, rule)
    return made


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags={*_TAGS.split(), *_MATH.split()},
        attributes=_ATTRIBUTES,
        tag_attribute_values=_VALUES,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )


def _wide(html: str, label: str, env: EnvType) -> str:
    said = escape(env["words"].gettext(label))
    return f'<div class="wide" tabindex="0" role="region" aria-label="{said}">{html}</div>\n'


def _code(_: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[place]
    language = token.info.split()[0] if token.info.split() else ""
    return _wide(f"<pre><code>{_colours(token.content, language)}</code></pre>", _CODE, env)


def _colours(code: str, language: str) -> str:
    if not language or len(code) > MOST_OF_CODE:
        return str(escape(code))
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return str(escape(code))
    pieces = groupby(lexer.get_tokens(code), key=lambda piece: _class_of(piece[0]))
    return "".join(_span(name, str(escape("".join(value for _, value in each)))) for name, each in pieces)


def _class_of(kind: _TokenType) -> str | None:
    return next((COLOURED[each] for each in reversed(kind.split()) if each in COLOURED), None)


def _span(name: str | None, code: str) -> str:
    return f'<span class="{name}">{code}</span>' if name else code


def _formula(tokens: Sequence[Token], place: int, env: EnvType, *, block: bool) -> str:
    typed = tokens[place].content.strip()
    env["formulas"] += 1
    try:
        if len(typed) > MOST_OF_FORMULA or env["formulas"] > MOST_FORMULAS:
            raise ValueError("too much to convert")
        html = convert(typed, display="block" if block else "inline")
    except Exception:  # the converter fails in many ways on what is no LaTeX, all of them harmless
        html = f"<code>{escape(typed)}</code>"
    return _wide(html, _FORMULA, env) if block else html


def _inline_formula(_: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    return _formula(tokens, place, env, block=False)


def _block_formula(_: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    return _formula(tokens, place, env, block=True)


def _image(_: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[place]
    address = str(token.attrs.get("src", ""))
    said = env["words"].gettext(_IMAGE) % {"about": token.content or address}
    return f'<a href="{escape(address)}">{escape(said)}</a>'


def _table_open(_: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    said = escape(env["words"].gettext(_TABLE))
    return f'<div class="wide" tabindex="0" role="region" aria-label="{said}"><table>\n'


def _table_close(_: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType) -> str:
    return "</table></div>\n"


_RULES: Final[Mapping[str, Callable[..., str]]] = {
    "fence": _code,
    "code_block": _code,
    "math_inline": _inline_formula,
    "math_inline_double": _block_formula,
    "math_block": _block_formula,
    "image": _image,
    "table_open": _table_open,
    "table_close": _table_close,
}
