"""What staff do to messages and trees, and what people say of messages."""

import pytest

from espalier.collect import accounts, moderation, tasks
from espalier.domain.errors import Invalid, NotAllowed, NotFound, Stale, WrongState
from espalier.domain.lifecycle import Command
from espalier.domain.parameter import InvalidPolicy
from espalier.domain.tree import Shape, State
from espalier.domain.work import Act, Task
from espalier.store import journal, reports, work
from espalier.store.facts import log_of
from espalier.store.people import Person, PersonRole
from gardens import Garden

SMALL = Shape(max_tree_depth=1, max_children_count=2, num_prompter_replies=1, goal_tree_size=3)


def ask(garden: Garden, person: Person, kind: str) -> Task | None:
    return tasks.next_task(garden.db, person, tasks.Ask(kind, ("en",)), garden.now, garden.rng)


def ranked_tree(garden: Garden) -> tuple[str, str, str]:
    """A finished tree with its two ranked replies, best first."""
    ada, grace = garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin(), shape=SMALL)
    first = garden.accepted_reply(ada, garden.person("Edsger"), tree_id, "Light is scattered.")
    second = garden.accepted_reply(grace, ada, tree_id, "Because of the sea.")
    garden.rank(garden.person("Barbara"), tree_id, first, second)
    assert garden.load(tree_id).state is State.READY_FOR_EXPORT
    return tree_id, first, second


def test_deleting_and_undeleting_restores_exactly(garden: Garden) -> None:
    tree_id, first, second = ranked_tree(garden)
    warden = garden.moderator()
    before = garden.load(tree_id)

    deleted = moderation.delete_message(garden.db, warden, first, garden.now, garden.rng)
    assert (deleted.messages[first].rank, deleted.messages[second].rank) == (None, None)
    garden.check()
    assert moderation.undelete_message(garden.db, warden, first, garden.now, garden.rng).messages == before.messages


def test_a_deleted_reply_leaves_its_place_free_and_ends_the_tasks_on_it(garden: Garden) -> None:
    ada, grace = garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin())
    reply = garden.reply(ada, tree_id)
    task = ask(garden, grace, "label_assistant_reply")
    assert task is not None

    moderation.delete_message(garden.db, garden.moderator(), reply, garden.now, garden.rng)
    assert tasks.my_tasks(garden.db, grace, garden.now) == []
    assert work.held_on(garden.db, Act.LABEL, reply) == (0, 0)
    again = ask(garden, grace, "assistant_reply")
    assert again is not None
    assert again.thread[-1].text == "Why is the sky blue?"


def test_deleting_the_prompt_halts_its_tree(garden: Garden) -> None:
    tree_id = garden.tree(garden.admin())
    after = moderation.delete_message(garden.db, garden.moderator(), tree_id, garden.now, garden.rng)
    assert after.state is State.HALTED_BY_MODERATOR
    back = moderation.undelete_message(garden.db, garden.moderator("other"), tree_id, garden.now, garden.rng)
    assert back.state is State.GROWING


def test_only_staff_may_judge_and_a_refusal_changes_nothing(garden: Garden) -> None:
    ada = garden.person("Ada")
    tree_id = garden.tree(garden.admin())
    log = log_of(garden.db, tree_id)
    with pytest.raises(NotAllowed):
        moderation.delete_message(garden.db, ada, tree_id, garden.now, garden.rng)
    with pytest.raises(NotAllowed):
        moderation.order_tree(garden.db, ada, tree_id, Command.HALT, garden.now, garden.rng)
    with pytest.raises(NotFound):
        moderation.delete_message(garden.db, garden.moderator(), "nowhere", garden.now, garden.rng)
    with pytest.raises(WrongState):
        moderation.undelete_message(garden.db, garden.moderator("m2"), tree_id, garden.now, garden.rng)
    assert log_of(garden.db, tree_id) == log


def test_an_edit_keeps_what_was_written_before(garden: Garden) -> None:
    ada, warden, chief = garden.person("Ada"), garden.moderator(), garden.admin()
    tree_id = garden.tree(chief)
    reply = garden.reply(ada, tree_id, "Teh sky")
    assert [version.text for version in moderation.history(garden.db, chief, reply)] == ["Teh sky"]

    first = garden.later(minutes=1)
    moderation.edit_message(garden.db, warden, reply, "The sky", first, garden.rng)
    after = moderation.edit_message(garden.db, warden, reply, "  The sky. ", garden.later(minutes=1), garden.rng)
    assert after.messages[reply].edited
    versions = moderation.history(garden.db, chief, reply)
    assert [(version.text, version.person_id) for version in versions] == [
        ("Teh sky", ada.id),
        ("The sky", warden.id),
        ("The sky.", warden.id),
    ]
    assert versions[1].at == first
    blind = moderation.history(garden.db, warden, reply)
    assert [version.person_id for version in blind] == [None, warden.id, warden.id], "who could still judge it"


def test_a_moderator_of_other_languages_does_not_read_the_history(garden: Garden) -> None:
    chief, warden = garden.admin(), garden.moderator()
    reply = garden.reply(garden.person("Ada"), garden.tree(chief))
    limited = accounts.change_role(
        garden.db, chief, warden.id, PersonRole.MODERATOR, garden.now, moderates=["de"]
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        moderation.history(garden.db, limited, reply)


def test_an_edit_that_changes_nothing_is_not_kept(garden: Garden) -> None:
    chief = garden.admin()
    tree_id = garden.tree(chief)
    moderation.edit_message(garden.db, garden.moderator(), tree_id, "Why is the sky blue?", garden.now, garden.rng)
    assert len(moderation.history(garden.db, chief, tree_id)) == 1
    with pytest.raises(Invalid):
        moderation.edit_message(garden.db, garden.moderator("m2"), tree_id, "  ", garden.now, garden.rng)


@pytest.mark.parametrize("state", moderation.PLANTED_INTO)
def test_an_administrator_plants_a_tree_with_its_shape_into_a_state(garden: Garden, state: State) -> None:
    garden.policy(max_active_trees=0)
    chief = garden.admin()
    tree = moderation.plant(
        garden.db, chief, "Hello?", "pt-BR", garden.now, garden.rng, shape=SMALL, state=state
    )  # fmt: skip
    assert (tree.state, tree.shape, tree.lang, tree.root.author) == (state, SMALL, "pt-BR", chief.id)


def test_what_cannot_be_planted_is_refused(garden: Garden) -> None:
    chief = garden.admin()
    with pytest.raises(NotAllowed):
        garden.tree(garden.moderator())
    with pytest.raises(InvalidPolicy, match="at most"):
        garden.tree(chief, shape=Shape(1, 1, 1, 5))
    with pytest.raises(Invalid, match="language tag"):
        garden.tree(chief, lang="not a language")
    with pytest.raises(Invalid, match="planted into"):
        garden.tree(chief, state=State.READY_FOR_EXPORT)


def test_an_administrator_draws_beyond_the_limits_of_the_lottery(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    chief = garden.admin()
    tree_id = garden.tree(chief, state=State.PROMPT_LOTTERY_WAITING)
    with pytest.raises(NotAllowed):
        moderation.order_tree(garden.db, garden.moderator(), tree_id, Command.DRAW, garden.now, garden.rng)
    after = moderation.order_tree(garden.db, chief, tree_id, Command.DRAW, garden.now, garden.rng)
    assert after.state is State.GROWING


def test_a_halted_tree_hands_out_nothing_and_resumes_where_it_was(garden: Garden) -> None:
    warden, ada = garden.moderator(), garden.person("Ada")
    tree_id = garden.tree(garden.admin())
    assert ask(garden, ada, "assistant_reply") is not None
    moderation.order_tree(garden.db, warden, tree_id, Command.HALT, garden.now, garden.rng, reason="Looks like spam.")
    assert tasks.my_tasks(garden.db, ada, garden.now) == []
    assert ask(garden, garden.person("Grace"), "assistant_reply") is None
    assert log_of(garden.db, tree_id)[-1].data["reason"] == "Looks like spam."
    after = moderation.order_tree(garden.db, warden, tree_id, Command.RESUME, garden.now, garden.rng)
    assert after.state is State.GROWING


def test_a_ranking_tree_is_parked_and_activated(garden: Garden) -> None:
    warden, ada = garden.moderator(), garden.person("Ada")
    tree_id = garden.tree(garden.admin(), shape=SMALL)
    garden.accepted_reply(ada, warden, tree_id)
    garden.accepted_reply(warden, ada, tree_id)
    for command, state in ((Command.PARK, State.BACKLOG_RANKING), (Command.ACTIVATE, State.RANKING)):
        assert moderation.order_tree(garden.db, warden, tree_id, command, garden.now, garden.rng).state is state


def test_orders_in_bulk_name_what_could_not_follow(garden: Garden) -> None:
    chief = garden.admin()
    growing, other = garden.tree(chief), garden.tree(chief)
    moderation.order_tree(garden.db, chief, other, Command.HALT, garden.now, garden.rng)
    log = log_of(garden.db, other)

    done, refused = moderation.order_trees(
        garden.db, chief, [other, growing, "nowhere"], Command.HALT, garden.now, garden.rng
    )
    assert [tree.id for tree in done] == [growing]
    assert {each.id for each in refused} == {other, "nowhere"}
    assert log_of(garden.db, other) == log, "what was refused has left nothing behind"


def test_up_and_down_exclude_each_other(garden: Garden) -> None:
    ada = garden.person("Ada")
    tree_id = garden.tree(garden.admin())

    def react(emoji: str, on: bool = True) -> dict[str, int]:
        moderation.react(garden.db, ada, tree_id, emoji, on, garden.now, garden.rng)
        return garden.load(tree_id).root.emoji_counts()

    assert react("+1") == {"+1": 1}
    assert react("-1") == {"-1": 1}
    assert react("-1") == {"-1": 1}
    assert react("rofl") == {"-1": 1, "rofl": 1}
    assert react("-1", on=False) == {"rofl": 1}
    assert react("heart_eyes", on=False) == {"rofl": 1}
    with pytest.raises(Invalid):
        react("_skip_reply")


def test_nobody_votes_on_their_own_message(garden: Garden) -> None:
    chief = garden.admin()
    tree_id = garden.tree(chief)
    for emoji in ("+1", "-1", "diamond"):
        moderation.react(garden.db, chief, tree_id, emoji, True, garden.now, garden.rng)
    assert garden.load(tree_id).root.emoji_counts() == {"diamond": 1}


def test_a_message_of_a_task_is_reacted_to_by_its_handle(garden: Garden) -> None:
    ada, grace = garden.person("Ada"), garden.person("Grace")
    tree_id = garden.tree(garden.admin())
    reply = garden.reply(ada, tree_id)
    task = ask(garden, grace, "label_assistant_reply")
    assert task is not None
    moderation.react_in_task(garden.db, grace, task.id, "m1", "clap", True, garden.now, garden.rng)
    assert garden.load(tree_id).messages[reply].emoji_counts() == {"clap": 1}
    for handle in ("m2", "r0", "m", "x1", ""):
        with pytest.raises(NotFound):
            moderation.react_in_task(garden.db, grace, task.id, handle, "clap", True, garden.now, garden.rng)
    with pytest.raises(NotFound):
        moderation.react_in_task(garden.db, ada, task.id, "m1", "clap", True, garden.now, garden.rng)


def test_a_deleted_message_takes_no_reaction(garden: Garden) -> None:
    tree_id = garden.tree(garden.admin())
    moderation.delete_message(garden.db, garden.moderator(), tree_id, garden.now, garden.rng)
    with pytest.raises(Stale):
        moderation.react(garden.db, garden.person("Ada"), tree_id, "+1", True, garden.now, garden.rng)


def test_reports_are_listed_until_staff_answer_them(garden: Garden) -> None:
    ada, grace, warden = garden.person("Ada"), garden.person("Grace"), garden.moderator()
    tree_id = garden.tree(garden.admin())
    reply = garden.reply(ada, tree_id)
    moderation.report(garden.db, grace, tree_id, "Not a question.", garden.now, garden.rng)
    moderation.report(garden.db, grace, reply, "Rude.", garden.now, garden.rng)
    moderation.react(garden.db, warden, reply, "red_flag", True, garden.now, garden.rng)

    listed = reports.flagged(garden.db, 10)
    assert [(each.message_id, [report.reason for report in each.reports]) for each in listed] == [
        (reply, [None, "Rude."]),
        (tree_id, ["Not a question."]),
    ]
    assert [each.message_id for each in reports.flagged(garden.db, 10, before=listed[0].newest)] == [tree_id]
    assert garden.load(tree_id).messages[reply].emoji_counts() == {"red_flag": 2}

    with pytest.raises(NotAllowed):
        moderation.close_reports(garden.db, ada, reply, garden.now, garden.rng)
    assert moderation.close_reports(garden.db, warden, reply, garden.now, garden.rng, dismiss=True) == 2
    assert [each.message_id for each in reports.flagged(garden.db, 10)] == [tree_id]
    assert {report.status for report in reports.reports_on(garden.db, reply)} == {"dismissed"}


def test_a_report_is_taken_back_with_its_flag_and_said_again_only_once(garden: Garden) -> None:
    grace = garden.person("Grace")
    tree_id = garden.tree(garden.admin())
    moderation.report(garden.db, grace, tree_id, "Hm.", garden.now, garden.rng)
    moderation.report(garden.db, grace, tree_id, "Not a question.", garden.now, garden.rng)
    (flagged,) = reports.flagged(garden.db, 10)
    assert [report.reason for report in flagged.reports] == ["Not a question."]
    moderation.react(garden.db, grace, tree_id, "red_flag", False, garden.now, garden.rng)
    assert reports.flagged(garden.db, 10) == []
    assert garden.load(tree_id).root.emoji_counts() == {}


def test_flags_that_a_moderator_answered_count_no_more_against_a_message(garden: Garden) -> None:
    garden.policy(auto_mod_red_flags=2)
    warden = garden.moderator()
    tree_id = garden.tree(garden.admin())
    reply = garden.reply(garden.person("Ada"), tree_id)

    def flag(name: str) -> bool:
        moderation.report(garden.db, garden.person(name), reply, "Bad.", garden.now, garden.rng)
        return garden.load(tree_id).messages[reply].deleted

    assert not flag("one")
    moderation.close_reports(garden.db, warden, reply, garden.now, garden.rng)
    assert not flag("two"), "the first flag is answered"
    assert flag("three")


def test_what_staff_did_stands_in_the_journal_without_texts(garden: Garden) -> None:
    warden = garden.moderator()
    tree_id = garden.tree(garden.admin())
    moderation.edit_message(garden.db, warden, tree_id, "A secret word", garden.now, garden.rng)
    moderation.delete_message(garden.db, warden, tree_id, garden.now, garden.rng)
    entries = journal.entries(garden.db, 2)
    assert [(entry.person_id, entry.action, entry.subject) for entry in entries] == [
        (warden.id, "message.deleted", tree_id),
        (warden.id, "message.edited", tree_id),
    ]
    assert "secret" not in repr(entries)
