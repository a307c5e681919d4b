"""The documentation is complete and says what the code says."""

import re
import tomllib
from pathlib import Path

import pytest
import typer

import draw_docs
from espalier.cli import app
from espalier.config import FIELDS
from espalier.domain.lifecycle import COMMANDS, LEADS_TO
from espalier.domain.message import EMOJIS, LABELS, SKIP_REASONS
from espalier.domain.policy import PARAMETERS
from espalier.domain.tree import State
from espalier.domain.work import Kind
from lifecycle_picture import picture

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
MADE = draw_docs.pages()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def commands() -> list[str]:
    def walk(name: str, command: object) -> list[str]:
        below = getattr(command, "commands", {})
        return [each for word, one in below.items() for each in walk(f"{name} {word}", one)] or [name]

    return walk("espalier", typer.main.get_command(app))


NAMED = {
    "policy.md": [*PARAMETERS],
    "lifecycle.md": [*State, *COMMANDS],
    "commands.md": commands(),
    "reference.md": [
        *FIELDS, *commands(), *Kind, *LABELS, *SKIP_REASONS, *EMOJIS, *(each.slug for each in draw_docs.problems()),
    ],
    "architecture.md": [str(path.relative_to(draw_docs.HOUSE)) for path in draw_docs.HOUSE.rglob("[!_]*.py")
                        if "migrations" not in path.parts],
}  # fmt: skip


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, names in NAMED.items() for name in names])
def test_everything_that_has_a_name_has_its_place_in_the_documentation(page: str, name: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    assert re.search(rf"^(\| |### |.*)`{re.escape(name)}`", text, re.MULTILINE), f"docs/{page} says nothing of {name}"


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_the_made_pages_are_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == MADE[path], "run `make docs`"


def test_every_problem_says_when_it_happens() -> None:
    assert not re.findall(r"^\| `[a-z-]+` \| \d+ \| .* \|  \|$", MADE[ROOT / "docs" / "reference.md"], re.MULTILINE)


def test_the_picture_shows_every_state_and_every_rule() -> None:
    drawn = picture()
    assert drawn.count('class="box') == len(State) + 4  # and the four of the legend
    marked = re.findall(r'class="edge"[^>]*marker-end', drawn)
    to_each = sum(len(ends) for ends in LEADS_TO.values())
    to_the_rail = sum(State.HALTED_BY_MODERATOR in ends for ends in LEADS_TO.values())
    assert len(marked) == to_each - to_the_rail + 3  # the rail's own arrow, the first prompt, the legend


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)|(?:src|srcset)=\"([^\"]+)\"", text)
    here = [target for pair in targets for target in pair if target and "://" not in target]
    assert not [target for target in here if not (page.parent / target).exists()]


def test_every_dependency_has_its_reason() -> None:
    extras = PROJECT["optional-dependencies"].values()
    wanted = [*PROJECT["dependencies"], *(each for extra in extras for each in extra)]
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    for each in wanted:
        name = re.split(r"[\[<>=;! ]", each)[0]
        assert f"| `{name}` |" in text, f"docs/dependencies.md says nothing of {name}"


def test_every_dependency_is_locked() -> None:
    locked = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    }
    for each in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]:
        assert re.split(r"[\[<>=;! ]", each)[0].lower() in locked, each
