"""What people write is shown as they meant it, and does nothing else."""

import re
import time

import pytest

from espalier.web.markdown import MOST_CHARACTERS, rendered

SECONDS = 10  # far above what any of these takes, far below what runs away
HOSTILE = {
    "raw html": "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src=//evil.example></iframe>",
    "html block": "<div onclick=alert(1)>\n\n<style>*{display:none}</style>\n\n</div>",
    "script link": "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,x) [d](vbscript:x)",
    "script in an autolink": "<javascript:alert(1)> <data:text/html,x>",
    "broken out of an attribute": '[a](https://e.example/"onmouseover="alert(1)) ![x" onerror="y](https://e.example/a)',
    "script in a formula": r"$\href{javascript:alert(1)}{x} \text{<script>alert(1)</script>} \style{color:red}{y}$",
    "language of a fence": '```"><script>alert(1)</script>\nx\n```',
    "class of the page": "```python\nclass Notice: pass\n```",
}
ALLOWED = re.compile(
    r"<(/?)(p|br|hr|strong|em|s|code|pre|blockquote|ul|ol|li|a|h[2-6]|table|thead|tbody|tr|th|td|div|span|math|m\w+)\b"
)
PATHOLOGICAL = {
    "brackets": "[",
    "images": "![",
    "links": "[](",
    "stars": "*a ",
    "quotes": "> ",
    "lists": "- ",
    "backquotes": "`",
    "dollars": "$",
    "formulas": "$a$ ",
    "pipes": "|",
    "addresses": "://",
    "mails": "a@b:",
    "angles": "<a",
    "headings": "# a\n",
    "braces": "${",
    "entities": "&amp;",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_runs_and_no_other_host_is_contacted(text: str) -> None:
    html = rendered(text)
    for tag in re.findall(r"<[^>]*>", html):
        assert ALLOWED.match(tag), tag
        assert not re.search(r"\s(on\w+|style|src|srcset|xlink:href)\s*=", tag.lower()), tag
        assert not re.search(r"href=\"(?!https?:|mailto:)", tag), tag
        if tag.startswith("<m"):
            assert "href" not in tag


@pytest.mark.parametrize("piece", PATHOLOGICAL.values(), ids=PATHOLOGICAL)
def test_a_text_of_100_000_characters_is_rendered_in_time(piece: str) -> None:
    began = time.process_time()
    rendered((piece * MOST_CHARACTERS)[:MOST_CHARACTERS])
    assert time.process_time() - began < SECONDS


def test_what_is_longer_still_is_shown_as_it_was_typed() -> None:
    assert rendered("*" * (MOST_CHARACTERS + 1)).startswith("<p>***")


def test_a_remote_image_is_a_link_to_it() -> None:
    assert rendered("![a map](https://e.example/map.png)") == (
        '<p><a href="https://e.example/map.png" rel="nofollow noopener noreferrer">Image: a map</a></p>\n'
    )


def test_code_is_coloured_by_classes_alone() -> None:
    html = rendered("```python\ndef f(x):  # why\n    return 'a<b'\n```")
    assert '<span class="c-k">def</span>' in html
    assert '<span class="c-c"># why</span>' in html
    assert "a&lt;b" in html
    assert '<div class="wide" tabindex="0" role="region" aria-label="Code"><pre>' in html


def test_code_of_a_language_that_nobody_knows_is_shown_all_the_same() -> None:
    assert "<code>x &lt; y\n</code>" in rendered("```nonesuch\nx < y\n```")


def test_formulas_are_mathml() -> None:
    html = rendered("Half is $\\frac{1}{2}$.\n\n$$\nE = mc^2\n$$")
    assert '<math display="inline"><mrow><mfrac>' in html
    assert 'aria-label="Formula"><math display="block">' in html


def test_prices_are_no_formulas() -> None:
    assert "math" not in rendered("It costs $5, or $6 with milk.")


def test_a_formula_that_is_none_is_shown_as_it_was_typed() -> None:
    assert r"<code>\frac{{{</code>" in rendered(r"$\frac{{{$")


def test_tables_scroll_by_themselves_and_keep_their_alignment() -> None:
    html = rendered("|a|b|\n|-:|:-:|\n|1|2|")
    assert 'role="region" aria-label="Table"><table>' in html
    assert '<td class="end">1</td>' in html
    assert "style" not in html


def test_headings_of_a_text_stand_below_those_of_its_page() -> None:
    assert re.findall(r"<(h\d)", rendered("# a\n\n### b\n\n###### c")) == ["h2", "h4", "h6"]
    assert re.findall(r"<(h\d)", rendered("### a\n\n#### b", top=3)) == ["h3", "h4"]


def test_lines_stay_lines_and_addresses_become_links() -> None:
    html = rendered("one\ntwo https://e.example/x ~~three~~")
    assert "one<br>" in html
    assert '<a href="https://e.example/x" rel="nofollow noopener noreferrer">' in html
    assert "<s>three</s>" in html
