"""Exports and imports on the site: asked for, followed, downloaded; a file sent back in adds nothing."""

import gzip
import json
from collections.abc import Iterator

import pytest
from httpx import Response

from campaigns import World
from visits import Visitor, form_of, visit

ADDRESS = "/admin/exports"


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


def upload(visitor: Visitor, name: str, content: bytes) -> Response:
    fields = dict(form_of(visitor.page, "/admin/imports").fields)
    return visitor.world.http.portal.call(
        lambda: visitor.client.post(
            "/admin/imports", data={"form_token": fields["form_token"]}, files={"file": (name, content)}
        )
    )


def test_an_export_goes_on_by_itself_and_is_downloaded(chief: Visitor, small_campaign: World) -> None:
    tree, *_ = small_campaign.ranked_tree()
    chief.get(ADDRESS)
    page = chief.send(ADDRESS, votes="yes")
    assert "hx-get" in page.text
    job = page.text.split('hx-get="/admin/jobs/')[1].split("/")[0]
    assert chief.get(f"{ADDRESS}/{job}/trees").status_code == 409, "it is not there yet"

    small_campaign.work()
    assert "hx-get" not in chief.get(f"/admin/jobs/{job}/progress").text
    page = chief.get(ADDRESS)
    assert f"{ADDRESS}/{job}/votes" in page.text
    answer = chief.get(f"{ADDRESS}/{job}/trees")
    (line,) = gzip.decompress(answer.content).splitlines()
    assert json.loads(line)["message_tree_id"] == tree
    assert gzip.decompress(chief.get(f"{ADDRESS}/{job}/votes").content).count(b"\n") == 3


def test_a_file_is_taken_in_and_twice_adds_nothing(chief: Visitor, small_campaign: World) -> None:
    tree, *_ = small_campaign.ranked_tree()
    chief.get(ADDRESS)
    page = chief.send(ADDRESS)
    job = page.text.split('hx-get="/admin/jobs/')[1].split("/")[0]
    small_campaign.work()
    file = gzip.decompress(chief.get(f"{ADDRESS}/{job}/trees").content).replace(tree.encode(), b"another-tree")
    for _ in range(2):
        chief.get(ADDRESS)
        answer = upload(chief, "../trees of <others>.jsonl", file)
        assert answer.status_code == 200
        small_campaign.work()
    page = chief.get(ADDRESS)
    assert "trees of &lt;others&gt;.jsonl" in page.text
    assert "../trees" not in page.text
    assert page.text.count("· 1 tree<") + page.text.count("· 0 trees<") >= 2


def test_faults_are_shown_at_their_fields(chief: Visitor) -> None:
    chief.get(ADDRESS)
    page = chief.send(ADDRESS, states=[], langs="de")
    assert (page.status_code, 'id="states-fault"' in page.text) == (422, True)
    chief.get(ADDRESS)
    page = chief.send(ADDRESS, langs="no language")
    assert (page.status_code, 'id="langs-fault"' in page.text) == (422, True)
    chief.get(ADDRESS)
    page = chief.send("/admin/imports")
    assert (page.status_code, 'id="file-fault"' in page.text) == (422, True)


def test_only_organisers_take_data_out_or_in(small_campaign: World) -> None:
    for name in (small_campaign.ada.name, small_campaign.warden.name):
        with visit(small_campaign, name) as visitor:
            for address in (ADDRESS, f"{ADDRESS}/x/trees", f"{ADDRESS}/x/votes"):
                assert visitor.get(address).status_code == 403
            assert visitor.post("/admin/imports", {"form_token": ["x"]}).status_code == 403
