"""`espalier user`: accounts by whoever holds the machine."""

import re

import pytest

from commands import Run
from espalier.store import people
from espalier.store.people import Person, PersonRole, token_hash
from espalier.store.session import Database


def by_token(database: Database, token: str) -> Person | None:
    with database.read() as db:
        return people.by_token(db, token_hash(token))


def token_in(said: str) -> str:
    found = re.search(r"esp_\S+", said)
    assert found is not None
    return found[0]


def test_a_token_is_shown_once_and_opens_the_account(any_campaign: Database, run: Run) -> None:
    made = run("user", "add", "Ana Müller", "--role", "moderator", "--email", "Ana@Example.org")
    assert made.code == 0
    person = by_token(any_campaign, token_in(made.out))
    assert person is not None
    assert (person.name, person.role, person.email) == ("Ana Müller", PersonRole.MODERATOR, "ana@example.org")
    listed = run("user", "list", "ana")
    assert "Ana Müller" in listed.out
    assert "esp_" not in listed.out


def test_a_list_for_programs_has_whole_names_and_ids(campaign: Database, run: Run) -> None:
    name = "Ana of the very long name that no terminal of eighty columns has room for"
    person = by_token(campaign, token_in(run("user", "add", name).out))
    assert person is not None
    row = next(line for line in run("user", "list").out.splitlines() if line.startswith("Ana"))
    assert row.split("  ")[0] == name
    assert row.split()[-1] == person.id


def test_many_are_invited_at_once_each_on_a_line(campaign: Database, run: Run) -> None:
    made = run("user", "add", "volunteer", "--count", 12)
    rows = [line.split() for line in made.out.splitlines() if "esp_" in line]
    assert [name for name, _ in rows] == [f"volunteer-{number:02}" for number in range(1, 13)]
    assert all(by_token(campaign, token) for _, token in rows)


def test_a_role_is_given_by_name_address_or_id(campaign: Database, run: Run) -> None:
    token = token_in(run("user", "add", "Bo", "--email", "bo@example.org").out)
    for how, role in (("Bo", "moderator"), ("bo@example.org", "admin")):
        assert run("user", "role", how, role).out == f"Bo has the role {role}.\n"
    person = by_token(campaign, token)
    assert person is not None
    assert run("user", "role", person.id, "admin").out == "Bo has the role admin, as before.\n"


def test_the_last_administrator_stays_one(campaign: Database, run: Run) -> None:
    refused = run("user", "role", "Administrator", "contributor")
    assert refused.code == 1
    assert refused.err == "espalier: This is the last administrator; appoint another one first.\n"


def test_a_disabled_person_is_let_in_again(campaign: Database, run: Run) -> None:
    token = token_in(run("user", "add", "Cy").out)
    assert run("user", "disable", "Cy").code == 0
    assert "contributor, disabled" in run("user", "list").out
    person = by_token(campaign, token)
    assert person is not None
    assert person.disabled
    run("user", "enable", "Cy")
    person = by_token(campaign, token)
    assert person is not None
    assert not person.disabled


def test_further_tokens_are_made_listed_and_revoked(campaign: Database, run: Run) -> None:
    run("user", "add", "Di")
    token = token_in(run("user", "token", "Di", "--read-only", "--name", "notebook").out)
    person = by_token(campaign, token)
    assert person is not None
    assert person.scope == "read"
    row = next(line for line in run("user", "token", "Di", "--list").out.splitlines() if "notebook" in line)
    assert token not in row
    assert run("user", "token", "Di", "--revoke", row.split()[-1]).code == 0
    assert by_token(campaign, token) is None


def test_who_is_unknown_or_meant_by_two_is_not_guessed(campaign: Database, run: Run) -> None:
    run("user", "add", "Eve")
    run("user", "add", "Eve")
    several = run("user", "disable", "Eve")
    assert several.code == 1
    assert "Several people are called Eve; say which one by the id:" in several.err
    assert run("user", "disable", "Ev").err == "espalier: There is no person Ev; there is Eve, Eve.\n"
    assert run("user", "disable", "Zoe").err == "espalier: There is no person Zoe.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("user", "add", "Fi", "--role", "modrator"), "'modrator' is no role; did you mean moderator?"),
        (("user", "add", "Fi", "--count", "2", "--email", "a@b.org"), "--email is the address of one person"),
        (("user", "add", ""), "A name has 1 to 100 characters."),
        (("user", "add", "Fi", "--email", "nowhere"), "This is no e-mail address."),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    campaign: Database, run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    refused = run(*arguments)
    assert refused.code in (1, 2)
    assert sentence in refused.err
    assert "Fi" not in run("user", "list").out


@pytest.mark.parametrize(
    "words",
    [
        ("user", "disable", "a\udcff"),
        ("user", "list", "a\udcff"),
        ("user", "add", "Fi", "--email", "a\udcff@b.org"),
        ("tree", "show", "a\udcff"),
    ],
)
def test_bytes_that_are_no_characters_are_refused_in_a_sentence(
    any_campaign: Database, run: Run, words: tuple[str, ...]
) -> None:
    refused = run(*words)
    assert refused.code == 1
    assert refused.err == "espalier: What was typed holds bytes that are no characters of UTF-8.\n"
