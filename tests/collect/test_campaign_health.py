"""The health of a campaign by language, from what people have just done."""

from espalier.collect.charter import change_charter
from espalier.collect.health import LanguageHealth, health_of
from espalier.domain.health import Why
from espalier.domain.tree import State
from espalier.domain.work import Kind
from gardens import Garden


def of(garden: Garden, lang: str) -> LanguageHealth:
    (found,) = [each for each in health_of(garden.db, garden.now).langs if each.lang == lang]
    return found


def test_what_waits_longest_comes_first_with_its_tree(garden: Garden) -> None:
    chief = garden.admin()
    old = garden.tree(chief, "Why is the sky blue?", state=State.INITIAL_PROMPT_REVIEW)
    garden.later(days=3)
    garden.tree(chief, "Why is the sea salty?", state=State.INITIAL_PROMPT_REVIEW)
    garden.tree(chief, "What is a garden?")
    first, second = of(garden, "en").delays
    assert (first.waiting.kind, first.waiting.tree_id) == (Kind.LABEL_INITIAL_PROMPT, old)
    assert second.waiting.kind is Kind.ASSISTANT_REPLY
    assert first.waiting.places == 6, "three reviews of each prompt"
    assert {each.why for each in (first, second)} == {Why.TOO_MUCH}
    garden.later(days=9)
    assert of(garden, "en").delays[0].why is Why.NOBODY


def test_who_wrote_before_this_week_and_not_since_is_lost(garden: Garden) -> None:
    tree = garden.tree(garden.admin())
    ada, ben = garden.person("Ada"), garden.person("Ben")
    garden.reply(ada, tree)
    garden.later(days=8)
    garden.reply(ben, tree)
    lately = of(garden, "en").lately
    assert (lately.week, lately.active, lately.lost) == (1, 1, 2), "the planter of the tree is lost too"
    health = health_of(garden.db, garden.now)
    assert (health.active, health.lost) == (1, 2)


def test_the_share_refused_and_how_far_reviewers_agree(garden: Garden) -> None:
    garden.policy(num_reviews_reply=3)
    tree = garden.tree(garden.admin())
    spam, good = garden.reply(garden.person("Ada"), tree), garden.reply(garden.person("Ben"), tree)
    reviewers = [garden.person(name) for name in ("Cleo", "Dora", "Emil")]
    for reviewer, said in zip(reviewers, (1.0, 1.0, 0.0), strict=True):
        garden.review(reviewer, spam, spam=said)
        garden.review(reviewer, good)
    health = of(garden, "en")
    assert (health.lately.decided, health.lately.refused) == (3, 1)
    assert (health.agreement.agreeing, health.agreement.pairs) == (4, 6)


def test_days_to_the_goal_need_a_target(garden: Garden) -> None:
    chief = garden.admin()
    garden.tree(chief)
    assert of(garden, "en").goal is None
    change_charter(garden.db, chief, {"target": 15}, garden.now)
    health = of(garden, "en")
    assert (health.goal, health.days) == (15, 98)


def test_an_empty_campaign_has_nothing_to_tell(garden: Garden) -> None:
    assert health_of(garden.db, garden.now).langs == []
