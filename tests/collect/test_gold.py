"""Gold tasks: nobody can tell them from reviews, they change no tree, and they show who reviews carelessly."""

from collections import Counter
from dataclasses import fields, replace
from typing import Any

import pytest
from sqlalchemy import func, select

from espalier.collect import accounts, contributions, erasure, gold, moderation, tasks, undo
from espalier.collect.answers import LabelsAnswer, TextAnswer
from espalier.collect.contributions import Receipt
from espalier.collect.gold import Reviewer
from espalier.collect.jobs import run_jobs
from espalier.domain.errors import (
    AlreadyAnswered,
    BuiltOn,
    IdReused,
    Invalid,
    NotAllowed,
    NotFound,
    RateLimited,
    Stale,
    TooManyOpenTasks,
    WrongAnswer,
    WrongState,
)
from espalier.domain.points import Counts
from espalier.domain.tree import Shape, State
from espalier.domain.work import Task
from espalier.store import boards, tables
from espalier.store.contributed import contributed
from espalier.store.gold import marked
from espalier.store.people import Person
from gardens import Garden

ALWAYS = {"gold_task_share": 1.0, "rate_tasks": None}
RIGHT = {"spam": 0.0, "lang_mismatch": 0.0, "quality": 0.75}
GOOD = LabelsAnswer({"spam": 0.0, "lang_mismatch": 0.0, "quality": 1.0}, ())
CARELESS = LabelsAnswer({"spam": 1.0, "lang_mismatch": 0.0, "quality": 0.0}, ())
KIND = "label_assistant_reply"
KNOWN_TEXT, NEW_TEXT = "An answer that everybody has judged.", "An answer that is new."


class World:
    """A decided reply that is gold, and a new one that wants a review; ann has to do with neither."""

    def __init__(self, garden: Garden, **policy: object) -> None:
        self.garden = garden
        garden.policy(**{**ALWAYS, **policy})
        self.chief, self.writer, self.ann = garden.admin(), garden.person("writer"), garden.person("ann")
        self.tree_id = garden.tree(self.chief, shape=Shape(1, 9, 1, 10))
        self.known = garden.accepted_reply(self.writer, self.chief, self.tree_id, KNOWN_TEXT)
        self.new = garden.reply(self.chief, self.tree_id, NEW_TEXT)
        self.mark()

    def mark(self, message_id: str | None = None) -> None:
        gold.mark(self.garden.db, self.chief, message_id or self.known, RIGHT, self.garden.later(seconds=1))

    def ask(self, person: Person, kind: str = KIND) -> Task | None:
        garden = self.garden
        return tasks.next_task(garden.db, person, tasks.Ask(kind, ("en",)), garden.later(seconds=1), garden.rng)

    def task(self, person: Person, kind: str = KIND) -> Task:
        found = self.ask(person, kind)
        assert found is not None
        return found

    def send(self, person: Person, task: Task, answer: LabelsAnswer = GOOD, client_id: str = "sent") -> Receipt:
        garden = self.garden
        return contributions.submit(
            garden.db, person, task.id, client_id, answer, garden.later(seconds=1), garden.rng
        )  # fmt: skip

    def withdraw(self, person: Person, client_id: str = "sent") -> None:
        undo.withdraw(self.garden.db, person, client_id, self.garden.later(seconds=1), self.garden.rng)

    def earned(self, person: Person) -> Counts:
        return boards.counts_of(self.garden.db, person.id, self.garden.now.date())

    def count(self, table: Any) -> int:
        return int(self.garden.db.execute(select(func.count()).select_from(table)).scalar_one())


def text_of(task: Task) -> str:
    return task.thread[-1].text


def test_a_gold_task_looks_like_any_other_review(garden: Garden) -> None:
    world = World(garden)
    ben = garden.person("ben")
    handed = world.task(world.ann)
    garden.policy(**{**ALWAYS, "gold_task_share": 0.0})
    ordinary = world.task(ben)
    assert (text_of(handed), text_of(ordinary)) == (KNOWN_TEXT, NEW_TEXT)
    for field in fields(Task):
        if field.name not in ("id", "thread", "expires_at"):
            assert getattr(handed, field.name) == getattr(ordinary, field.name), field.name
    assert [replace(turn, text="") for turn in handed.thread] == [replace(turn, text="") for turn in ordinary.thread]
    receipts = world.send(world.ann, handed), world.send(ben, ordinary)
    one, other = (replace(receipt, task_id="", undo_until=garden.now) for receipt in receipts)
    assert one == other


def test_the_answer_is_compared_and_kept_and_changes_no_tree(garden: Garden) -> None:
    world = World(garden)
    before = garden.load(world.tree_id)
    world.send(world.ann, world.task(world.ann), CARELESS)
    assert garden.load(world.tree_id) == before
    (row,) = garden.db.execute(select(tables.gold_answers)).all()
    assert (row.person_id, row.message_id, row.agreed, row.asked) == (world.ann.id, world.known, 1, 3)
    garden.check()


def test_it_earns_what_a_review_earns_and_stands_among_what_was_contributed(garden: Garden) -> None:
    world = World(garden, p_full_labeling_review_reply_assistant=1.0)
    world.send(world.ann, world.task(world.ann))
    garden.policy(p_full_labeling_review_reply_assistant=1.0)
    ben = garden.person("ben")
    world.send(ben, world.task(ben))
    assert world.earned(world.ann) == world.earned(ben) == Counts(labels_full=1)
    mine, other = (contributed(garden.db, person.id, 10)[0] for person in (world.ann, ben))
    assert (mine.kind, mine.said, mine.late) == (other.kind, other.said, other.late)
    assert (mine.message_id, other.message_id) == (world.known, world.new)


def test_nobody_is_asked_about_what_they_wrote_reviewed_skipped_or_marked(garden: Garden) -> None:
    world = World(garden, gold_task_share=0.0)
    reviewer, skipper, marker = garden.person("rita"), garden.person("sven"), garden.moderator()
    skipped = world.task(skipper)
    assert text_of(skipped) == NEW_TEXT
    tasks.skip(garden.db, skipper, skipped.id, "other", garden.now, garden.rng)
    garden.review(reviewer, world.new)
    gold.unmark(garden.db, world.chief, world.known, garden.now)
    gold.mark(garden.db, marker, world.new, RIGHT, garden.now)
    garden.policy(**ALWAYS)
    garden.reply(garden.person("last"), world.tree_id, "To be reviewed.")
    for person in (world.chief, reviewer, skipper, marker):
        handed = world.task(person)
        assert text_of(handed) == "To be reviewed.", person.name
        tasks.skip(garden.db, person, handed.id, "cannot_judge", garden.now, garden.rng)
    assert text_of(world.task(world.ann)) == NEW_TEXT


def test_who_still_has_a_task_to_review_it_is_not_asked_a_second_time(garden: Garden) -> None:
    world = World(garden, gold_task_share=0.0)
    held = world.task(world.ann)
    garden.review(garden.person("rita"), world.new)
    garden.later(hours=1)
    world.mark(world.new)
    gold.unmark(garden.db, world.chief, world.known, garden.now)
    garden.policy(**ALWAYS)
    garden.reply(garden.person("last"), world.tree_id, "To be reviewed.")
    assert text_of(world.task(world.ann)) == "To be reviewed."
    assert world.send(world.ann, held).late


def test_one_is_handed_out_only_where_a_review_of_that_kind_is_wanted(garden: Garden) -> None:
    world = World(garden)
    garden.review(garden.person("rita"), world.new)
    assert tasks.availability(garden.db, world.ann, ["en"], garden.now)["en"][KIND] == 0
    assert world.ask(world.ann) is None
    assert world.ask(world.ann, "label_prompter_reply") is None


def test_nobody_is_asked_twice_about_the_same(garden: Garden) -> None:
    world = World(garden)
    world.send(world.ann, world.task(world.ann))
    assert text_of(world.task(world.ann)) == NEW_TEXT


def test_the_share_decides_how_often(garden: Garden) -> None:
    world = World(garden, gold_task_share=0.3)
    texts: Counter[str] = Counter()
    for number in range(40):
        person = garden.person(f"p{number}")
        handed = world.task(person)
        texts[text_of(handed)] += 1
        tasks.skip(garden.db, person, handed.id, "cannot_judge", garden.now, garden.rng)
    assert 4 <= texts[KNOWN_TEXT] <= 20
    assert texts[KNOWN_TEXT] + texts[NEW_TEXT] == 40


def test_random_hands_it_out_as_well_and_asking_again_gives_the_same(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann, KIND)
    assert world.task(world.ann, "random") == handed
    assert world.task(world.ann) == handed
    assert [each.id for each in tasks.my_tasks(garden.db, world.ann, garden.now)] == [handed.id]
    garden.check()


def test_it_holds_no_place_and_counts_as_an_open_task_and_against_the_rate(garden: Garden) -> None:
    world = World(garden, max_pending_tasks_per_user=1, rate_tasks="2/4")
    handed = world.task(world.ann)
    assert text_of(world.task(garden.person("ben"), "random")) in (KNOWN_TEXT, NEW_TEXT)
    with pytest.raises(TooManyOpenTasks):
        world.ask(world.ann, "assistant_reply")
    world.send(world.ann, handed)
    world.task(world.ann)
    world.send(world.ann, world.task(world.ann), client_id="second")
    with pytest.raises(RateLimited):
        world.ask(world.ann)
    garden.check()


def test_one_that_ran_out_can_still_be_answered_and_comes_again_as_the_same_task(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann)
    garden.later(hours=1)
    assert tasks.my_tasks(garden.db, world.ann, garden.now) == []
    again = world.task(world.ann)
    assert (again.id, text_of(again)) == (handed.id, KNOWN_TEXT)
    garden.later(hours=1)
    assert not world.send(world.ann, handed).late
    garden.check()


def test_one_that_is_skipped_never_comes_back_and_blames_nobody(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann)
    tasks.skip(garden.db, world.ann, handed.id, "cannot_judge", garden.now, garden.rng)
    assert garden.load(world.tree_id).messages[world.known].emoji_counts() == {}
    skipped = contributed(garden.db, world.ann.id, 1)[0]
    assert (skipped.kind, skipped.said) == ("skipped", {"what": "labeling", "reason": "cannot_judge"})
    assert text_of(world.task(world.ann)) == NEW_TEXT
    assert gold.reviewers(garden.db) == []
    with pytest.raises(AlreadyAnswered):
        world.send(world.ann, handed)


def test_sent_twice_it_is_one_answer_with_one_receipt(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann)
    first = world.send(world.ann, handed)
    assert world.send(world.ann, handed) == first
    with pytest.raises(IdReused):
        world.send(world.ann, handed, CARELESS)
    with pytest.raises(AlreadyAnswered):
        world.send(world.ann, handed, client_id="other")
    assert world.count(tables.gold_answers) == 1
    assert world.earned(world.ann) == Counts(labels_full=1)


def test_taken_back_it_leaves_nothing_and_can_be_answered_again(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann)
    world.send(world.ann, handed, CARELESS)
    world.withdraw(world.ann)
    assert world.earned(world.ann) == Counts()
    assert (world.count(tables.gold_answers), contributed(garden.db, world.ann.id, 9)) == (0, [])
    world.withdraw(world.ann)
    assert world.task(world.ann).id == handed.id
    with pytest.raises(IdReused):
        world.send(world.ann, handed, CARELESS)
    world.send(world.ann, handed, GOOD, "again")
    garden.later(seconds=61)
    with pytest.raises(BuiltOn):
        world.withdraw(world.ann, "again")
    assert [(each.agreed, each.labels) for each in gold.reviewers(garden.db)] == [(3, 3)]


def test_an_answer_that_does_not_fit_is_refused_as_for_any_review(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann)
    for answer in (LabelsAnswer({"spam": None}), LabelsAnswer({"spam": 0.0, "beauty": 1.0}), LabelsAnswer({})):
        with pytest.raises(WrongAnswer):
            world.send(world.ann, handed, answer)
    with pytest.raises(WrongAnswer):
        world.send(world.ann, handed, TextAnswer("A text."))  # type: ignore[arg-type]
    assert world.count(tables.gold_answers) == 0
    with pytest.raises(NotFound):
        world.send(garden.person("ben"), handed)


def test_a_removed_message_is_asked_of_nobody_and_its_task_is_stale(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann)
    moderation.delete_message(garden.db, world.chief, world.known, garden.now, garden.rng)
    with pytest.raises(Stale):
        world.send(world.ann, handed)
    with pytest.raises(Stale):
        tasks.skip(garden.db, world.ann, handed.id, "other", garden.now, garden.rng)
    assert text_of(world.task(garden.person("ben"))) == NEW_TEXT
    garden.check()


def test_a_mark_taken_off_meanwhile_spares_the_answer(garden: Garden) -> None:
    world = World(garden)
    handed = world.task(world.ann)
    gold.unmark(garden.db, world.chief, world.known, garden.now)
    world.send(world.ann, handed, CARELESS)
    assert gold.reviewers(garden.db) == []
    assert world.earned(world.ann) == Counts(labels_full=1)


def test_staff_mark_list_correct_and_unmark(garden: Garden) -> None:
    world = World(garden)
    (listed,) = marked(garden.db, 10)
    assert (listed.known.message_id, listed.known.kind, listed.known.lang) == (world.known, KIND, "en")
    assert dict(listed.known.answers) == RIGHT
    gold.mark(garden.db, world.chief, world.known, {"spam": 1.0}, garden.later(seconds=1))
    world.send(world.ann, world.task(world.ann), CARELESS)
    (listed,) = marked(garden.db, 10)
    assert dict(listed.known.answers) == {"spam": 1.0}
    assert (listed.people, listed.agreement.agreed, listed.agreement.asked) == (1, 1, 1)
    gold.mark(garden.db, world.chief, world.tree_id, RIGHT, garden.later(seconds=1))
    first, second = marked(garden.db, 10)
    assert (first.known.message_id, first.known.kind) == (world.tree_id, "label_initial_prompt")
    before, after = first.place
    assert marked(garden.db, 10, before=before, after=after) == [second]
    gold.unmark(garden.db, world.chief, world.known, garden.now)
    assert [each.known.message_id for each in marked(garden.db, 10)] == [world.tree_id]
    with pytest.raises(NotFound):
        gold.unmark(garden.db, world.chief, world.known, garden.now)


def test_only_staff_mark_and_only_what_is_decided_and_there(garden: Garden) -> None:
    world = World(garden)
    for use_case in (gold.mark, gold.unmark):
        arguments = (world.known, RIGHT) if use_case is gold.mark else (world.known,)
        with pytest.raises(NotAllowed):
            use_case(garden.db, world.ann, *arguments, garden.now)  # type: ignore[operator]
    with pytest.raises(WrongState):
        world.mark(world.new)
    with pytest.raises(NotFound):
        world.mark("nothing")
    with pytest.raises(Invalid):
        gold.mark(garden.db, world.chief, world.known, {"quality": 1.0}, garden.now)
    moderation.delete_message(garden.db, world.chief, world.known, garden.now, garden.rng)
    with pytest.raises(WrongState):
        world.mark()


def test_staff_see_who_reviews_carelessly_the_surest_first(garden: Garden) -> None:
    world = World(garden)
    known = [world.known]
    for number in range(4):
        known.append(garden.accepted_reply(garden.person(f"w{number}"), world.chief, world.tree_id, f"Text {number}."))
        world.mark(known[-1])
    careless, careful, new = garden.person("careless"), garden.person("careful"), garden.person("new")
    for number in range(5):
        world.send(careless, world.task(careless), CARELESS, f"c{number}")
        world.send(careful, world.task(careful), GOOD, f"g{number}")
    world.send(new, world.task(new), CARELESS)
    found = gold.reviewers(garden.db)
    assert [each.name for each in found] == ["careless", "new", "careful"]
    assert found[0] == Reviewer(
        careless.id, "careless", 5, 15, 5, pytest.approx(1 / 3), pytest.approx(0.1518, abs=1e-4),
        pytest.approx(0.5829, abs=1e-4),
    )  # fmt: skip
    assert (found[2].agreed, found[2].share, found[2].high) == (15, 1.0, 1.0)


def test_whoever_is_purged_or_leaves_takes_these_answers_along(garden: Garden) -> None:
    world = World(garden)
    ben = garden.person("ben")
    for person in (world.ann, ben):
        world.send(person, world.task(person))
    erasure.purge(garden.db, world.chief, world.ann.id, garden.now, garden.rng)
    erasure.close_account(garden.db, ben, ben.id, garden.now, garden.rng)
    garden.check()
    while run_jobs(garden.call, garden.now, garden.rng):
        garden.check()
    assert world.count(tables.gold_answers) == 0
    kinds = garden.db.execute(select(tables.contributions.c.kind)).scalars().all()
    assert "gold" not in kinds


def test_a_purged_author_takes_the_mark_along(garden: Garden) -> None:
    world = World(garden)
    world.send(world.ann, world.task(world.ann))
    erasure.purge(garden.db, world.chief, world.writer.id, garden.now, garden.rng)
    while run_jobs(garden.call, garden.now, garden.rng):
        garden.check()
    assert (marked(garden.db, 10), gold.reviewers(garden.db)) == ([], [])
    assert world.earned(world.ann) == Counts(labels_full=1)


def test_a_ban_ends_one_like_any_task(garden: Garden) -> None:
    world = World(garden)
    world.task(world.ann)
    accounts.ban(garden.db, world.chief, world.ann.id, garden.now)
    assert tasks.my_tasks(garden.db, world.ann, garden.now) == []
    assert garden.load(world.tree_id).state is State.GROWING
    garden.check()


def test_without_a_share_handing_out_asks_the_database_nothing_more(
    garden: Garden, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(garden, gold_task_share=0.0)
    asked: list[object] = []
    monkeypatch.setattr("espalier.store.gold.unasked", lambda *given: asked.append(given))
    assert text_of(world.task(world.ann)) == NEW_TEXT
    assert asked == []
