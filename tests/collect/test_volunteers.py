"""What the campaign promises to volunteers: tasks that fit, answers that are taken once, undo, and no lost text."""

from datetime import timedelta

import pytest

from espalier.collect import contributions, moderation, tasks, undo
from espalier.collect.answers import LabelsAnswer, RankingAnswer, TextAnswer
from espalier.collect.contributions import Receipt
from espalier.domain.errors import (
    AlreadyAnswered,
    BuiltOn,
    DuplicateText,
    IdReused,
    Invalid,
    NotFound,
    RateLimited,
    Stale,
    TooLong,
    TooManyOpenTasks,
    WrongAnswer,
    WrongLanguage,
)
from espalier.domain.lifecycle import Command
from espalier.domain.tree import Shape, State
from espalier.domain.work import Kind, Task
from espalier.store.people import Person
from gardens import Garden

CLEAN = LabelsAnswer({"spam": 0.0})
SPAM = LabelsAnswer({"spam": 1.0})
RATES_OFF = {"rate_tasks": None, "rate_assistant_replies": None, "rate_prompter_replies": None}


def ask(garden: Garden, person: Person, kind: str = "random", *langs: str) -> Task | None:
    return tasks.next_task(
        garden.db, person, tasks.Ask(kind, langs or ("en",)), garden.later(seconds=1), garden.rng
    )  # fmt: skip


def task(garden: Garden, person: Person, kind: str = "random", *langs: str) -> Task:
    found = ask(garden, person, kind, *langs)
    assert found is not None
    return found


def send(garden: Garden, person: Person, given: Task, answer: object, client_id: str | None = None) -> Receipt:
    return contributions.submit(
        garden.db, person, given.id, client_id or given.id, answer, garden.later(seconds=1), garden.rng  # type: ignore[arg-type]
    )  # fmt: skip


def growing(garden: Garden, *, children: int = 3, goal: int = 12, depth: int = 3) -> str:
    return garden.tree(garden.admin(), shape=Shape(depth, children, 1, goal))


def test_a_tree_grows_from_prompt_to_export_by_the_hands_of_volunteers(garden: Garden) -> None:
    garden.policy(
        max_tree_depth=1,
        max_children_count=2,
        goal_tree_size=3,
        min_goal_tree_size=3,
        num_reviews_initial_prompt=1,
        **RATES_OFF,
    )
    people = [garden.person(f"p{number}") for number in range(9)]
    prompt = task(garden, people[0])
    assert prompt.kind is Kind.INITIAL_PROMPT
    tree_id = send(garden, people[0], prompt, TextAnswer("Why is the sky blue, and not violet?")).message_id or ""
    answers = {
        Kind.LABEL_INITIAL_PROMPT: CLEAN,
        Kind.LABEL_ASSISTANT_REPLY: CLEAN,
        Kind.RANK_ASSISTANT_REPLIES: RankingAnswer([["r0"], ["r1"]]),
    }
    kinds = []
    while garden.load(tree_id).state is not State.READY_FOR_EXPORT:
        person = people[len(kinds) % 8 + 1]
        if given := ask(garden, person):
            kinds.append(given.kind)
            text = TextAnswer(f"Because of how light is scattered, part {len(kinds)} of the answer.")
            send(garden, person, given, answers.get(given.kind, text))
        assert len(kinds) < 50
    tree = garden.load(tree_id)
    assert len(tree.messages) == 3
    assert sorted(message.rank for message in tree.messages.values() if message.rank is not None) == [0, 1]
    garden.check()


def test_asking_again_gives_the_task_in_hand(garden: Garden) -> None:
    garden.policy()
    growing(garden)
    person = garden.person("ann")
    first = task(garden, person, "assistant_reply")
    assert task(garden, person, "assistant_reply").id == first.id
    assert task(garden, person).id == first.id
    assert ask(garden, person, "random", "de") is None or task(garden, person, "random", "de").id != first.id
    assert next(mine.id for mine in tasks.my_tasks(garden.db, person, garden.now)) == first.id


def test_what_is_skipped_never_comes_back_and_is_counted(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden)
    ann, ben = garden.person("ann"), garden.person("ben")
    given = task(garden, ann, "assistant_reply")
    tasks.skip(garden.db, ann, given.id, "not_my_subject", garden.now, garden.rng)
    assert ask(garden, ann, "assistant_reply") is None
    assert garden.load(tree_id).root.emoji_counts() == {"_skip_reply": 1}
    assert task(garden, ben, "assistant_reply").id != given.id
    with pytest.raises(AlreadyAnswered):
        send(garden, ann, given, TextAnswer("Too late for this one."))
    garden.check()


def test_nobody_labels_or_ranks_their_own_nor_replies_twice_to_one_parent(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden)
    ann = garden.person("ann")
    send(garden, ann, task(garden, ann, "assistant_reply"), TextAnswer("The air scatters blue light the most."))
    assert ask(garden, ann, "label_assistant_reply") is None
    assert ask(garden, ann, "assistant_reply") is None
    for name in ("ben", "cleo"):
        other = garden.person(name)
        send(garden, other, task(garden, other, "assistant_reply"), TextAnswer(f"{name} says: because of Rayleigh."))
    for message in list(garden.load(tree_id).messages.values())[1:]:
        garden.review(garden.person(f"reviewer of {message.id}"), message.id)
    moderation.order_tree(garden.db, garden.admin("boss"), tree_id, Command.HALT, garden.now, garden.rng)
    garden.check()


def test_one_free_place_is_given_to_one_person(garden: Garden) -> None:
    garden.policy()
    growing(garden, children=1, goal=3, depth=2)
    ann, ben = garden.person("ann"), garden.person("ben")
    held = task(garden, ann, "assistant_reply")
    assert ask(garden, ben, "assistant_reply") is None
    garden.later(minutes=31)
    again = task(garden, ben, "assistant_reply")
    late = send(garden, ann, held, TextAnswer("I wrote at this for a whole hour, and here it is."))
    assert late.late
    assert not send(garden, ben, again, TextAnswer("And this one is in time, since the place is mine.")).late
    garden.check()


def test_an_expired_lease_counts_as_usual_while_the_place_is_free(garden: Garden) -> None:
    garden.policy()
    growing(garden, children=1, goal=4)
    ann = garden.person("ann")
    held = task(garden, ann, "assistant_reply")
    garden.later(hours=3)
    ask(garden, garden.person("ben"), "initial_prompt")
    assert not send(garden, ann, held, TextAnswer("After three hours, nobody else had taken the place.")).late
    garden.check()


def test_a_late_text_is_kept_but_never_reviewed_or_extended(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden, children=1, goal=4)
    ann, ben, cleo = garden.person("ann"), garden.person("ben"), garden.person("cleo")
    held = task(garden, ann, "assistant_reply")
    garden.later(minutes=31)
    send(garden, ben, task(garden, ben, "assistant_reply"), TextAnswer("Ben was quicker to answer this question."))
    receipt = send(garden, ann, held, TextAnswer("Ann was slower to answer it, but still she did."))
    late = garden.load(tree_id).messages[receipt.message_id or ""]
    assert late.late
    assert late.accepted is None
    assert task(garden, cleo, "label_assistant_reply").thread[-1].text.startswith("Ben")
    garden.check()


def test_a_retry_returns_the_first_receipt_and_changes_nothing(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden)
    ann = garden.person("ann")
    given = task(garden, ann, "assistant_reply")
    answer = TextAnswer("An answer that was on its way when the line broke.")
    first = send(garden, ann, given, answer, "my-id")
    before = garden.load(tree_id)
    assert send(garden, ann, given, answer, "my-id") == first
    assert garden.load(tree_id) == before
    with pytest.raises(IdReused):
        send(garden, ann, given, TextAnswer("Something else under the same id."), "my-id")


def test_a_task_belongs_to_its_holder(garden: Garden) -> None:
    garden.policy()
    growing(garden)
    given = task(garden, garden.person("ann"), "assistant_reply")
    with pytest.raises(NotFound):
        send(garden, garden.person("ben"), given, TextAnswer("Not mine to answer."))


def test_a_refused_text_is_handed_back(garden: Garden) -> None:
    garden.policy(message_max_characters=40)
    tree_id = growing(garden)
    ann = garden.person("ann")
    given = task(garden, ann, "assistant_reply")
    with pytest.raises(TooLong) as refused:
        send(garden, ann, given, TextAnswer("x" * 41))
    assert refused.value.text == "x" * 41
    with pytest.raises(Invalid):
        send(garden, ann, given, TextAnswer(" \n "))
    with pytest.raises(Invalid):
        send(garden, ann, given, TextAnswer("a\x00b"))
    with pytest.raises(WrongAnswer):
        send(garden, ann, given, CLEAN)
    assert len(garden.load(tree_id).messages) == 1
    assert not send(garden, ann, given, TextAnswer("Cafe\u0301 is brought to NFC.")).late
    assert [m.text for m in garden.load(tree_id).messages.values()][1] == "Caf\u00e9 is brought to NFC."


def test_the_same_text_is_not_taken_twice_within_the_window(garden: Garden) -> None:
    garden.policy(duplicate_window_minutes=120)
    growing(garden)
    growing_too = garden.tree(garden.admin("other"), "What is a rainbow made of?")
    ann = garden.person("ann")
    said = TextAnswer("It depends on the light that falls on it.")
    send(garden, ann, task(garden, ann, "assistant_reply"), said)
    given = task(garden, ann, "assistant_reply")
    with pytest.raises(DuplicateText) as refused:
        send(garden, ann, given, said)
    assert refused.value.text == said.text
    garden.later(minutes=121)
    send(garden, ann, given, said)
    assert len(garden.load(growing_too).messages) + 1 >= 2


def test_a_text_in_another_language_is_a_warning_that_can_be_overridden(garden: Garden) -> None:
    garden.policy()
    growing(garden)
    ann = garden.person("ann")
    given = task(garden, ann, "assistant_reply")
    german = "Der Himmel ist blau, weil die Luft das blaue Licht der Sonne viel stärker streut als das rote."
    with pytest.raises(WrongLanguage) as refused:
        send(garden, ann, given, TextAnswer(german))
    assert refused.value.field == "confirm_language"
    assert not send(garden, ann, given, TextAnswer(german, confirm_language=True)).late


@pytest.mark.parametrize("what", ["halted", "deleted"])
def test_what_was_closed_meanwhile_is_stale_and_the_text_comes_back(garden: Garden, what: str) -> None:
    garden.policy()
    tree_id = growing(garden)
    boss = garden.admin("boss")
    ann = garden.person("ann")
    given = task(garden, ann, "assistant_reply")
    if what == "halted":
        moderation.order_tree(garden.db, boss, tree_id, Command.HALT, garden.now, garden.rng)
    else:
        moderation.delete_message(garden.db, boss, tree_id, garden.now, garden.rng)
    with pytest.raises(Stale) as refused:
        send(garden, ann, given, TextAnswer("Written for nothing?"))
    assert refused.value.text == "Written for nothing?"
    garden.check()


def test_labels_are_checked_and_what_is_not_answered_is_absent(garden: Garden) -> None:
    garden.policy(p_full_labeling_review_reply_assistant=1.0, num_reviews_reply=3)
    tree_id = growing(garden)
    reply = garden.reply(garden.person("ann"), tree_id)
    ben = garden.person("ben")
    given = task(garden, ben, "label_assistant_reply")
    for wrong in (
        LabelsAnswer({}),
        LabelsAnswer({"spam": None}),
        LabelsAnswer({"spam": 0.5}),
        LabelsAnswer({"spam": 0, "quality": 0.3}),
        LabelsAnswer({"spam": 0, "political_content": 1}),
        LabelsAnswer({"spam": 0}, ["moral_judgement"]),
    ):
        with pytest.raises(WrongAnswer):
            send(garden, ben, given, wrong)
    send(garden, ben, given, LabelsAnswer({"spam": 0, "quality": 0.75, "toxicity": None}, ["pii"]))
    (review,) = garden.load(tree_id).messages[reply].reviews
    assert review.labels == {
        "spam": 0, "quality": 0.75, "toxicity": None, "pii": 1, "hate_speech": 0, "sexual_content": 0,
        "not_appropriate": 0,
    }  # fmt: skip


def test_an_order_names_every_reply_once_and_may_tie_them(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden, children=2, goal=3, depth=1)
    for name in ("ann", "ben"):
        garden.accepted_reply(garden.person(name), garden.person(f"reviewer of {name}"), tree_id, f"{name} answers.")
    cleo = garden.person("cleo")
    given = task(garden, cleo, "rank_assistant_replies")
    for wrong in ([["r0"]], [["r0"], ["r0"]], [["r0"], ["r2"]], [["r0"], [], ["r1"]]):
        with pytest.raises(WrongAnswer):
            send(garden, cleo, given, RankingAnswer(wrong))
    send(garden, cleo, given, RankingAnswer([["r1", "r0"]]))
    assert garden.load(tree_id).state is State.READY_FOR_EXPORT
    garden.check()


def test_limits_of_one_person_say_how_long_to_wait(garden: Garden) -> None:
    garden.policy(rate_tasks="2/4", max_pending_tasks_per_user=8)
    growing(garden)
    ann = garden.person("ann")
    for _ in range(2):
        given = task(garden, ann, "assistant_reply")
        tasks.skip(garden.db, ann, given.id, "other", garden.now, garden.rng)
        garden.tree(garden.admin(f"admin {garden.now}"))
    with pytest.raises(RateLimited) as refused:
        ask(garden, ann, "assistant_reply")
    assert refused.value.detail.startswith("At most 2 tasks in 4 minutes; ")
    assert 0 < (refused.value.retry_after_s or 0) <= 240
    garden.later(seconds=refused.value.retry_after_s or 0)
    assert ask(garden, ann, "assistant_reply") is not None


def test_nobody_hoards_tasks(garden: Garden) -> None:
    garden.policy(max_pending_tasks_per_user=2, **RATES_OFF)
    growing(garden)
    ann = garden.person("ann")
    task(garden, ann, "assistant_reply")
    task(garden, ann, "initial_prompt")
    with pytest.raises(TooManyOpenTasks):
        ask(garden, ann, "label_initial_prompt")


def test_availability_counts_what_this_person_could_get_and_changes_nothing(garden: Garden) -> None:
    garden.policy()
    ann = garden.person("ann")
    fresh = tasks.availability(garden.db, ann, ["en"], garden.now)["en"]
    assert (fresh["initial_prompt"], fresh["random"]) == (110, 110)
    send(garden, ann, task(garden, ann), TextAnswer("A first prompt in an empty campaign."))
    mine = tasks.availability(garden.db, ann, ["en"], garden.now)["en"]
    others = tasks.availability(garden.db, garden.person("ben"), ["en"], garden.now)["en"]
    assert (mine["initial_prompt"], mine["label_initial_prompt"], mine["random"]) == (109, 0, 109)
    assert (others["label_initial_prompt"], others["random"]) == (1, 110)


def test_a_language_without_new_prompts_gives_none(garden: Garden) -> None:
    garden.policy(init_prompt_disabled_langs=["en"])
    ann = garden.person("ann")
    assert ask(garden, ann, "initial_prompt") is None
    assert ask(garden, ann) is None
    assert task(garden, ann, "random", "en", "de").lang == "de"


def test_one_person_cannot_write_a_whole_tree_where_their_share_is_capped(garden: Garden) -> None:
    garden.policy(max_share_of_tree=0.25, **RATES_OFF)
    tree_id = growing(garden, goal=8)
    ann = garden.person("ann")
    send(garden, ann, task(garden, ann, "assistant_reply"), TextAnswer("My first reply in this conversation."))
    mine = garden.load(tree_id)
    reply = list(mine.messages.values())[1]
    garden.review(garden.person("ben"), reply.id)
    send(garden, ann, task(garden, ann, "prompter_reply"), TextAnswer("And could you say more about it?"))
    garden.reply(garden.person("cleo"), tree_id, "Another answer to the question.")
    garden.review(garden.person("dan"), list(garden.load(tree_id).messages.values())[2].id)
    assert ask(garden, ann, "assistant_reply") is None
    assert ask(garden, garden.person("eve"), "assistant_reply") is not None


def test_an_own_message_is_a_parent_only_when_there_is_no_other(garden: Garden) -> None:
    garden.policy()
    ann = garden.admin("ann")
    own = garden.tree(ann, "A prompt of my own.")
    assert task(garden, ann, "assistant_reply").thread[0].text == "A prompt of my own."
    other = garden.admin("ben")
    garden.tree(other, "A prompt of somebody else.")
    cleo = garden.admin("cleo")
    garden.tree(cleo, "Cleo's own prompt.")
    for _ in range(2):
        given = task(garden, cleo, "assistant_reply")
        assert given.thread[0].text != "Cleo's own prompt."
        tasks.skip(garden.db, cleo, given.id, "other", garden.now, garden.rng)
    assert task(garden, cleo, "assistant_reply").thread[0].text == "Cleo's own prompt."
    assert garden.load(own).state is State.GROWING


def test_a_task_shows_texts_and_nothing_of_who_wrote_them(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden)
    ann = garden.person("ann")
    reply = garden.reply(ann, tree_id)
    shown = str(task(garden, garden.person("ben"), "label_assistant_reply"))
    assert reply not in shown
    assert ann.id not in shown
    assert tree_id not in shown


def take_back(garden: Garden, person: Person, client_id: str) -> None:
    undo.withdraw(garden.db, person, client_id, garden.later(seconds=1), garden.rng)


def test_a_reply_can_be_taken_back_and_written_again(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden)
    before = garden.load(tree_id)
    ann = garden.person("ann")
    given = task(garden, ann, "assistant_reply")
    said = TextAnswer("With a tpyo, which I saw at once.")
    send(garden, ann, given, said, "first")
    take_back(garden, ann, "first")
    take_back(garden, ann, "first")
    assert garden.load(tree_id) == before
    assert task(garden, ann, "assistant_reply").id == given.id
    with pytest.raises(IdReused):
        send(garden, ann, given, said, "first")
    send(garden, ann, given, said, "second")
    garden.check()


def test_a_prompt_can_be_taken_back(garden: Garden) -> None:
    garden.policy()
    ann = garden.person("ann")
    given = task(garden, ann, "initial_prompt")
    tree_id = send(garden, ann, given, TextAnswer("A prompt that I regret."), "first").message_id or ""
    take_back(garden, ann, "first")
    with pytest.raises(NotFound):
        garden.load(tree_id)
    garden.check()


def test_a_review_that_decided_can_be_taken_back(garden: Garden) -> None:
    garden.policy(num_reviews_reply=2)
    tree_id = growing(garden)
    reply = garden.reply(garden.person("ann"), tree_id)
    garden.review(garden.person("ben"), reply)
    cleo = garden.person("cleo")
    send(garden, cleo, task(garden, cleo, "label_assistant_reply"), SPAM, "oops")
    assert garden.load(tree_id).messages[reply].accepted is False
    take_back(garden, cleo, "oops")
    assert garden.load(tree_id).messages[reply].accepted is None
    garden.check()


def test_what_others_have_built_on_stays(garden: Garden) -> None:
    garden.policy()
    tree_id = growing(garden)
    ann, ben, cleo = garden.person("ann"), garden.person("ben"), garden.person("cleo")
    send(garden, ann, task(garden, ann, "assistant_reply"), TextAnswer("A reply that will be reviewed."), "reply")
    send(garden, ben, task(garden, ben, "label_assistant_reply"), CLEAN, "review")
    with pytest.raises(BuiltOn):
        take_back(garden, ann, "reply")
    send(garden, cleo, task(garden, cleo, "prompter_reply"), TextAnswer("And then?"), "further")
    with pytest.raises(BuiltOn):
        take_back(garden, ben, "review")
    assert len(garden.load(tree_id).messages) == 3
    garden.check()


def test_the_time_for_taking_back_ends(garden: Garden) -> None:
    garden.policy(undo_seconds=60)
    growing(garden)
    ann = garden.person("ann")
    receipt = send(garden, ann, task(garden, ann, "assistant_reply"), TextAnswer("I stand by what I said."), "reply")
    assert receipt.undo_until - garden.now == timedelta(seconds=60)
    garden.later(seconds=61)
    with pytest.raises(BuiltOn):
        take_back(garden, ann, "reply")
    with pytest.raises(NotFound):
        take_back(garden, garden.person("ben"), "reply")
