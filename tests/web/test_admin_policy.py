"""The policy on the site: typed, looked at before it is in force, and taken back to an older one."""

from collections.abc import Iterator

import pytest

from campaigns import NOON, World
from espalier.domain.policy import PARAMETERS
from espalier.store.policies import PolicyBook
from espalier.store.weights import keep_weights
from visits import Visitor, form_of, visit

PREVIEW = "/admin/policy/preview"


@pytest.fixture
def chief(small_campaign: World) -> Iterator[Visitor]:
    """The browser of an administrator."""
    with visit(small_campaign, small_campaign.chief.name) as visitor:
        yield visitor


def in_force(world: World) -> PolicyBook:
    with world.database.read() as db:
        return PolicyBook(db)


def test_every_parameter_is_in_the_form_with_what_is_in_force(chief: Visitor, small_campaign: World) -> None:
    small_campaign.policy(rate_tasks="30/4", target_language_mix={"en": 0.5, "de": 0.25})
    form = form_of(chief.get("/admin/policy"), PREVIEW)
    fields = dict(form.fields)
    assert fields.keys() >= set(PARAMETERS)
    assert (fields["rate_tasks"], fields["target_language_mix"]) == ("30/4", "de=0.25, en=0.5")


def test_the_page_says_when_reviewers_were_weighed_where_they_count_by_it(
    chief: Visitor, small_campaign: World
) -> None:
    small_campaign.door.call(keep_weights, {small_campaign.chief.id: 0.2}, NOON)
    assert "weighed" not in chief.get("/admin/policy").text
    small_campaign.policy(least_reviewer_weight=0.1)
    page = chief.get("/admin/policy").text
    assert "1 reviewer was weighed; 1 counts for less than one half." in page
    assert "Weighing reviewers" in page, "that is asked for at once"


def test_a_change_is_seen_before_it_is_in_force(chief: Visitor, small_campaign: World) -> None:
    small_campaign.tree()
    chief.get("/admin/policy")
    page = chief.send(PREVIEW, max_active_trees="7", rate_tasks="20/5", auto_mod_red_flags="none")
    assert page.text.count("<tr><th") == 4, "a heading and three values"
    assert "1 tree on its way follows" in page.text
    assert in_force(small_campaign).version == 1

    page = chief.send("/admin/policy")
    assert "The policy is in force." in page.text
    base = in_force(small_campaign).campaign.base
    assert (base.max_active_trees, str(base.rate_tasks), base.auto_mod_red_flags) == (7, "20/5", None)
    assert "hx-get" in page.text, "the trees follow in a job"
    small_campaign.work()
    assert "hx-get" not in chief.get("/admin/policy").text


def test_faults_stand_at_their_fields_and_nothing_typed_is_lost(chief: Visitor, small_campaign: World) -> None:
    chief.get("/admin/policy")
    page = chief.send(PREVIEW, max_active_trees="many", goal_tree_size="9", rate_tasks="a lot")
    assert page.status_code == 422
    for name in ("max_active_trees", "rate_tasks"):
        assert f'aria-describedby="{name}-fault {name}-hint" aria-invalid="true"' in page.text
    fields = dict(form_of(page, PREVIEW).fields)
    assert (fields["max_active_trees"], fields["goal_tree_size"]) == ("many", "9")

    page = chief.send(PREVIEW, max_active_trees="7", rate_tasks="none", max_tree_depth="1", goal_tree_size="400")
    assert page.status_code == 422
    assert 'aria-describedby="goal_tree_size-fault' in page.text
    assert in_force(small_campaign).version == 1


def test_a_language_has_values_of_its_own(chief: Visitor, small_campaign: World) -> None:
    form = form_of(chief.get("/admin/policy?lang=de"), PREVIEW)
    assert "rate_tasks" not in dict(form.fields), "it holds for the whole campaign"
    chief.send(PREVIEW, goal_tree_size="9", max_children_count="2")
    chief.send("/admin/policy")
    assert in_force(small_campaign).campaign.langs == {"de": {"goal_tree_size": 9, "max_children_count": 2}}
    assert "?lang=de" in chief.get("/admin/policy").text

    chief.get("/admin/policy?lang=de")
    chief.send(PREVIEW, goal_tree_size="", max_children_count="")
    chief.send("/admin/policy")
    assert in_force(small_campaign).campaign.langs == {}


def test_two_who_change_it_at_once_do_not_overwrite_each_other(chief: Visitor, small_campaign: World) -> None:
    chief.get("/admin/policy")
    preview = chief.send(PREVIEW, max_active_trees="7")
    small_campaign.policy(max_active_trees=8)
    late = chief.send("/admin/policy")
    assert late.status_code == 409
    assert in_force(small_campaign).campaign.base.max_active_trees == 8

    chief.page = preview
    chief.get("/admin/policy")
    small_campaign.policy(max_active_trees=9)
    again = chief.send(PREVIEW, max_active_trees="7")
    assert again.status_code == 409
    assert dict(form_of(again, PREVIEW).fields)["max_active_trees"] == "7"
    assert chief.send(PREVIEW).status_code == 200


def test_the_history_says_who_changed_what_and_an_older_one_is_taken_again(
    chief: Visitor, small_campaign: World
) -> None:
    small_campaign.policy(max_active_trees=7)
    page = chief.get("/admin/policy/history")
    assert page.text.index("Version 2") < page.text.index("Version 1")
    assert "<bdi>chief</bdi>" in page.text
    assert "the command line" in page.text
    chief.send(PREVIEW)
    chief.send("/admin/policy")
    book = in_force(small_campaign)
    assert (book.version, book.campaign.base.max_active_trees) == (3, 10)


def test_a_profile_fills_the_form_and_changes_nothing(chief: Visitor, small_campaign: World) -> None:
    form = form_of(chief.get("/admin/policy?profile=paper"), PREVIEW)
    assert dict(form.fields)["max_tree_depth"] == "5"
    assert in_force(small_campaign).version == 1


@pytest.mark.parametrize("address", ["/admin/policy", "/admin/policy/history"])
def test_only_organisers_see_it(small_campaign: World, address: str) -> None:
    for name in (small_campaign.ada.name, small_campaign.warden.name):
        with visit(small_campaign, name) as visitor:
            assert visitor.get(address).status_code == 403
