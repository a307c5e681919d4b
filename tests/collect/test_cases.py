"""Cases from a report to a decision, what follows from it, and undoing it."""

from datetime import timedelta

import pytest

from espalier.collect import accounts, cases, contributions, drafts, erasure, moderation, tasks
from espalier.collect.answers import TextAnswer
from espalier.collect.cases import Ruling
from espalier.collect.own_data import own_data
from espalier.collect.undo import undo as take_back
from espalier.domain.cases import FREE_AFTER, REASONS, About, Came, State, Verdict
from espalier.domain.errors import Conflict, Invalid, NotAllowed, NotFound, WarningUnread
from espalier.domain.tree import State as TreeState
from espalier.store import cases as rows
from espalier.store import journal, notices, people, reports
from espalier.store.cases import CaseFilter
from espalier.store.jobs import JobStatus
from espalier.store.people import Person, PersonRole
from gardens import Garden

WHY = REASONS[1]


def who(garden: Garden, name: str, role: PersonRole = PersonRole.CONTRIBUTOR) -> Person:
    """The person of this name as they are now, who joins when first named."""
    found = [each for each in people.search_people(garden.db, 9, wanted=name) if each.name == name]
    return found[0] if found else garden.person(name, role)


def reported(garden: Garden, *, words: str = "This is rude.") -> tuple[int, str]:
    """The case of a reply by Ada that Ben reported, and the reply."""
    tree_id = garden.tree(who(garden, "chief", PersonRole.ADMIN))
    reply = garden.reply(who(garden, "Ada"), tree_id)
    moderation.report(garden.db, who(garden, "Ben"), reply, words, garden.now, garden.rng)
    row = rows.open_on(garden.db, About.MESSAGE, reply)
    assert row is not None
    return row.id, reply


def rule(garden: Garden, number: int, verdict: Verdict, **more: object) -> int:
    ruling = Ruling(verdict, WHY, **more)  # type: ignore[arg-type]
    return cases.decide(garden.db, who(garden, "warden", PersonRole.MODERATOR), number, ruling, garden.now, garden.rng)


def undo(garden: Garden, number: int) -> None:
    cases.undo(garden.db, who(garden, "warden", PersonRole.MODERATOR), number, garden.now, garden.rng)


def queue(garden: Garden, wanted: CaseFilter | None = None) -> list[int]:
    free = garden.now - FREE_AFTER
    return [row.id for row in rows.queue(garden.db, wanted or CaseFilter(), 10, free_before=free)]


def test_what_comes_to_one_message_is_one_case_and_the_gravest_is_looked_at_first(garden: Garden) -> None:
    first, reply = reported(garden)
    other = garden.reply(who(garden, "Cleo"), garden.tree(who(garden, "chief", PersonRole.ADMIN)), "Another.")
    moderation.react(garden.db, who(garden, "Ada"), other, "red_flag", True, garden.now, garden.rng)
    assert [queue(garden)[0], len(queue(garden))] == [first, 2]

    moderation.react(garden.db, who(garden, "Cleo"), reply, "red_flag", True, garden.now, garden.rng)
    assert len(queue(garden)) == 2
    found = rows.find(garden.db, first)
    assert found is not None
    assert {(entry.came, entry.words) for entry in found.case.entries} == {
        (Came.REPORT, "This is rude."), (Came.FLAG, None),
    }  # fmt: skip

    moderation.report(
        garden.db, who(garden, "Ben"), other, "Hurts.", garden.now, garden.rng, came=Came.HARMFUL
    )  # fmt: skip
    assert queue(garden)[0] != first


def test_a_report_that_is_taken_back_leaves_no_case(garden: Garden) -> None:
    number, reply = reported(garden)
    moderation.react(garden.db, who(garden, "Ben"), reply, "red_flag", False, garden.now, garden.rng)
    assert queue(garden) == []
    found = rows.find(garden.db, number)
    assert found is not None
    assert found.state is State.WITHDRAWN


GERMAN = "Das ist ein langer deutscher Satz, der in einer englischen Unterhaltung wirklich nichts verloren hat."


def test_a_text_sent_in_spite_of_the_filter_is_a_case_until_it_is_taken_back(garden: Garden) -> None:
    garden.tree(who(garden, "chief", PersonRole.ADMIN))
    ada = who(garden, "Ada")
    task = tasks.next_task(garden.db, ada, tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng)
    assert task is not None
    answer = TextAnswer(GERMAN, confirm_language=True)
    contributions.submit(garden.db, ada, task.id, "one", answer, garden.now, garden.rng)
    (number,) = queue(garden, CaseFilter(came=Came.FILTER))
    found = rows.find(garden.db, number)
    assert found is not None
    assert [(each.person, each.words) for each in found.case.entries] == [(None, "de")]
    take_back(garden.db, ada, task.id, garden.now, garden.rng)
    assert queue(garden) == []


def test_who_skips_as_harmful_reports_and_staff_read_why_others_skipped(garden: Garden) -> None:
    tree_id = garden.tree(who(garden, "chief", PersonRole.ADMIN))
    for name, reason in (("Ada", "not_my_subject"), ("Ben", "offensive"), ("Cleo", "not_my_subject")):
        task = tasks.next_task(
            garden.db, who(garden, name), tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng
        )  # fmt: skip
        assert task is not None
        drafts.skip(garden.db, who(garden, name), task.id, reason, {}, garden.now, garden.rng)
    assert len(queue(garden, CaseFilter(came=Came.HARMFUL))) == 1
    warden = who(garden, "warden", PersonRole.MODERATOR)
    assert list(moderation.skips(garden.db, warden, tree_id).items()) == [("not_my_subject", 2), ("offensive", 1)]
    with pytest.raises(NotAllowed):
        moderation.skips(garden.db, who(garden, "Ada"), tree_id)


def test_ones_own_data_holds_what_was_decided_on_one_and_ones_appeals(garden: Garden) -> None:
    number, _ = reported(garden)
    rule(garden, number, Verdict.SUSPEND, days=3, note="Please keep to the subject.")
    ada = who(garden, "Ada")
    cases.appeal(garden.db, ada, "It was a quotation.", garden.now)
    data = own_data(garden.db, ada, garden.now)
    assert data["account"]["suspended_until"] == (garden.now + timedelta(days=3)).isoformat()
    assert [(each["verdict"], each["side"], each["reason"], each["note"]) for each in data["decisions"]] == [
        ("suspend", "author", WHY, "Please keep to the subject.")
    ]
    assert [each["words"] for each in data["appeals"]] == ["It was a quotation."]
    assert [each["verdict"] for each in own_data(garden.db, who(garden, "Ben"), garden.now)["decisions"]] == ["suspend"]


def test_removing_tells_author_and_reporter_and_is_undone_as_a_whole(garden: Garden) -> None:
    number, reply = reported(garden)
    rule(garden, number, Verdict.REMOVE, note="Please keep to the subject.")
    assert garden.load(garden.db and _tree(garden, reply)).messages[reply].deleted
    told = {
        name: [(each.side, each.verdict, each.reason) for each in notices.unread(garden.db, who(garden, name).id, 9)]
        for name in ("Ada", "Ben", "Cleo")
    }
    assert told == {
        "Ada": [("author", Verdict.REMOVE, WHY)], "Ben": [("reporter", Verdict.REMOVE, WHY)], "Cleo": [],
    }  # fmt: skip
    assert reports.flagged(garden.db, 10) == []
    garden.check()

    undo(garden, number)
    assert not garden.load(_tree(garden, reply)).messages[reply].deleted
    assert notices.unread(garden.db, who(garden, "Ada").id, 9) == []
    assert [each.message_id for each in reports.flagged(garden.db, 10)] == [reply]
    assert queue(garden) == [number]
    actions = [entry.action for entry in journal.entries(garden.db, 20, subject=str(number))]
    assert actions == ["case.undone", "case.remove"]


def _tree(garden: Garden, message_id: str) -> str:
    row = rows.on(garden.db, message_id, 1)[0]
    assert row.tree_id is not None
    return row.tree_id


def test_two_moderators_cannot_both_decide(garden: Garden) -> None:
    number, _ = reported(garden)
    other = who(garden, "guard", PersonRole.MODERATOR)
    cases.take(garden.db, other, number, garden.now)
    with pytest.raises(Conflict, match="in hand"):
        rule(garden, number, Verdict.DISMISS)
    cases.put_back(garden.db, other, number, garden.now)
    rule(garden, number, Verdict.DISMISS)
    with pytest.raises(Conflict, match="decided"):
        cases.decide(garden.db, other, number, Ruling(Verdict.REMOVE, WHY), garden.now, garden.rng)


def test_nobody_decides_on_their_own_report_and_moderators_only_in_their_languages(garden: Garden) -> None:
    number, reply = reported(garden)
    warden = who(garden, "warden", PersonRole.MODERATOR)
    spanish = accounts.change_role(
        garden.db,
        who(garden, "chief", PersonRole.ADMIN),
        who(garden, "Sol").id,
        PersonRole.MODERATOR,
        garden.now,
        moderates=["es"],
    )
    with pytest.raises(NotAllowed, match="es"):
        cases.take(garden.db, spanish, number, garden.now)
    with pytest.raises(NotAllowed):
        cases.take(garden.db, who(garden, "Cleo"), number, garden.now)
    moderation.report(garden.db, warden, reply, "I think so too.", garden.now, garden.rng)
    with pytest.raises(NotAllowed, match="own"):
        rule(garden, number, Verdict.REMOVE)


def test_halting_and_resuming_the_tree_from_the_case(garden: Garden) -> None:
    number, reply = reported(garden)
    rule(garden, number, Verdict.HALT)
    assert garden.load(_tree(garden, reply)).state is TreeState.HALTED_BY_MODERATOR
    undo(garden, number)
    assert garden.load(_tree(garden, reply)).state is TreeState.GROWING


def test_a_warning_is_read_before_the_next_task(garden: Garden) -> None:
    number, _ = reported(garden)
    decision = rule(garden, number, Verdict.WARN)
    ada, ask = who(garden, "Ada"), tasks.Ask("random", ("en",))
    with pytest.raises(WarningUnread):
        tasks.next_task(garden.db, ada, ask, garden.now, garden.rng)
    cases.acknowledge(garden.db, ada, decision, garden.now)
    tasks.next_task(garden.db, ada, ask, garden.now, garden.rng)
    with pytest.raises(NotFound):
        cases.acknowledge(garden.db, who(garden, "Cleo"), decision, garden.now)


def test_a_suspension_ends_by_itself_and_may_take_the_message_along(garden: Garden) -> None:
    number, reply = reported(garden)
    rule(garden, number, Verdict.SUSPEND, days=3, remove=True)
    ada = people.by_id(garden.db, who(garden, "Ada").id)
    assert ada is not None
    assert ada.is_suspended(garden.now + timedelta(days=2))
    assert not ada.is_suspended(garden.now + timedelta(days=3))
    assert garden.load(_tree(garden, reply)).messages[reply].deleted
    undo(garden, number)
    again = people.by_id(garden.db, ada.id)
    assert again is not None
    assert again.suspended_until is None
    assert not garden.load(_tree(garden, reply)).messages[reply].deleted


def test_an_appeal_is_decided_by_somebody_else_and_there_is_one_at_a_time(garden: Garden) -> None:
    number, _ = reported(garden)
    rule(garden, number, Verdict.BAN)
    ada = people.by_id(garden.db, who(garden, "Ada").id)
    assert ada is not None
    assert ada.disabled
    appeal = cases.appeal(garden.db, ada, "It was a quotation.", garden.now)
    with pytest.raises(Conflict):
        cases.appeal(garden.db, ada, "Please.", garden.now)
    who(garden, "chief", PersonRole.ADMIN)
    with pytest.raises(NotAllowed, match="own"):
        rule(garden, appeal, Verdict.LIFT)
    guard = who(garden, "guard", PersonRole.MODERATOR)
    cases.decide(garden.db, guard, appeal, Ruling(Verdict.LIFT, WHY), garden.now, garden.rng)
    assert not accounts.known(garden.db, ada.id).disabled
    cases.undo(garden.db, guard, appeal, garden.now, garden.rng)
    assert accounts.known(garden.db, ada.id).disabled


def test_who_is_shut_out_for_all_they_did_reads_why_and_it_is_undone_from_its_case(garden: Garden) -> None:
    ada, warden = who(garden, "Ada"), who(garden, "warden", PersonRole.MODERATOR)
    ruling = Ruling(Verdict.BAN, WHY, "After *two* warnings.")
    kept = cases.shut_out(garden.db, warden, ada.id, ruling, garden.now, garden.rng)
    assert who(garden, "Ada").disabled
    told = notices.why_shut_out(garden.db, ada.id)
    assert told is not None
    assert (told.number, told.reason, told.note, told.message_id) == (kept, WHY, "After *two* warnings.", None)
    (number,) = [row.id for row in rows.of_person(garden.db, ada.id, 9)]
    with pytest.raises(Conflict, match="already"):
        cases.shut_out(garden.db, warden, ada.id, ruling, garden.now, garden.rng)

    undo(garden, number)
    assert not who(garden, "Ada").disabled
    assert notices.why_shut_out(garden.db, ada.id) is None
    assert queue(garden) == []
    assert [each.undone_by for each in rows.decided_on(garden.db, ada.id, 9)] == [warden.id]


def test_shutting_out_needs_a_reason_of_the_list_days_and_a_role(garden: Garden) -> None:
    ada, warden, chief = (
        who(garden, "Ada"), who(garden, "warden", PersonRole.MODERATOR), who(garden, "chief", PersonRole.ADMIN)
    )  # fmt: skip

    def refused(actor: Person, on: Person, ruling: Ruling, kind: type[Exception]) -> None:
        with pytest.raises(kind):
            cases.shut_out(garden.db, actor, on.id, ruling, garden.now, garden.rng)

    refused(warden, ada, Ruling(Verdict.BAN, "I do not like them"), Invalid)
    refused(warden, ada, Ruling(Verdict.SUSPEND, WHY, days=0), Invalid)
    refused(warden, ada, Ruling(Verdict.WARN, WHY), Invalid)
    refused(warden, chief, Ruling(Verdict.BAN, WHY), NotAllowed)
    refused(warden, warden, Ruling(Verdict.SUSPEND, WHY, days=1), NotAllowed)
    refused(ada, who(garden, "Ben"), Ruling(Verdict.BAN, WHY), NotAllowed)
    assert rows.of_person(garden.db, ada.id, 9) == []
    assert journal.entries(garden.db, 1, action="person.banned") == []


def limited(garden: Garden, name: str, *langs: str) -> Person:
    chief = who(garden, "chief", PersonRole.ADMIN)
    return accounts.change_role(
        garden.db, chief, who(garden, name).id, PersonRole.MODERATOR, garden.now, moderates=langs
    )  # fmt: skip


def test_a_moderator_of_some_languages_shuts_people_out_from_the_cases_of_these_alone(garden: Garden) -> None:
    number, _ = reported(garden)
    ada, english, spanish = who(garden, "Ada"), limited(garden, "Eve", "en"), limited(garden, "Sol", "es")
    ruling = Ruling(Verdict.BAN, WHY)
    for act in (
        lambda: cases.shut_out(garden.db, english, ada.id, ruling, garden.now, garden.rng),
        lambda: cases.let_in(garden.db, english, ada.id, garden.now, garden.rng),
        lambda: accounts.ban(garden.db, english, ada.id, garden.now),
        lambda: accounts.unban(garden.db, english, ada.id, garden.now, garden.rng),
        lambda: cases.decide(garden.db, spanish, number, ruling, garden.now, garden.rng),
    ):
        with pytest.raises(NotAllowed):
            act()
    cases.decide(garden.db, english, number, ruling, garden.now, garden.rng)
    assert who(garden, "Ada").disabled

    appeal = cases.appeal(garden.db, who(garden, "Ada"), "It was a quotation.", garden.now)
    assert queue(garden, CaseFilter(langs=("es",))) == []
    assert queue(garden, CaseFilter(langs=("en",))) == [appeal], "it is about what was written in this language"
    with pytest.raises(NotAllowed, match="own"):
        cases.decide(garden.db, english, appeal, Ruling(Verdict.LIFT, WHY), garden.now, garden.rng)
    other = limited(garden, "Ida", "de", "en")
    cases.decide(garden.db, other, appeal, Ruling(Verdict.LIFT, WHY), garden.now, garden.rng)
    assert not who(garden, "Ada").disabled


def test_an_appeal_against_a_ban_for_everything_is_for_who_looks_after_all_languages(garden: Garden) -> None:
    ada, warden, english = who(garden, "Ada"), who(garden, "warden", PersonRole.MODERATOR), limited(garden, "Eve", "en")
    cases.shut_out(garden.db, warden, ada.id, Ruling(Verdict.BAN, WHY), garden.now, garden.rng)
    appeal = cases.appeal(garden.db, who(garden, "Ada"), "Please.", garden.now)
    assert queue(garden, CaseFilter(langs=("en",))) == []
    with pytest.raises(NotAllowed):
        cases.take(garden.db, english, appeal, garden.now)
    cases.take(garden.db, who(garden, "chief", PersonRole.ADMIN), appeal, garden.now)


def test_who_is_let_in_has_had_their_appeal_granted(garden: Garden) -> None:
    ada, warden = who(garden, "Ada"), who(garden, "warden", PersonRole.MODERATOR)
    cases.shut_out(garden.db, warden, ada.id, Ruling(Verdict.SUSPEND, WHY, days=3), garden.now, garden.rng)
    cases.appeal(garden.db, who(garden, "Ada"), "Please.", garden.now)
    with pytest.raises(Conflict, match="appeal"):
        cases.shut_out(garden.db, warden, ada.id, Ruling(Verdict.BAN, WHY), garden.now, garden.rng)
    cases.let_in(garden.db, warden, ada.id, garden.now, garden.rng)
    assert not who(garden, "Ada").is_suspended(garden.now)
    assert queue(garden) == []
    assert notices.unread(garden.db, ada.id, 1)[0].verdict is Verdict.LIFT


def test_an_appeal_that_is_turned_down_is_answered(garden: Garden) -> None:
    ada, warden = who(garden, "Ada"), who(garden, "warden", PersonRole.MODERATOR)
    kept = cases.shut_out(garden.db, warden, ada.id, Ruling(Verdict.BAN, WHY), garden.now, garden.rng)
    appeal = cases.appeal(garden.db, who(garden, "Ada"), "Please.", garden.now)
    assert notices.why_left_out(garden.db, ada.id, kept) is None
    guard = who(garden, "guard", PersonRole.MODERATOR)
    cases.decide(garden.db, guard, appeal, Ruling(Verdict.DISMISS, WHY, "No."), garden.now, garden.rng)
    answer = notices.why_left_out(garden.db, ada.id, kept)
    assert answer is not None
    assert answer.note == "No."
    assert who(garden, "Ada").disabled


def test_who_is_not_shut_out_has_nothing_to_appeal_against(garden: Garden) -> None:
    with pytest.raises(Conflict):
        cases.appeal(garden.db, who(garden, "Ada"), "Hello?", garden.now)


def test_many_cases_are_one_entry_to_undo(garden: Garden) -> None:
    first, _ = reported(garden)
    second, _ = reported(garden, words="Also this.")
    warden, ruling = who(garden, "warden", PersonRole.MODERATOR), Ruling(Verdict.REMOVE, WHY)
    done, left = cases.decide_many(garden.db, warden, [first, second, 999], ruling, garden.now, garden.rng)
    assert (done, [each.id for each in left]) == ([first, second], [999])
    (entry,) = journal.entries(garden.db, 5, action="cases.decided")
    assert entry.data == {"verdict": "remove", "count": 2}
    undone, _ = cases.undo_many(garden.db, warden, int(entry.subject or 0), garden.now, garden.rng)
    assert undone == [first, second]
    assert queue(garden) == [first, second]


def test_what_came_after_a_decision_joins_the_case_when_it_is_undone(garden: Garden) -> None:
    number, reply = reported(garden)
    rule(garden, number, Verdict.DISMISS)
    moderation.react(garden.db, who(garden, "Cleo"), reply, "red_flag", True, garden.now, garden.rng)
    newer = queue(garden)
    assert newer != [number]
    undo(garden, number)
    assert queue(garden) == [number]
    found = rows.find(garden.db, number)
    assert found is not None
    assert len(found.case.entries) == 2


def test_organisers_give_the_reasons(garden: Garden) -> None:
    number, _ = reported(garden)
    cases.change_reasons(garden.db, who(garden, "chief", PersonRole.ADMIN), "Rude\n\nOff the subject\nRude", garden.now)
    assert rows.reasons(garden.db) == ("Rude", "Off the subject")
    with pytest.raises(Invalid):
        rule(garden, number, Verdict.REMOVE)
    with pytest.raises(NotAllowed):
        cases.change_reasons(garden.db, who(garden, "warden", PersonRole.MODERATOR), "Mine", garden.now)
    with pytest.raises(Invalid):
        cases.change_reasons(garden.db, who(garden, "chief", PersonRole.ADMIN), " \n", garden.now)


def test_the_queue_is_filtered(garden: Garden) -> None:
    number, _ = reported(garden)
    warden = who(garden, "warden", PersonRole.MODERATOR)
    assert queue(garden, CaseFilter(lang="de")) == []
    assert queue(garden, CaseFilter(langs=("de", "en"), came=Came.REPORT)) == [number]
    assert queue(garden, CaseFilter(taken=False)) == [number]
    cases.take(garden.db, warden, number, garden.now)
    assert queue(garden, CaseFilter(taken=False)) == []
    assert queue(garden, CaseFilter(holder=warden.id)) == [number]
    garden.later(minutes=31)
    assert queue(garden, CaseFilter(taken=False)) == [number]
    rule(garden, number, Verdict.DISMISS)
    assert queue(garden, CaseFilter(state=State.DECIDED, about=About.MESSAGE)) == [number]


def test_a_purge_takes_the_cases_along_and_what_the_person_said_in_others(garden: Garden) -> None:
    number, reply = reported(garden)
    other = garden.reply(who(garden, "Cleo"), garden.tree(who(garden, "chief", PersonRole.ADMIN)), "Another.")
    moderation.report(garden.db, who(garden, "Ada"), other, "My secret.", garden.now, garden.rng)
    rule(garden, number, Verdict.WARN)
    job = erasure.purge(garden.db, None, who(garden, "Ada").id, garden.now, garden.rng)
    while job.status is not JobStatus.DONE:
        job = erasure.purge_trees(garden.db, job, garden.now, garden.rng)
    assert rows.find(garden.db, number) is None
    assert rows.on(garden.db, reply, 5) == []
    (row,) = rows.on(garden.db, other, 5)
    assert [(entry.person, entry.words) for entry in row.case.entries] == [(None, None)]
    assert notices.unread(garden.db, who(garden, "Ben").id, 5) == []
