"""Inspirations on the site: added with source and licence, shown to who writes a prompt, taken out of the draw."""

from collections.abc import Iterator

import pytest

from campaigns import World
from visits import Visitor, form_of, visit

ADDRESS = "/admin/inspirations"
POTS = {
    "title": "Plants on a <balcony>", "text": "What grows in pots?", "lang": "en", "source": "A gardener",
    "licence": "CC0",
}  # fmt: skip


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


def given(world: World) -> str | None:
    task = world.person(f"writer {next(world.numbers)}").task("initial_prompt")
    title: str | None = task["inspiration"] and task["inspiration"]["title"]
    return title


def test_what_is_added_is_given_to_who_writes_a_prompt(chief: Visitor, small_campaign: World) -> None:
    assert given(small_campaign) is None
    chief.get(ADDRESS)
    page = chief.send(ADDRESS, **POTS)
    assert "Writers of prompts get it from now on." in page.text
    assert "Plants on a &lt;balcony&gt;" in page.text
    assert given(small_campaign) == POTS["title"]


def test_it_is_reworded_and_taken_out_of_the_draw(chief: Visitor, small_campaign: World) -> None:
    chief.get(ADDRESS)
    page = chief.send(ADDRESS, **POTS)
    address = page.text.split(f'href="{ADDRESS}/')[1].split('"')[0]
    chief.get(f"{ADDRESS}/{address}")
    chief.send(f"{ADDRESS}/{address}", title="Pots")
    assert given(small_campaign) == "Pots"
    chief.send(f"{address}/shown", shown="no")
    assert given(small_campaign) is None
    assert "not shown" in chief.page.text
    chief.send(f"{address}/shown", shown="yes")
    assert given(small_campaign) == "Pots"


def test_a_fault_is_shown_at_its_field_and_nothing_typed_is_lost(chief: Visitor) -> None:
    for name, value in (("title", " "), ("text", ""), ("lang", "no language"), ("source", "x" * 301)):
        chief.get(ADDRESS)
        page = chief.send(ADDRESS, **{**POTS, name: value})
        assert page.status_code == 422
        assert f'id="{name}-fault"' in page.text
        kept = dict(form_of(page, ADDRESS).fields)
        assert {field: kept[field].strip() for field in POTS} == {**POTS, name: value.strip()}
