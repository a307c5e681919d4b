"""Who may decide what, and in which order cases are looked at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.domain import cases
from espalier.domain.cases import About, Came, Case, Decision, Entry, State, Verdict
from espalier.domain.errors import Conflict, Invalid, NotAllowed, Refusal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REASONS = ("Spam", "Insult")
STAFF = ("warden", "guard", "chief")

people = st.sampled_from(("ada", "ben", "cleo", *STAFF))
entries = st.builds(Entry, st.sampled_from(Came), st.none() | people, st.just(NOON), st.none())
moments = st.timedeltas(timedelta(0), timedelta(hours=3)).map(lambda passed: NOON + passed)


def about_a_message(*came: Entry, author: str | None = "ada") -> Case:
    return Case(About.MESSAGE, "m1", "en", author, NOON, came or (Entry(Came.REPORT, "ben", NOON, "Rude."),))


def decision(verdict: Verdict, by: str = "warden", at: datetime = NOON, days: int | None = None) -> Decision:
    return Decision(verdict, "Spam", "", by, at, days)


@given(st.lists(entries, min_size=1), entries)
def test_whatever_else_comes_in_a_case_never_becomes_lighter(found: list[Entry], another: Entry) -> None:
    assert cases.gravity([*found, another]) >= cases.gravity(found)


def test_many_voices_weigh_more_but_never_as_much_as_the_next_graver_kind() -> None:
    flags = [Entry(Came.FLAG, f"p{number}", NOON) for number in range(50)]
    assert cases.gravity(flags[:1]) < cases.gravity(flags) < cases.gravity([Entry(Came.REPORT, "ben", NOON)])


@given(st.lists(st.tuples(st.sampled_from(STAFF), st.sampled_from(("take", "back", "decide", "undo")), moments)))
def test_at_every_moment_one_person_has_a_case_and_only_that_one_decides_it(
    steps: list[tuple[str, str, datetime]],
) -> None:
    case = about_a_message()
    for who, what, now in sorted(steps, key=lambda step: step[2]):
        holder, before = cases.holder(case, now), case
        try:
            if what == "take":
                case = cases.take(case, who, now, others=True)
            elif what == "back":
                case = cases.put_back(case, who, now)
            elif what == "decide":
                case = cases.decide(case, decision(Verdict.REMOVE, who, now), who, others=True, reasons=REASONS)
            else:
                case = cases.reopened(case, who, others=True)
        except Refusal:
            assert case is before
        else:
            assert holder in (None, who)
            assert what != "decide" or before.decision is None
            assert cases.state(case, now) is {
                "take": State.TAKEN, "back": State.OPEN, "decide": State.DECIDED, "undo": State.OPEN,
            }[what]  # fmt: skip


def test_a_case_is_free_again_after_half_an_hour() -> None:
    case = cases.take(about_a_message(), "warden", NOON, others=True)
    almost = NOON + timedelta(minutes=29)
    with pytest.raises(Conflict):
        cases.take(case, "guard", almost, others=True)
    assert cases.take(case, "guard", NOON + cases.FREE_AFTER, others=True).taken_by == "guard"


@pytest.mark.parametrize("who", ["ada", "ben"])
def test_nobody_decides_on_their_own_message_or_report(who: str) -> None:
    with pytest.raises(NotAllowed):
        cases.decide(about_a_message(), decision(Verdict.DISMISS, who), who, others=True, reasons=REASONS)


def test_who_banned_decides_on_the_appeal_only_where_nobody_else_is() -> None:
    appeal = Case(
        About.PERSON, "ada", None, "ada", NOON, (Entry(Came.APPEAL, "ada", NOON, "I did not."),), shut_out_by="warden"
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        cases.take(appeal, "warden", NOON, others=True)
    assert cases.take(appeal, "warden", NOON, others=False).taken_by == "warden"
    assert cases.take(appeal, "guard", NOON, others=True).taken_by == "guard"


def test_only_what_fits_is_decided() -> None:
    unknown = about_a_message(author=None)
    assert Verdict.BAN in cases.fitting(about_a_message())
    assert Verdict.BAN not in cases.fitting(unknown)
    with pytest.raises(Invalid, match="cannot"):
        cases.decide(unknown, decision(Verdict.WARN), "warden", others=True, reasons=REASONS)
    with pytest.raises(Invalid, match="reason"):
        cases.decide(unknown, replace(decision(Verdict.REMOVE), reason="No"), "warden", others=True, reasons=REASONS)


@given(st.none() | st.integers(-5, 400))
def test_a_suspension_has_an_end(days: int | None) -> None:
    wanted = decision(Verdict.SUSPEND, days=days)
    if days is not None and 1 <= days <= cases.LONGEST_SUSPENSION:
        assert cases.decide(about_a_message(), wanted, "warden", others=True, reasons=REASONS).decision == wanted
    else:
        with pytest.raises(Invalid):
            cases.decide(about_a_message(), wanted, "warden", others=True, reasons=REASONS)


def test_a_case_of_which_everything_is_taken_back_is_over() -> None:
    case = replace(about_a_message(), entries=())
    assert cases.state(case, NOON) is State.WITHDRAWN
    with pytest.raises(Conflict):
        cases.take(case, "warden", NOON, others=True)
