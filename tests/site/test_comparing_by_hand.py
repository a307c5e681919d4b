"""Two answers of models compared in a real browser: by keys alone, and by forms where no script runs."""

from playwright.sync_api import expect

from browsers import Site


def test_keys_alone_lead_through_a_comparison(site: Site) -> None:
    page = site.person("Ada")
    page.goto("/compare")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Which answer is better?")).to_be_visible()
    expect(page.get_by_text("oak", exact=True)).to_have_count(0)
    page.keyboard.press("b")
    expect(page.get_by_role("status").filter(has_text="You voted for answer B.")).to_be_visible()
    expect(page.get_by_text("oak", exact=True)).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="There is nothing to compare")).to_be_visible()
    page.goto("/arena")
    expect(page.get_by_role("region", name="2 votes")).to_contain_text("oak")


def test_without_scripts_forms_do_the_same(site: Site) -> None:
    page = site.person("Ada", java_script_enabled=False)
    page.get_by_role("link", name="Show me two answers").click()
    page.get_by_role("button", name="Show me two answers").click()
    page.get_by_label("A refuses").check()
    page.get_by_role("button", name="Both are bad").click()
    expect(page.get_by_text("You found both bad.")).to_be_visible()
    page.goto("/tasks")
    expect(page.get_by_role("link", name="Show me two answers")).to_have_count(0)
