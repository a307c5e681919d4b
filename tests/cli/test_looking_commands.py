"""`espalier tree show` and `espalier stats`: what there is, in a terminal."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from commands import Run
from espalier.cli.terminal import harmless
from espalier.store.session import Database
from oasst import lines, message, tree


def show(run: Run, *arguments: str) -> list[str]:
    shown = run("tree", "show", *arguments)
    assert shown.code == 0
    return shown.out.splitlines()


def told(role: str, name: str, **more: object) -> dict[str, object]:
    parent = None if role == "prompter" and name == "root" else more.pop("parent", "root")
    return message(name, parent, **{"role": role, "review_count": 3, "review_result": True, "replies": [], **more})


@pytest.fixture
def grown(campaign: Database, run: Run) -> Database:
    means = {
        "spam": {"value": 0.0, "count": 3},
        "quality": {"value": 0.75, "count": 3},
        "toxicity": {"value": 0.1, "count": 3},
    }
    replies = [
        told("assistant", "second", rank=1, user_id="b", text="Second best."),
        told("assistant", "best", rank=0, user_id="a", text="The best.\nWith more.", labels=means, emojis={"+1": 2}),
        told("assistant", "refused", review_result=False, text="Buy!"),
        told("assistant", "waiting", review_result=None, review_count=1, text="Who knows?"),
        told("assistant", "deleted", deleted=True, text="Rude."),
        told("assistant", "made", synthetic=True, model_name="chip-7", late=True, text="As a model."),
    ]
    file = lines(Path("t.jsonl"), tree(told("prompter", "root", text="A question?", replies=replies)))
    run("import", file)
    return campaign


def line_of(shown: list[str], text: str) -> tuple[str, str]:
    """The two lines of a message: what is said of it, and its text."""
    place = next(number for number, line in enumerate(shown) if text in line)
    return shown[place - 1], shown[place]


def test_each_message_shows_what_became_of_it(grown: Database, run: Run) -> None:
    shown = show(run, "root")
    assert shown[0].startswith("root  en  ready_for_export")
    about, text = line_of(shown, "The best.")
    assert "assistant" in about
    assert "✓ rank 0 +1×2  quality 0.75  toxicity 0.10" in about
    assert "spam" not in about
    assert text.endswith("The best. …")
    assert "✗" in line_of(shown, "Buy!")[0]
    assert " … " in line_of(shown, "Who knows?")[0] + " "
    assert "deleted" in line_of(shown, "Rude.")[0]
    assert "chip-7" in line_of(shown, "As a model.")[0]
    assert "synthetic" in line_of(shown, "As a model.")[0]


def test_replies_stand_by_rank_then_as_they_came(grown: Database, run: Run) -> None:
    shown = "\n".join(show(run, "root"))
    places = [shown.index(text) for text in ("The best.", "Second best.", "Buy!", "Who knows?", "Rude.")]
    assert places == sorted(places)


def test_a_tree_is_found_by_any_message_and_by_the_beginning_of_an_id(grown: Database, run: Run) -> None:
    assert show(run, "best") == show(run, "root") == show(run, "ro")
    several = run("tree", "show", "")
    assert several.code == 1
    assert "Several ids begin with" in several.err
    assert run("tree", "show", "zzz").err == "espalier: There is no tree or message zzz.\n"


def test_whole_texts_are_shown_on_demand(grown: Database, run: Run) -> None:
    assert not any("With more." in line for line in show(run, "root"))
    assert any("With more." in line for line in show(run, "root", "--full"))


def test_wide_and_long_texts_stay_within_the_terminal(
    campaign: Database, run: Run, demo_files: tuple[Path, Path]
) -> None:
    run("import", demo_files[0])
    with campaign.read() as db:
        trees = [
            row[0] for row in db.exec_driver_sql("SELECT id FROM trees WHERE lang IN ('ko', 'ja', 'zh', 'ar', 'th')")
        ]
    assert trees
    for tree_id in trees:
        assert max(cell_len(line) for line in show(run, tree_id)) <= 80


def test_nothing_that_people_write_steers_the_terminal(campaign: Database, run: Run) -> None:
    nasty = "\x1b[2J\x1b]0;owned\x07 [red]plain[/red] \u202eabc"
    run("import", lines(Path("t.jsonl"), tree(told("prompter", "root", text=nasty))))
    shown = run("tree", "show", "root", "--full").out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", shown)
    assert "[red]plain[/red]" in shown


def test_text_from_right_to_left_does_not_turn_the_line_around() -> None:
    assert harmless("مرحبا\nabc") == "\u200eمرحبا\n\u200eabc"
    assert harmless("hello") == "hello"


def test_the_figures_hold_every_tree_and_message(campaign: Database, run: Run, demo_files: tuple[Path, Path]) -> None:
    run("import", *(demo_files[0], "--votes", demo_files[1]))
    shown = run("stats")
    assert shown.code == 0
    assert re.search(r"^in all +63\b", shown.out, re.MULTILINE)
    assert re.search(r"^th +3 ", shown.out, re.MULTILINE)
    assert re.search(r"^admin +1\b", shown.out, re.MULTILINE)
    assert re.search(r"^reviews +29 ", shown.out, re.MULTILINE)
    assert "\x1b" not in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_an_empty_campaign_has_figures_too(any_campaign: Database, run: Run) -> None:
    shown = run("stats")
    assert shown.code == 0
    assert re.search(r"^in all +·", shown.out, re.MULTILINE)
