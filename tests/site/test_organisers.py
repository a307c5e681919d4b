"""An organiser works in the browser: what takes long goes on before their eyes, and what they say is read by all."""

import gzip
import re
from pathlib import Path

from playwright.sync_api import expect

from browsers import Site


def test_the_policy_is_changed_and_the_trees_follow_before_ones_eyes(site: Site) -> None:
    page = site.person("Administrator")
    page.goto("/admin/policy")
    page.get_by_label("Growing trees per language").fill("many")
    page.get_by_role("button", name="See what would change").click()
    field = page.get_by_label("Growing trees per language")
    expect(field).to_have_attribute("aria-invalid", "true")
    page.get_by_role("link", name="max_active_trees").click()
    expect(field).to_be_focused()
    field.fill("2")
    page.get_by_role("button", name="See what would change").click()
    row = page.get_by_role("row", name="max_active_trees")
    expect(row.get_by_role("cell").nth(1)).to_have_text("1")
    expect(row.get_by_role("cell").nth(2)).to_have_text("2")
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_role("status")).to_contain_text("The policy is in force.")
    job = page.locator(".job")
    if job.count():
        expect(job).to_contain_text("done", timeout=30_000)
    page.goto("/admin/policy/history")
    expect(page.get_by_role("heading", name="Version 3")).to_be_visible()
    assert site.faults == []


def test_an_export_is_followed_and_downloaded_in_place(site: Site, tmp_path: Path) -> None:
    page = site.person("Administrator")
    page.goto("/admin/exports")
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Download the trees").first
    expect(link).to_be_visible(timeout=30_000)
    with page.expect_download() as downloading:
        link.click()
    file = tmp_path / "trees.jsonl.gz"
    downloading.value.save_as(file)
    assert gzip.decompress(file.read_bytes()).count(b"\n") > 5
    assert site.faults == []


def test_what_is_announced_is_read_once_by_each(site: Site) -> None:
    chief = site.person("Administrator")
    chief.goto("/admin/announcements")
    chief.get_by_label("What everybody shall read").fill("The garden is watered on Sunday.")
    chief.get_by_role("button", name="Announce").click()
    ada, ben = site.person("Ada"), site.person("Ben")
    for page in (ada, ben):
        page.goto("/tasks")
        expect(page.get_by_text("The garden is watered on Sunday.")).to_be_visible()
    line = ada.locator(".announced", has_text="The garden is watered")
    line.get_by_role("button", name="Dismiss").click()
    expect(ada.get_by_text("The garden is watered on Sunday.")).to_have_count(0)
    assert ada.url == f"{site.url}/tasks"
    ben.reload()
    expect(ben.get_by_text("The garden is watered on Sunday.")).to_be_visible()


def test_days_and_times_are_those_of_the_readers_own_zone_and_say_which(site: Site) -> None:
    page = site.coming("Administrator", timezone_id="Asia/Kolkata", locale="en-GB")
    page.goto("/admin/announcements")
    expect(page.locator("time[data-moment]").first).to_contain_text(re.compile("IST|GMT\\+5:30"))
    page.goto("/admin/audit")
    assert re.search("IST|GMT\\+5:30", page.locator("time[data-ago]").first.get_attribute("title") or "")
