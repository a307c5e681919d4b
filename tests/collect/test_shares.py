"""Who gets how much: shares of one person, of a kind in a short time, and of each language in the lottery."""

from collections import Counter

import pytest

from espalier.collect import tasks, undo
from espalier.collect.answers import TextAnswer
from espalier.collect.contributions import submit
from espalier.collect.leaderboard import streaks
from espalier.collect.lottery import fill_places
from espalier.domain.errors import RateLimited
from espalier.domain.tree import Shape, State
from espalier.domain.work import Kind, Task
from espalier.store import boards, languages, work
from espalier.store.people import Person
from gardens import Garden

RATES_OFF = {"rate_tasks": None, "rate_assistant_replies": None, "rate_prompter_replies": None}
DAY_S = 24 * 60 * 60


def ask(garden: Garden, person: Person, kind: str = "random", *langs: str) -> Task | None:
    return tasks.next_task(garden.db, person, tasks.Ask(kind, langs or ("en",)), garden.later(seconds=1), garden.rng)


def write(garden: Garden, person: Person, kind: str, text: str) -> Task:
    given = ask(garden, person, kind)
    assert given is not None
    submit(garden.db, person, given.id, given.id, TextAnswer(text, True), garden.later(seconds=1), garden.rng)
    return given


def availability(garden: Garden, person: Person, lang: str = "en") -> dict[str, int]:
    return tasks.availability(garden.db, person, [lang], garden.now)[lang]


# --- one person ---


def test_what_somebody_has_in_hand_counts_towards_their_share_of_a_tree(garden: Garden) -> None:
    garden.policy(max_share_of_tree=0.25, **RATES_OFF)
    chief = garden.admin()
    tree_id = garden.tree(chief, shape=Shape(4, 3, 1, 8))
    reviewer, ann = garden.person("reviewer"), garden.person("ann")
    answer = garden.accepted_reply(garden.person("ben"), reviewer, tree_id, "Ben's answer.")
    garden.accepted_reply(ann, reviewer, answer, "Ann asks on.")
    assert ask(garden, ann, "assistant_reply") is not None, "the second of eight is a quarter"
    garden.accepted_reply(garden.person("cleo"), reviewer, tree_id, "Cleo's answer.")
    assert ask(garden, ann, "prompter_reply") is None, "the third would be more, whether the second is sent yet or not"
    assert availability(garden, ann)["prompter_reply"] == 0
    assert availability(garden, garden.person("dan"))["prompter_reply"] == 1


def test_nobody_writes_more_than_their_share_of_a_languages_week(garden: Garden) -> None:
    garden.policy(max_share_of_language_week=0.5, **RATES_OFF)
    ann, ben = garden.person("ann"), garden.person("ben")
    write(garden, ann, "initial_prompt", "The first message of all is always free.")
    assert ask(garden, ann, "initial_prompt") is None
    assert ask(garden, ann) is None
    shown = availability(garden, ann)
    assert (shown["initial_prompt"], shown["random"]) == (0, 0)
    assert availability(garden, ann, "de")["initial_prompt"] > 0, "another language has a week of its own"
    for number in range(2):
        write(garden, ben, "initial_prompt", f"Prompt {number} by Ben.")
        ben = garden.person("dan")
    assert ask(garden, ann, "initial_prompt") is not None, "two of four"


def test_what_somebody_has_in_hand_counts_towards_their_share_of_a_languages_week(garden: Garden) -> None:
    garden.policy(max_share_of_language_week=0.5, **RATES_OFF)
    ann = garden.person("ann")
    write(garden, garden.person("ben"), "initial_prompt", "Ben writes the first message.")
    garden.tree(garden.admin(), "A tree that takes replies.")
    assert ask(garden, ann, "initial_prompt") is not None
    assert ask(garden, ann, "assistant_reply") is not None, "two of four"
    garden.later(minutes=29)
    assert availability(garden, ann)["initial_prompt"] == 0, "three of five would be more than half"
    garden.later(minutes=2)
    assert availability(garden, ann)["initial_prompt"] > 0, "what has run out is in hand no more"


# --- a short time ---


def test_random_leaves_out_kinds_of_which_somebody_had_enough_for_now(garden: Garden) -> None:
    garden.policy(rate_assistant_replies="2/2", rate_prompter_replies=None, init_prompt_disabled_langs=["en"])
    chief = garden.admin()
    trees = [garden.tree(chief, f"Question {number}?") for number in range(4)]
    ann, ben = garden.person("ann"), garden.person("ben")
    for number in range(2):
        write(garden, ann, "random", f"Answer {number}.")
    with pytest.raises(RateLimited) as refused:
        ask(garden, ann)
    assert 0 < (refused.value.retry_after_s or 0) <= 120
    with pytest.raises(RateLimited):
        ask(garden, ann, "assistant_reply")
    garden.reply(ben, trees[0], "Something for ann to review.")
    other = ask(garden, ann)
    assert other is not None
    assert other.kind is Kind.LABEL_ASSISTANT_REPLY


def test_a_limit_on_one_kind_says_nothing_where_that_kind_has_no_work(garden: Garden) -> None:
    garden.policy(rate_assistant_replies="1/2", init_prompt_disabled_langs=["en"])
    garden.tree(garden.admin())
    ann = garden.person("ann")
    write(garden, ann, "random", "The only answer that I can give.")
    assert ask(garden, ann) is None


def test_the_same_text_may_come_from_two_people(garden: Garden) -> None:
    garden.policy()
    tree_id = garden.tree(garden.admin())
    for name in ("ann", "ben"):
        write(garden, garden.person(name), "assistant_reply", "It is because of the air.")
    assert len(garden.load(tree_id).messages) == 3


# --- days ---


def test_a_day_whose_only_contribution_was_taken_back_is_no_day_of_a_streak(garden: Garden) -> None:
    garden.policy()
    garden.tree(garden.admin())
    ann = garden.person("ann")
    given = write(garden, ann, "assistant_reply", "I should not have said this.")
    assert streaks(garden.db, [ann.id], garden.now) == {ann.id: 1}
    undo.withdraw(garden.db, ann, given.id, garden.later(seconds=1), garden.rng)
    assert streaks(garden.db, [ann.id], garden.now) == {ann.id: 0}
    assert boards.active_days(garden.db, ann.id) == []


# --- new prompts ---


def test_a_prompt_in_hand_keeps_its_place_until_it_runs_out(garden: Garden) -> None:
    garden.policy(max_active_trees=0, max_initial_prompt_review=2)
    ann, ben, cleo = garden.person("ann"), garden.person("ben"), garden.person("cleo")
    write(garden, ann, "initial_prompt", "A prompt that is in review now.")
    assert ask(garden, ben, "initial_prompt") is not None
    assert availability(garden, cleo)["initial_prompt"] == 0
    assert ask(garden, cleo, "initial_prompt") is None
    assert ask(garden, cleo, "initial_prompt", "eu") is not None, "another language has places of its own"
    garden.later(minutes=31)
    assert ask(garden, cleo, "initial_prompt") is not None


# --- languages ---


def waiting(garden: Garden, planter: Person, lang: str, count: int) -> None:
    for number in range(count):
        garden.tree(planter, f"Prompt {number} in {lang}.", state=State.PROMPT_LOTTERY_WAITING, lang=lang)


def growing(garden: Garden, lang: str) -> int:
    return languages.trees_in(garden.db, lang, State.GROWING)


def fill(garden: Garden, *langs: str) -> None:
    for lang in langs:
        fill_places(garden.db, lang, garden.scene().book, garden.now, garden.rng)


def test_without_weights_every_language_fills_its_places(garden: Garden) -> None:
    garden.policy(max_active_trees=3)
    chief = garden.admin()
    for lang in ("en", "eu"):
        waiting(garden, chief, lang, 5)
    assert (growing(garden, "en"), growing(garden, "eu")) == (3, 3)


def test_a_language_of_more_weight_grows_more_trees_and_none_more_than_its_limit(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    chief = garden.admin()
    for lang in ("en", "eu", "de"):
        waiting(garden, chief, lang, 6)
    garden.policy(max_active_trees=4, language_weights={"eu": 2, "de": 0})
    fill(garden, "en", "eu", "de")
    assert {lang: growing(garden, lang) for lang in ("en", "eu", "de")} == {"en": 2, "eu": 4, "de": 0}
    ann = garden.person("ann")
    assert availability(garden, ann, "de")["initial_prompt"] == 0, "nobody writes what will never be drawn"
    garden.check()


def test_the_mix_moves_toward_its_target(garden: Garden) -> None:
    garden.policy(max_active_trees=0)
    chief = garden.admin()
    for _ in range(9):
        garden.tree(chief, shape=Shape(1, 1, 1, 1))  # a prompt alone is finished at once
    for lang in ("en", "eu"):
        waiting(garden, chief, lang, 12)
    garden.policy(max_active_trees=4, target_language_mix={"en": 0.5, "eu": 0.5})
    fill(garden, "en", "eu")
    assert growing(garden, "eu") == 4
    assert growing(garden, "en") == 1
    garden.check()


def test_a_language_fills_all_its_places_while_no_other_is_at_work(garden: Garden) -> None:
    garden.policy(max_active_trees=3, target_language_mix={"en": 0.1, "eu": 0.9})
    waiting(garden, garden.admin(), "en", 5)
    assert growing(garden, "en") == 3


def test_who_speaks_several_languages_is_asked_for_prompts_where_they_are_wanted(garden: Garden) -> None:
    garden.policy(max_active_trees=0, **RATES_OFF)
    chief = garden.admin()
    for lang in ("en", "eu"):
        waiting(garden, chief, lang, 1)
    garden.policy(language_weights={"en": 1, "eu": 9}, **RATES_OFF)
    asked: Counter[str] = Counter()
    for number in range(60):
        given = ask(garden, garden.person(f"volunteer {number}"), "initial_prompt", "en", "eu")
        assert given is not None
        asked[given.lang] += 1
    assert asked["eu"] > 4 * asked["en"] > 0


# --- chance ---


def given_again_and_again(garden: Garden, person: Person, kind: str, times: int) -> list[Task]:
    """What somebody is handed who gives each task back at once, without having skipped it."""
    handed = []
    for _ in range(times):
        given = ask(garden, person, kind)
        assert given is not None
        handed.append(given)
        lease = work.find_lease(garden.db, given.id)
        assert lease is not None
        work.release(garden.db, lease, status="done")
    return handed


def test_random_hands_out_kinds_by_their_weights_among_those_that_have_work(garden: Garden) -> None:
    garden.policy(num_reviews_initial_prompt=1, num_reviews_reply=3, init_prompt_disabled_langs=["en"], **RATES_OFF)
    chief, ann, ben = garden.admin(), garden.person("ann"), garden.person("ben")
    garden.tree(chief, "A prompt to be reviewed.", state=State.INITIAL_PROMPT_REVIEW)
    answered = garden.tree(chief, "A prompt with a reply to be reviewed.", shape=Shape(2, 3, 1, 7))
    garden.reply(ann, answered)
    for number in range(8):
        garden.tree(chief, f"Prompt {number} to be answered.")
    drawn = Counter(task.kind for task in given_again_and_again(garden, ben, "random", 600))
    weights = {Kind.LABEL_INITIAL_PROMPT: 5, Kind.LABEL_ASSISTANT_REPLY: 5, Kind.ASSISTANT_REPLY: 2}
    assert {kind: count / 600 for kind, count in drawn.items()} == pytest.approx(
        {kind: weight / 12 for kind, weight in weights.items()}, abs=0.05
    )


@pytest.mark.parametrize(("p", "share"), [(0.75, 0.75 + 0.25 / 5), (0.0, 1 / 5), (1.0, 1.0)])
def test_the_next_assistant_reply_goes_to_a_lonely_message_as_often_as_the_policy_says(
    garden: Garden, p: float, share: float
) -> None:
    garden.policy(p_lonely_child_extension=p, **RATES_OFF)
    chief = garden.admin()
    lonely = "A prompt with a single reply."
    garden.reply(garden.person("ann"), garden.tree(chief, lonely))
    for number in range(4):
        garden.tree(chief, f"Prompt {number} without a reply.")
    handed = given_again_and_again(garden, garden.person("ben"), "assistant_reply", 400)
    assert sum(task.thread[-1].text == lonely for task in handed) / 400 == pytest.approx(share, abs=0.06)
