"""How messages are called in a line: their first words, without the signs of Markdown and with all others."""

import pytest

from espalier.web.tree_words import first_words


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Is <b>this</b> bold, and is 3 > 2?", "Is <b>this</b> bold, and is 3 > 2?"),
        ("Call `my_little_function` in C#, or reset HEAD~1", "Call my_little_function in C#, or reset HEAD~1"),
        ("What is 2 * 3 * 4?", "What is 2 * 3 * 4?"),
        ("# Bread\n\n> without **yeast**, _please_\n\n- flour\n* water", "Bread without yeast, please flour water"),
        ("See [the recipe](https://example.org) ~~today~~", "See the recipe today"),
        ("```python\nprint(1)\n```", "print(1)"),
    ],
)  # fmt: skip
def test_the_first_words_are_what_is_read_on_the_page(text: str, line: str) -> None:
    assert first_words(text) == line
