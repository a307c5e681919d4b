"""What one has just done can be taken back, whoever is at work on it meanwhile, and not what others have built on."""

import pytest

from espalier.collect import contributions, drafts, moderation, tasks, undo
from espalier.collect.answers import Answer, LabelsAnswer, RankingAnswer, TextAnswer
from espalier.domain.cases import About
from espalier.domain.errors import BuiltOn, Conflict, Invalid, NotFound, Stale
from espalier.domain.tree import Shape, State
from espalier.domain.work import Task
from espalier.store.cases import open_on
from espalier.store.drafts import draft_of
from espalier.store.people import Person
from espalier.store.reports import reports_on
from gardens import Garden

CLEAN = LabelsAnswer({"spam": 0.0, "lang_mismatch": 0.0}, ())


def asked(garden: Garden, person: Person, kind: str) -> Task | None:
    return tasks.next_task(garden.db, person, tasks.Ask(kind, ("en",)), garden.later(seconds=1), garden.rng)


def given(garden: Garden, person: Person, kind: str) -> Task:
    task = asked(garden, person, kind)
    assert task is not None, kind
    return task


def send(garden: Garden, person: Person, task: Task, answer: Answer, sent_as: str = "one") -> str | None:
    now = garden.later(seconds=1)
    return contributions.submit(garden.db, person, task.id, sent_as, answer, now, garden.rng).message_id


def take_back(garden: Garden, person: Person, task: Task) -> undo.Undone:
    return undo.undo(garden.db, person, task.id, garden.later(seconds=1), garden.rng)


def skip(garden: Garden, person: Person, task: Task, reason: str = "other") -> None:
    drafts.skip(garden.db, person, task.id, reason, {"text": ("Half a",)}, garden.later(seconds=1), garden.rng)


def unskip(garden: Garden, person: Person, task: Task) -> Task:
    return undo.unskip(garden.db, person, task.id, garden.later(seconds=1), garden.rng)


# Answers


def test_a_text_comes_back_as_the_draft_of_its_task(garden: Garden) -> None:
    garden.policy()
    garden.tree(garden.admin())
    ann = garden.person("ann")
    task = given(garden, ann, "assistant_reply")
    send(garden, ann, task, TextAnswer("Too soon."))
    undone = take_back(garden, ann, task)
    assert (undone.task.id, undone.sent) == (task.id, TextAnswer("Too soon.", confirm_language=True))
    draft = draft_of(garden.db, ann.id, task.id, garden.later(days=1))
    assert draft is not None
    assert draft.text == "Too soon."
    garden.check()


def test_who_reviews_a_text_that_is_taken_back_reads_so_and_gets_the_next_task(garden: Garden) -> None:
    garden.policy()
    tree_id = garden.tree(garden.admin())
    ann, ben = garden.person("ann"), garden.person("ben")
    mine = given(garden, ann, "assistant_reply")
    send(garden, ann, mine, TextAnswer("Too soon."))
    theirs = given(garden, ben, "label_assistant_reply")
    take_back(garden, ann, mine)
    assert list(garden.load(tree_id).messages) == [tree_id]
    for late in (
        lambda: send(garden, ben, theirs, CLEAN),
        lambda: tasks.own_task(garden.db, ben, theirs.id),
        lambda: skip(garden, ben, theirs),
    ):
        with pytest.raises(Stale, match="The author took this back"):
            late()
    assert given(garden, ben, "random").id != theirs.id
    garden.check()


def test_a_prompt_under_review_by_others_is_taken_back(garden: Garden) -> None:
    garden.policy(num_reviews_initial_prompt=1)
    ann, ben = garden.person("ann"), garden.person("ben")
    mine = given(garden, ann, "initial_prompt")
    send(garden, ann, mine, TextAnswer("Why?"))
    theirs = given(garden, ben, "label_initial_prompt")
    take_back(garden, ann, mine)
    with pytest.raises(Stale):
        send(garden, ben, theirs, CLEAN)
    with pytest.raises(Stale):
        tasks.own_task(garden.db, ben, theirs.id)
    garden.check()


def test_a_skip_or_a_reaction_of_others_goes_with_the_text_it_was_about(garden: Garden) -> None:
    garden.policy(num_reviews_reply=2)
    garden.tree(garden.admin())
    ann, ben, cleo = (garden.person(name) for name in ("ann", "ben", "cleo"))
    mine = given(garden, ann, "assistant_reply")
    message_id = send(garden, ann, mine, TextAnswer("Too soon.")) or ""
    skipped = given(garden, ben, "label_assistant_reply")
    skip(garden, ben, skipped)
    moderation.react(garden.db, cleo, message_id, "+1", True, garden.later(seconds=1), garden.rng)
    take_back(garden, ann, mine)
    garden.check()
    with pytest.raises(Stale):
        unskip(garden, ben, skipped)


def test_a_text_that_was_reported_is_not_taken_back(garden: Garden) -> None:
    garden.policy()
    garden.tree(garden.admin())
    ann, ben = garden.person("ann"), garden.person("ben")
    mine = given(garden, ann, "assistant_reply")
    message_id = send(garden, ann, mine, TextAnswer("Too soon.")) or ""
    moderation.report(garden.db, ben, message_id, "It insults.", garden.later(seconds=1), garden.rng)
    with pytest.raises(BuiltOn):
        take_back(garden, ann, mine)


def test_the_review_that_let_a_prompt_grow_is_taken_back_while_others_only_begin_to_answer(garden: Garden) -> None:
    garden.policy(num_reviews_initial_prompt=1)
    tree_id = garden.tree(garden.admin(), state=State.INITIAL_PROMPT_REVIEW)
    ann, ben = garden.person("ann"), garden.person("ben")
    mine = given(garden, ann, "label_initial_prompt")
    send(garden, ann, mine, CLEAN)
    assert garden.load(tree_id).state is State.GROWING, "drawn at once"
    theirs = given(garden, ben, "assistant_reply")
    assert take_back(garden, ann, mine).sent == CLEAN
    assert garden.load(tree_id).state is State.INITIAL_PROMPT_REVIEW
    assert tasks.my_tasks(garden.db, ben, garden.now) == []
    assert tasks.own_task(garden.db, ben, theirs.id).id == theirs.id, "their text is not lost"
    garden.check()


def test_once_somebody_answered_the_review_stays(garden: Garden) -> None:
    garden.policy(num_reviews_initial_prompt=1)
    garden.tree(garden.admin(), state=State.INITIAL_PROMPT_REVIEW)
    ann, ben = garden.person("ann"), garden.person("ben")
    mine = given(garden, ann, "label_initial_prompt")
    send(garden, ann, mine, CLEAN)
    send(garden, ben, given(garden, ben, "assistant_reply"), TextAnswer("Because of the air."))
    with pytest.raises(BuiltOn):
        take_back(garden, ann, mine)
    garden.check()


def test_a_ranking_that_finished_a_tree_is_taken_back(garden: Garden) -> None:
    garden.policy()
    tree_id = garden.tree(garden.admin(), shape=Shape(1, 2, 1, 3))
    ann, ben, cleo, dora = (garden.person(name) for name in ("ann", "ben", "cleo", "dora"))
    garden.accepted_reply(ann, ben, tree_id, "One.")
    garden.accepted_reply(ben, ann, tree_id, "Two.")
    mine = given(garden, cleo, "rank_assistant_replies")
    send(garden, cleo, mine, RankingAnswer([["r1"], ["r0"]]))
    assert garden.load(tree_id).state is State.READY_FOR_EXPORT
    assert take_back(garden, cleo, mine).sent == RankingAnswer([["r1"], ["r0"]], not_rankable=False)
    assert garden.load(tree_id).state is State.RANKING
    assert given(garden, dora, "random").kind != "rank_assistant_replies", "its place is held again"
    garden.check()


def test_nothing_is_taken_back_twice_or_by_others_or_too_late(garden: Garden) -> None:
    garden.policy(undo_seconds=60)
    garden.tree(garden.admin())
    ann, ben = garden.person("ann"), garden.person("ben")
    task = given(garden, ann, "assistant_reply")
    with pytest.raises(NotFound):
        take_back(garden, ann, task)
    send(garden, ann, task, TextAnswer("Too soon."))
    with pytest.raises(NotFound):
        take_back(garden, ben, task)
    take_back(garden, ann, task)
    with pytest.raises(NotFound):
        take_back(garden, ann, task)
    send(garden, ann, task, TextAnswer("Just right."), "two")
    garden.later(seconds=60)
    with pytest.raises(BuiltOn):
        take_back(garden, ann, task)


def test_a_text_is_withdrawn_until_its_first_review(garden: Garden) -> None:
    garden.policy(num_reviews_reply=2)
    tree_id = garden.tree(garden.admin())
    ann, ben = garden.person("ann"), garden.person("ben")
    first = garden.reply(ann, tree_id, "One.")
    garden.later(days=3)
    with pytest.raises(NotFound):
        undo.withdraw_text(garden.db, ben, first, garden.now, garden.rng)
    undo.withdraw_text(garden.db, ann, first, garden.now, garden.rng)
    assert list(garden.load(tree_id).messages) == [tree_id]
    second = garden.reply(ann, tree_id, "Two.")
    garden.review(ben, second)
    with pytest.raises(BuiltOn):
        undo.withdraw_text(garden.db, ann, second, garden.now, garden.rng)
    garden.check()


# Skips


def test_an_unskipped_task_is_open_again_with_what_was_typed(garden: Garden) -> None:
    garden.policy()
    tree_id = garden.tree(garden.admin())
    ann = garden.person("ann")
    task = given(garden, ann, "assistant_reply")
    skip(garden, ann, task)
    assert asked(garden, ann, "assistant_reply") is None
    garden.later(minutes=9)
    assert unskip(garden, ann, task).id == task.id
    draft = draft_of(garden.db, ann.id, task.id, garden.later(days=1))
    assert draft is not None
    assert draft.text == "Half a"
    assert garden.load(tree_id).root.skips == ()
    garden.check()


def test_a_skip_that_halted_a_tree_is_taken_back_with_the_halt(garden: Garden) -> None:
    garden.policy(auto_mod_max_skip_reply=1)
    tree_id = garden.tree(garden.admin())
    ann = garden.person("ann")
    task = given(garden, ann, "assistant_reply")
    skip(garden, ann, task, "offensive")
    assert garden.load(tree_id).state is State.HALTED_BY_MODERATOR
    assert [each.person_id for each in reports_on(garden.db, tree_id)] == [ann.id]
    unskip(garden, ann, task)
    assert garden.load(tree_id).state is State.GROWING
    assert {each.status for each in reports_on(garden.db, tree_id)} == {"withdrawn"}
    assert open_on(garden.db, About.MESSAGE, tree_id) is None
    garden.check()


def test_a_skip_stays_after_ten_minutes_and_where_the_conversation_was_closed(garden: Garden) -> None:
    garden.policy()
    tree_id = garden.tree(garden.admin())
    ann, ben = garden.person("ann"), garden.person("ben")
    hers, his = given(garden, ann, "assistant_reply"), given(garden, ben, "assistant_reply")
    skip(garden, ann, hers)
    garden.later(minutes=11)
    with pytest.raises(BuiltOn):
        unskip(garden, ann, hers)
    skip(garden, ben, his)
    garden.add(tree_id, None, garden.halt())
    with pytest.raises(Stale):
        unskip(garden, ben, his)


def test_a_skipped_prompt_is_open_again(garden: Garden) -> None:
    garden.policy()
    ann = garden.person("ann")
    task = given(garden, ann, "initial_prompt")
    skip(garden, ann, task)
    assert unskip(garden, ann, task).id == task.id
    assert [mine.id for mine in tasks.my_tasks(garden.db, ann, garden.now)] == [task.id]
    garden.check()


def test_why_is_said_once_and_afterwards(garden: Garden) -> None:
    garden.policy()
    tree_id = garden.tree(garden.admin())
    ann = garden.person("ann")
    task = given(garden, ann, "assistant_reply")
    skip(garden, ann, task)

    def say(reason: str) -> None:
        undo.give_skip_reason(garden.db, ann, task.id, reason, garden.later(seconds=1), garden.rng)

    with pytest.raises(Invalid):
        say("because")
    say("finished")
    say("finished")
    with pytest.raises(Conflict):
        say("broken")
    assert [each.reason for each in garden.load(tree_id).root.skips] == ["finished"]
    assert reports_on(garden.db, tree_id) == []
    garden.check()


def test_a_harmful_text_is_reported_with_the_reason(garden: Garden) -> None:
    garden.policy()
    tree_id = garden.tree(garden.admin())
    ann = garden.person("ann")
    task = given(garden, ann, "assistant_reply")
    skip(garden, ann, task)
    undo.give_skip_reason(garden.db, ann, task.id, "offensive", garden.later(seconds=1), garden.rng)
    assert [report.person_id for report in reports_on(garden.db, tree_id)] == [ann.id]
    garden.check()


# The line at the head of the next task


def test_the_last_step_is_known_while_it_can_be_taken_back(garden: Garden) -> None:
    garden.policy(undo_seconds=60)
    garden.tree(garden.admin())
    ann = garden.person("ann")

    def step() -> undo.LastStep | None:
        return undo.last_step(garden.db, ann, garden.now)

    assert step() is None
    task = given(garden, ann, "assistant_reply")
    assert step() is None
    skip(garden, ann, task)
    skipped = step()
    assert skipped is not None
    assert (skipped.task_id, skipped.skipped, skipped.asks_why, skipped.reason) == (task.id, True, True, None)
    undo.give_skip_reason(garden.db, ann, task.id, "broken", garden.later(seconds=1), garden.rng)
    told = step()
    assert told is not None
    assert (told.asks_why, told.reason) == (False, "broken")
    prompt = given(garden, ann, "initial_prompt")
    send(garden, ann, prompt, TextAnswer("Why?"))
    sent = step()
    assert sent is not None
    assert (sent.task_id, sent.skipped, (sent.until - garden.now).total_seconds()) == (prompt.id, False, 60)
    garden.later(seconds=61)
    over = step()
    assert over is None
