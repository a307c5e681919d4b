"""Volunteers take part in the browser alone."""

import pytest
from playwright.sync_api import expect

from browsers import Site


def test_a_volunteer_signs_in_takes_a_task_and_comes_back_to_it(site: Site) -> None:
    page = site.person("Ada")
    expect(page.locator("h1")).to_be_visible()
    page.locator("button.primary").first.click()
    page.wait_for_url("**/tasks/*")
    asked = page.url
    page.goto("/tasks")
    page.goto(asked)
    expect(page.locator("main form").first).to_be_visible()


@pytest.mark.parametrize("address", ["/tasks", "/me", "/moderation", "/admin"])
def test_who_is_not_signed_in_is_asked_to_and_comes_back(site: Site, address: str) -> None:
    page = site.visitor()
    page.goto(address)
    assert page.url.removeprefix(site.url).startswith("/signin?next=")
