"""What two people marked as hate, sexual or violent stands folded behind a line that says so, wherever it is shown."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from campaigns import REPLIES, Someone, World
from espalier.store.people import PersonRole
from espalier.store.preferences import Preferences, keep_preferences
from visits import Visitor, visit

HATEFUL = "Something full of hate."
FOLDED = "Folded, for what is in it: Hate"


@pytest.fixture
def enter(small_campaign: World) -> Iterator[ExitStack]:
    """Whatever is entered here is left before the campaign ends."""
    with ExitStack() as stack:
        yield stack


def marked(world: World) -> tuple[str, str]:
    """A finished tree with a reply that two people marked; the ids of both."""
    world.policy(num_reviews_reply=2)
    tree_id = world.tree(goal_tree_size=3, max_children_count=2)
    message_id = world.ada.write("assistant_reply", HATEFUL)
    world.ben.write("assistant_reply", REPLIES[1])
    for who in (world.cleo, world.person("dora")):
        for _ in range(2):
            judge(who)
    world.cleo.rank()
    return tree_id, message_id


def judge(who: Someone) -> None:
    task = who.task("label_assistant_reply")
    hateful = task["thread"][-1]["text"] == HATEFUL
    labels = {"spam": 0, "lang_mismatch": 0, "quality": 0.75}
    who.submit(task, labels=labels, flags=["hate_speech"] if hateful else [])


def reader(enter: ExitStack, world: World, name: str, *, harsh: bool = False) -> Visitor:
    visitor = enter.enter_context(visit(world, name))
    chosen = Preferences(langs=("en",), welcomed=True, harsh=harsh)
    world.door.call(keep_preferences, world.person(name).id, chosen)
    return visitor


def test_a_marked_text_stands_folded_on_every_page_that_shows_or_lists_it(
    small_campaign: World, enter: ExitStack
) -> None:
    tree_id, message_id = marked(small_campaign)
    small_campaign.person("mona", PersonRole.MODERATOR)
    small_campaign.ben.post(f"/messages/{message_id}/report", {"reason": "This is hateful."})
    author, other, staff = (reader(enter, small_campaign, name) for name in ("ada", "emil", "mona"))
    listed = [
        (author, "/tasks"),
        (author, "/me/contributions"),
        (other, f"/trees/{tree_id}"),
        (other, f"/trees/{tree_id}?show=list"),
        (other, f"/messages/{tree_id}"),
        (other, "/trees?q=full+of+hate"),
        (staff, "/moderation"),
        (staff, "/moderation/bulk?case=1"),
        (staff, f"/admin/people/{small_campaign.ada.id}"),
    ]
    for who, address in listed:
        page = who.get(address).text
        assert FOLDED in page, address
        assert "full of hate" not in page.replace('value="full of hate"', ""), address
    shown = [
        (author, f"/messages/{message_id}"),
        (other, f"/messages/{message_id}"),
        (staff, "/moderation/cases/1"),
        (staff, f"/messages/{message_id}/history"),
        (staff, f"/messages/{message_id}/delete"),
    ]
    for who, address in shown:
        page = who.get(address).text
        before, behind = page.split(f'<details class="folded"><summary>{FOLDED}</summary>')
        assert HATEFUL not in before, address
        assert HATEFUL in behind.split("</details>")[0], address


def test_a_marked_prompt_stands_folded_in_the_list_of_trees_and_in_orders_to_trees(
    small_campaign: World, enter: ExitStack
) -> None:
    small_campaign.policy(num_reviews_initial_prompt=2)
    small_campaign.ada.write("initial_prompt", HATEFUL)
    for who in (small_campaign.ben, small_campaign.cleo):
        task = who.task("label_initial_prompt")
        labels = {"spam": 1, "lang_mismatch": 0, "quality": 0.75}
        who.submit(task, labels=labels, flags=["hate_speech"])
    chief = reader(enter, small_campaign, "chief")
    assert FOLDED in chief.get("/trees").text
    chief.get("/admin/trees/orders?lang=en")
    page = chief.send("/admin/trees/orders/preview", state="aborted_low_grade", command="resume").text
    assert FOLDED in page
    assert HATEFUL not in page


def test_who_wants_harsh_content_reads_it_unfolded(small_campaign: World, enter: ExitStack) -> None:
    tree_id, message_id = marked(small_campaign)
    emil = reader(enter, small_campaign, "emil", harsh=True)
    for address in (f"/trees/{tree_id}", f"/messages/{message_id}", "/trees?q=full+of+hate"):
        page = emil.get(address).text
        assert HATEFUL in page
        assert "Folded" not in page


def test_folding_tells_nothing_of_what_one_could_still_judge(small_campaign: World, enter: ExitStack) -> None:
    small_campaign.policy(num_reviews_reply=3)
    tree_id = small_campaign.tree()
    message_id = small_campaign.ada.write("assistant_reply", HATEFUL)
    for who in (small_campaign.ben, small_campaign.cleo):
        judge(who)
    dora = reader(enter, small_campaign, "dora")
    for address in (f"/trees/{tree_id}", f"/messages/{message_id}", "/trees?q=full+of+hate"):
        page = dora.get(address).text
        assert HATEFUL in page
        assert "Folded" not in page
