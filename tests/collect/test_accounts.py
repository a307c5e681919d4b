"""Accounts, their tokens, and who may do what to whom."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from random import Random

import pytest

from espalier.collect import accounts, erasure, moderation, tasks
from espalier.domain.errors import Conflict, Invalid, NotAllowed, NotFound
from espalier.domain.lifecycle import Command
from espalier.domain.tree import State
from espalier.domain.work import Act
from espalier.store import journal, languages, people, work
from espalier.store.door import Door
from espalier.store.people import Person, PersonRole
from gardens import NOON, Garden


def secrets() -> accounts.Secret:
    numbers = count(1)
    return lambda: f"secret-{next(numbers)}"


def test_a_new_person_comes_in_by_the_token_that_is_shown_once(garden: Garden) -> None:
    made = accounts.create_person(
        garden.db, None, " Ada ", PersonRole.MODERATOR, secrets(), garden.now, garden.rng, email="Ada@Example.org"
    )
    assert made.token == "esp_secret-1"
    found = people.by_token(garden.db, people.token_hash(made.token))
    assert found is not None
    assert (found.name, found.role, found.email, found.scope) == (
        "Ada",
        PersonRole.MODERATOR,
        "ada@example.org",
        "full",
    )
    assert people.by_token(garden.db, made.token) is None, "the token itself is not what is stored"


def test_only_an_administrator_makes_accounts(garden: Garden) -> None:
    for actor in (garden.person("Ada"), garden.moderator()):
        with pytest.raises(NotAllowed):
            accounts.create_person(
                garden.db, actor, "New", PersonRole.CONTRIBUTOR, secrets(), garden.now, garden.rng
            )  # fmt: skip


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101, "half \ud800"])
def test_a_name_is_one_line_of_text(garden: Garden, name: str) -> None:
    with pytest.raises(Invalid):
        accounts.create_person(garden.db, None, name, PersonRole.CONTRIBUTOR, secrets(), garden.now, garden.rng)


def test_an_address_belongs_to_one_account(garden: Garden) -> None:
    def create(email: str) -> None:
        accounts.create_person(
            garden.db, None, "Ada", PersonRole.CONTRIBUTOR, secrets(), garden.now, garden.rng, email=email
        )

    create("ada@example.org")
    with pytest.raises(Conflict):
        create(" ADA@example.org")
    with pytest.raises(Invalid):
        create("ada")


def test_invitations_come_in_bulk_each_with_a_token_of_its_own(garden: Garden) -> None:
    made = accounts.invite(
        garden.db, garden.admin(), 12, PersonRole.CONTRIBUTOR, secrets(), garden.now, garden.rng, prefix="class"
    )
    assert [each.person.name for each in made][:2] == ["class-01", "class-02"]
    assert len({each.token for each in made}) == 12
    for each in made:
        found = people.by_token(garden.db, people.token_hash(each.token))
        assert found == each.person
    with pytest.raises(Invalid):
        accounts.invite(garden.db, None, 0, PersonRole.CONTRIBUTOR, secrets(), garden.now, garden.rng)


def test_roles_change_but_the_last_administrator_stays(garden: Garden) -> None:
    chief, ada = garden.admin(), garden.person("Ada")
    with pytest.raises(Conflict, match="last administrator"):
        accounts.change_role(garden.db, chief, chief.id, PersonRole.CONTRIBUTOR, garden.now)
    assert accounts.change_role(garden.db, chief, ada.id, PersonRole.ADMIN, garden.now).role is PersonRole.ADMIN
    accounts.change_role(garden.db, chief, chief.id, PersonRole.CONTRIBUTOR, garden.now)
    assert people.admins(garden.db) == [ada.id]
    newest = journal.entries(garden.db, 1)[0]
    assert (newest.action, newest.data) == ("person.role", {"was": "admin", "role": "contributor"})


def test_a_moderator_cannot_act_on_an_administrator(garden: Garden) -> None:
    chief, warden = garden.admin(), garden.moderator()
    for act in (
        lambda: accounts.ban(garden.db, warden, chief.id, garden.now),
        lambda: accounts.unban(garden.db, warden, chief.id, garden.now, garden.rng),
        lambda: accounts.change_role(garden.db, warden, chief.id, PersonRole.CONTRIBUTOR, garden.now),
        lambda: accounts.tokens_of(garden.db, warden, chief.id),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert people.by_id(garden.db, chief.id) == chief
    with pytest.raises(NotAllowed):
        accounts.ban(garden.db, chief, chief.id, garden.now)


def test_a_ban_holds_at_once_and_frees_what_was_held(garden: Garden) -> None:
    warden, ada = garden.moderator(), garden.person("Ada")
    tree_id = garden.tree(garden.admin())
    assert tasks.next_task(garden.db, ada, tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng) is not None
    assert work.held_on(garden.db, Act.REPLY, tree_id) == (1, 1)

    with pytest.raises(NotAllowed):
        accounts.ban(garden.db, warden, warden.id, garden.now)
    assert accounts.ban(garden.db, warden, ada.id, garden.now).disabled
    found = people.by_id(garden.db, ada.id)
    assert found is not None
    assert found.disabled
    assert work.held_on(garden.db, Act.REPLY, tree_id) == (0, 0)
    assert tasks.my_tasks(garden.db, ada, garden.now) == []


def test_waiting_prompts_of_the_banned_leave_the_lottery_until_they_are_let_in_again(garden: Garden) -> None:
    garden.policy(max_active_trees=1)
    chief, warden = garden.admin(), garden.moderator()
    growing = garden.tree(chief)
    other = garden.admin("other")
    waiting = garden.tree(other, state=State.PROMPT_LOTTERY_WAITING)
    accounts.change_role(garden.db, chief, other.id, PersonRole.CONTRIBUTOR, garden.now)
    accounts.ban(garden.db, warden, other.id, garden.now)
    assert languages.waiting_authors(garden.db, "en", garden.now) == []

    garden.add(growing, warden, garden.halt())
    assert garden.load(waiting).state is State.PROMPT_LOTTERY_WAITING, "the place is free, and nobody is drawn"
    accounts.unban(garden.db, warden, other.id, garden.now, garden.rng)
    assert garden.load(waiting).state is State.GROWING


def test_people_say_how_they_are_called_and_whether_boards_show_them(garden: Garden) -> None:
    ada = garden.person("Ada")
    assert accounts.change_profile(garden.db, ada, garden.now, name="A. Lovelace", on_board=False).name == "A. Lovelace"
    found = people.by_id(garden.db, ada.id)
    assert found is not None
    assert (found.name, found.on_board) == ("A. Lovelace", False)
    assert "Lovelace" not in repr(journal.entries(garden.db, 1))
    with pytest.raises(Invalid):
        accounts.change_profile(garden.db, found, garden.now, name="")


def test_people_have_further_tokens_and_revoke_them(garden: Garden) -> None:
    ada, grace, chief = garden.person("Ada"), garden.person("Grace"), garden.admin()
    info, token = accounts.create_token(
        garden.db, ada, ada.id, "laptop", "read", secrets(), garden.later(seconds=1), garden.rng
    )  # fmt: skip
    found = people.by_token(garden.db, people.token_hash(token))
    assert found is not None
    assert found.scope == "read"
    assert [each.name for each in accounts.tokens_of(garden.db, chief, ada.id)] == ["first", "laptop"]
    for refused in (
        lambda: accounts.create_token(garden.db, grace, ada.id, "x", "full", secrets(), garden.now, garden.rng),
        lambda: accounts.revoke_token(garden.db, grace, ada.id, info.id, garden.now),
    ):
        with pytest.raises(NotAllowed):
            refused()
    with pytest.raises(NotFound):
        accounts.revoke_token(garden.db, grace, grace.id, info.id, garden.now)
    with pytest.raises(Invalid):
        accounts.create_token(garden.db, ada, ada.id, "x", "everything", secrets(), garden.now, garden.rng)
    accounts.revoke_token(garden.db, ada, ada.id, info.id, garden.now)
    assert people.by_token(garden.db, people.token_hash(token)) is None
    (first, _) = accounts.tokens_of(garden.db, ada, ada.id)
    with pytest.raises(Conflict, match="last way"):
        accounts.revoke_token(garden.db, ada, ada.id, first.id, garden.now)
    accounts.revoke_token(garden.db, chief, ada.id, first.id, garden.now)


def test_two_administrators_cannot_take_the_role_from_each_other_at_once(door: Door) -> None:
    rng, draw = Random(1), secrets()
    first, second = (
        door.call(accounts.create_person, None, name, PersonRole.ADMIN, draw, NOON, rng).person for name in ("A", "B")
    )

    def demote(actor: Person, other: Person) -> bool:
        try:
            door.call(accounts.change_role, actor, other.id, PersonRole.CONTRIBUTOR, NOON)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(demote, (first, second), (second, first)))
    assert sorted(done) == [False, True]
    assert len(door.call(people.admins)) == 1


def test_prompts_of_the_banned_keep_no_place_from_new_ones(garden: Garden) -> None:
    garden.policy(max_active_trees=0, max_prompt_lottery_waiting=1)
    chief, troll = garden.admin(), garden.admin("troll")
    garden.tree(troll, state=State.PROMPT_LOTTERY_WAITING)

    def prompts_open() -> int:
        return tasks.availability(garden.db, chief, ["en"], garden.now)["en"]["initial_prompt"]

    assert prompts_open() == 0
    accounts.change_role(garden.db, chief, troll.id, PersonRole.CONTRIBUTOR, garden.now)
    accounts.ban(garden.db, chief, troll.id, garden.now)
    assert prompts_open() == 1


def test_a_moderator_of_some_languages_decides_in_these_alone(garden: Garden) -> None:
    chief, warden = garden.admin(), garden.moderator()
    german, english = garden.tree(chief, "Warum ist der Himmel blau?", lang="de"), garden.tree(chief)
    limited = accounts.change_role(
        garden.db, chief, warden.id, PersonRole.MODERATOR, garden.now, moderates=["de", "fr", "de"]
    )
    assert limited.moderates == ("de", "fr")
    assert people.by_id(garden.db, warden.id) == limited

    moderation.delete_message(garden.db, limited, german, garden.now, garden.rng)
    for decide in (
        lambda: moderation.delete_message(garden.db, limited, english, garden.now, garden.rng),
        lambda: moderation.edit_message(garden.db, limited, english, "Other words", garden.now, garden.rng),
        lambda: moderation.reveal(garden.db, limited, english, garden.now),
        lambda: moderation.order_tree(garden.db, limited, english, Command.HALT, garden.now, garden.rng),
        lambda: moderation.close_reports(garden.db, limited, english, garden.now, garden.rng),
        lambda: erasure.purge_preview(garden.db, limited, warden.id),
    ):
        with pytest.raises(NotAllowed):
            decide()
    entry, *_ = journal.entries(garden.db, 1, subject=warden.id)
    assert (entry.action, entry.data["moderates"]) == ("person.role", ["de", "fr"])


def test_only_moderators_are_limited_to_languages_and_only_to_real_ones(garden: Garden) -> None:
    chief, ada = garden.admin(), garden.person("Ada")
    for role, langs in ((PersonRole.CONTRIBUTOR, ["de"]), (PersonRole.MODERATOR, ["no language"])):
        with pytest.raises(Invalid) as refused:
            accounts.change_role(garden.db, chief, ada.id, role, garden.now, moderates=langs)
        assert refused.value.field == "moderates"
    accounts.change_role(garden.db, chief, ada.id, PersonRole.MODERATOR, garden.now, moderates=["de"])
    raised = accounts.change_role(garden.db, chief, ada.id, PersonRole.ADMIN, garden.now)
    assert raised.moderates == ()
    assert raised.looks_after("en")
