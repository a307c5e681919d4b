"""The practice before the first task of a kind."""

from collections.abc import Iterator

import pytest

from campaigns import REPLIES, World, well
from espalier.domain.work import LESSON_OF, Kind
from espalier.store.practice import Outcome, practised_by
from espalier.web.lessons import lesson
from visits import Visitor, form_of, visit

LANGUAGES = ("en", "de", "es", "ko", "ar")
EXERCISES = lesson(Kind.LABEL_ASSISTANT_REPLY, "en").exercises
RIGHT = {f"answer-{place}": str(each.right) for place, each in enumerate(EXERCISES)}
WRONG = {**RIGHT, "answer-0": str(1 - EXERCISES[0].right)}
KIND = "label_assistant_reply"


@pytest.fixture
def newcomer(small_campaign: World) -> Iterator[Visitor]:
    small_campaign.person("nora", has_practised=False)
    with visit(small_campaign, "nora") as visitor:
        yield visitor


def first_review(visitor: Visitor) -> None:
    visitor.world.tree()
    visitor.world.ada.write("assistant_reply", REPLIES[0])
    visitor.take(KIND)


def outcome(visitor: Visitor) -> Outcome | None:
    with visitor.world.database.read() as db:
        return practised_by(db, visitor.world.person("nora").id).get("review")


def test_the_first_task_of_a_kind_comes_after_its_practice_and_the_second_does_not(newcomer: Visitor) -> None:
    first_review(newcomer)
    assert newcomer.page.url.path == f"/practice/{KIND}"
    checked = newcomer.send(f"/practice/{KIND}", **RIGHT)
    assert "All answers are right." in checked.text
    assert outcome(newcomer) is Outcome.PASSED
    onward = checked.text.split('class="button primary" href="')[1].split('"')[0].replace("&amp;", "&")
    newcomer.get(onward)
    assert newcomer.page.url.path.startswith("/tasks/")
    newcomer.send("/labels", spam="0")
    assert "Submitted." in newcomer.get("/practice/rank_assistant_replies").text, "the next task may have one, too"
    newcomer.world.ben.write("assistant_reply", REPLIES[1])
    newcomer.take(KIND)
    assert newcomer.page.url.path.startswith("/tasks/")


def test_every_question_is_explained_and_a_wrong_answer_may_still_go_on(newcomer: Visitor) -> None:
    first_review(newcomer)
    checked = newcomer.send(f"/practice/{KIND}", **WRONG)
    for each in EXERCISES:
        assert each.why.split("’")[0].split("“")[0] in checked.text
    assert "Not quite" in checked.text
    assert "On to the task" in checked.text
    assert outcome(newcomer) is Outcome.TRIED


def test_it_can_be_skipped_and_is_not_shown_again(newcomer: Visitor) -> None:
    first_review(newcomer)
    newcomer.send(f"/practice/{KIND}", do="skip")
    assert newcomer.page.url.path.startswith("/tasks/")
    assert outcome(newcomer) is Outcome.SKIPPED


def test_an_organiser_may_require_that_it_is_passed(newcomer: Visitor) -> None:
    newcomer.world.policy(practice_required=True)
    first_review(newcomer)
    assert ("do", "skip") not in form_of(newcomer.page, f"/practice/{KIND}").offered
    assert "On to the task" not in newcomer.send(f"/practice/{KIND}", **WRONG).text
    assert newcomer.send(f"/practice/{KIND}", do="skip").status_code == 403
    newcomer.take(KIND)
    assert newcomer.page.url.path == f"/practice/{KIND}"
    assert "On to the task" in newcomer.send(f"/practice/{KIND}", **RIGHT).text


def test_until_it_is_passed_no_answer_is_taken_from_programs_either(newcomer: Visitor) -> None:
    world, nora = newcomer.world, newcomer.world.person("nora")
    world.policy(practice_required=True)
    world.tree()
    task = nora.task("assistant_reply")
    sent = {"id": "first", "text": REPLIES[0]}
    refused = nora.post(f"/tasks/{task['id']}/submit", sent)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (403, "practice-first")
    assert refused.json()["text"] == REPLIES[0]
    newcomer.get("/practice/assistant_reply")
    answers = lesson(Kind.ASSISTANT_REPLY, "en").exercises
    newcomer.send("/practice/assistant_reply", **{f"answer-{at}": str(each.right) for at, each in enumerate(answers)})
    well(nora.post(f"/tasks/{task['id']}/submit", sent))


def test_a_form_that_comes_before_the_practice_is_passed_is_handed_back_whole(newcomer: Visitor) -> None:
    newcomer.world.tree()
    newcomer.take("assistant_reply")
    newcomer.send("/practice/assistant_reply", do="skip")
    newcomer.world.policy(practice_required=True)
    page = newcomer.send("/text", text=REPLIES[0])
    assert page.status_code == 403
    assert "practice is to be passed" in page.text
    assert REPLIES[0] in form_of(page, "/text").filled()["text"][0]


def test_an_unanswered_question_is_asked_for_and_the_other_answers_stay(newcomer: Visitor) -> None:
    first_review(newcomer)
    page = newcomer.send(f"/practice/{KIND}", **{"answer-1": RIGHT["answer-1"]})
    assert page.status_code == 422
    assert ("answer-1", RIGHT["answer-1"]) in form_of(page, f"/practice/{KIND}").fields
    assert outcome(newcomer) is None


def test_what_was_passed_once_stays_passed(newcomer: Visitor) -> None:
    newcomer.get(f"/practice/{KIND}")
    newcomer.send(f"/practice/{KIND}", **RIGHT)
    newcomer.get(f"/practice/{KIND}")
    newcomer.send(f"/practice/{KIND}", **WRONG)
    assert outcome(newcomer) is Outcome.PASSED


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_practised_again_without_a_task(newcomer: Visitor, kind: Kind) -> None:
    page = newcomer.get(f"/practice/{kind}")
    assert page.status_code == 200
    assert "/tasks/" not in form_of(page, f"/practice/{kind}").filled().get("task", [""])[0]
    assert newcomer.get("/practice/nonsense").status_code == 404


def test_it_is_in_the_language_of_the_task_and_in_english_where_it_is_not_written_in_that(newcomer: Visitor) -> None:
    assert lesson(Kind.INITIAL_PROMPT, "ar").lang == "ar"
    assert lesson(Kind.INITIAL_PROMPT, "pt-BR").lang == "en"
    assert lesson(Kind.INITIAL_PROMPT, "de-AT").lang == "de"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", Kind)
def test_every_practice_is_whole_in_every_language(lang: str, kind: Kind) -> None:
    written, english = lesson(kind, lang), lesson(kind, "en")
    assert written.lang == lang
    assert (len(written.exercises), [each.right for each in written.exercises]) == (
        len(english.exercises), [each.right for each in english.exercises],
    )  # fmt: skip
    for each, model in zip(written.exercises, english.exercises, strict=True):
        assert len(each.options) == len(model.options) > each.right
        assert [turn.role for turn in each.thread] == [turn.role for turn in model.thread]
        assert all([each.ask, each.why, *each.options, *(turn.text for turn in each.thread)])
    assert LESSON_OF[kind] == written.name


def test_purging_somebody_forgets_what_they_practised(newcomer: Visitor) -> None:
    newcomer.get(f"/practice/{KIND}")
    newcomer.send(f"/practice/{KIND}", **RIGHT)
    world = newcomer.world
    well(world.warden.post(f"/people/{world.person('nora').id}/purge", {"preview": False}))
    world.work()
    assert outcome(newcomer) is None
