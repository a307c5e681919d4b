"""Releases on the site: asked for, made by itself, downloaded, and named to whoever leaves."""

import json
import re
from collections.abc import Iterator

import pytest

from campaigns import World
from visits import Visitor, visit

ADDRESS = "/admin/releases"


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


def test_a_release_is_made_by_itself_and_its_files_are_downloaded(chief: Visitor, small_campaign: World) -> None:
    tree, *_ = small_campaign.ranked_tree()
    chief.get(ADDRESS)
    page = chief.send(ADDRESS, name="first-1", title="Our first", licence="cc0-1.0", held_out="0")
    asked_again = re.search(r'hx-get="([^"]+)"', page.text)
    assert asked_again
    assert chief.get(f"{ADDRESS}/first-1/report.html").status_code == 404, "it is not there yet"
    half = (
        small_campaign.http.app.state.campaign.data_dir / "releases" / ".first-1.abc.part"
    )  # of a server that was killed at it
    half.mkdir(parents=True)
    small_campaign.work()
    assert not half.exists()
    assert f"{ADDRESS}/first-1/report.html" in chief.get(asked_again[1]).text, "who waited is led to it"
    page = chief.get(ADDRESS)
    assert "first-1" in page.text
    assert "hx-get" not in page.text
    said = json.loads(chief.get(f"{ADDRESS}/first-1/release.json").content)
    assert said["counts"]["train"]["trees"] == 1
    assert said["licence"] == {"name": "cc0-1.0", "url": None}
    assert tree.encode() in chief.get(f"{ADDRESS}/first-1/split.json").content
    report = chief.get(f"{ADDRESS}/first-1/report.html")
    assert b"<h1>Our first</h1>" in report.content
    assert report.headers["content-disposition"].startswith("attachment")
    for absent in ("first-1/nothing.json", "first-1/../../espalier.db", "second/release.json"):
        assert chief.get(f"{ADDRESS}/{absent}").status_code == 404
    assert "first-1" in chief.get("/me/delete").text, "who leaves reads what cannot be recalled"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "No Spaces"}, "name"), ({"name": "a", "where": "qualty>1"}, "where"),
        ({"name": "a", "where": "personal=0"}, "where"),
        ({"name": "a", "held_out": "many"}, "held_out"), ({"name": "a", "langs": "not a language"}, "langs"),
    ],
)  # fmt: skip
def test_what_cannot_be_released_is_said_at_its_field_and_the_form_keeps_it(
    chief: Visitor, fields: dict[str, str], field: str
) -> None:
    chief.get(ADDRESS)
    page = chief.send(ADDRESS, **fields)
    assert page.status_code == 422
    assert f'id="{field}-fault"' in page.text
    assert fields[field].replace(">", "&gt;") in page.text


def test_a_release_without_trees_fails_with_a_sentence_and_leaves_nothing(
    chief: Visitor, small_campaign: World
) -> None:
    chief.get(ADDRESS)
    chief.send(ADDRESS, name="empty")
    small_campaign.work()
    page = chief.get(ADDRESS)
    assert "No tree is left to release" in page.text
    assert "release.json" not in page.text
