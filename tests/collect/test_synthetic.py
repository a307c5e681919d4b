"""A model's replies take the places of growing trees, and are judged by people who are not told that it wrote them."""

import pytest

from espalier.collect import contributions, jobs, synthetic, tasks
from espalier.collect.answers import LabelsAnswer, RankingAnswer
from espalier.domain.credit import credits
from espalier.domain.errors import Invalid
from espalier.domain.message import Role
from espalier.domain.sight import BlindMessage, PublicMessage, seen
from espalier.domain.tree import Shape, State
from espalier.store import reading
from gardens import Garden

SMALL = Shape(max_tree_depth=1, max_children_count=3, num_prompter_replies=1, goal_tree_size=3)


def test_a_model_has_the_places_that_are_free_and_answers_a_prompt_so_often_and_no_more(garden: Garden) -> None:
    chief, ada = garden.admin(), garden.person("Ada")
    tree_id = garden.tree(chief, shape=SMALL)
    (waiting,), after = synthetic.waiting_prompts(garden.db, "m", 2, {"en"}, None, "")
    assert (waiting.id, waiting.thread, waiting.wanted, after) == (
        tree_id, ((Role.PROMPTER, "Why is the sky blue?"),), 2, None,
    )  # fmt: skip
    assert tasks.next_task(garden.db, ada, tasks.Ask("assistant_reply", ("en",)), garden.now, garden.rng)
    texts = ["Air scatters blue.", " ", "Air scatters blue.", "Dust."]
    added = garden.call(synthetic.add_replies, tree_id, "m", texts, garden.now, garden.rng)
    assert (added.replies, added.unfit, added.no_place) == (1, 2, 1), "the other place is in Ada's hands"
    jobs.free_expired(garden.db, garden.later(hours=1), garden.rng)  # she let it go
    (waiting,), _ = synthetic.waiting_prompts(garden.db, "m", 2, {"en"}, {tree_id}, "")
    assert (waiting.given, waiting.wanted) == (1, 1)
    garden.call(synthetic.add_replies, tree_id, "m", ["Dust."], garden.now, garden.rng)
    assert synthetic.waiting_prompts(garden.db, "m", 3, None, None, "") == ([], None), "the tree has all it needs"
    replies = [each for each in garden.load(tree_id).messages.values() if each.parent_id]
    assert [(each.author, each.synthetic, each.model_name) for each in replies] == [(None, True, "m")] * 2


def test_volunteers_judge_them_like_any_other_and_are_not_told(garden: Garden) -> None:
    chief, ada, ben = garden.admin(), garden.person("Ada"), garden.person("Ben")
    tree_id = garden.tree(chief, shape=SMALL)
    own = garden.reply(ada, tree_id, "A person's reply.")
    garden.call(synthetic.add_replies, tree_id, "m", ["A model's reply."], garden.now, garden.rng)
    (told,) = [each for each in reading.messages_of_tree(garden.db, tree_id) if each.synthetic]
    assert type(seen(told, reading.viewer(garden.db, ben, [told]))) is BlindMessage
    for person in (ben, ada, ben):
        task = tasks.next_task(garden.db, person, tasks.Ask("label_assistant_reply", ("en",)), garden.now, garden.rng)
        if task is None:
            continue
        assert "synthetic" not in str(task)
        assert "'m'" not in str(task)
        answer = LabelsAnswer({"spam": 0.0, "lang_mismatch": 0.0, "quality": 0.5})
        contributions.submit(garden.db, person, task.id, task.id, answer, garden.later(seconds=1), garden.rng)
    assert garden.load(tree_id).state is State.RANKING
    task = tasks.next_task(garden.db, ben, tasks.Ask("random", ("en",)), garden.now, garden.rng)
    assert task is not None
    best = [each.text for each in task.replies].index("A model's reply.")
    order = RankingAnswer(((task.replies[best].handle,), (task.replies[1 - best].handle,)))
    contributions.submit(garden.db, ben, task.id, "ranked", order, garden.now, garden.rng)
    tree = garden.load(tree_id)
    assert tree.state is State.READY_FOR_EXPORT
    assert {each.id: each.rank for each in tree.messages.values() if each.parent_id} == {told.id: 0, own: 1}
    assert sum(counts.ranked_first for counts in credits(tree).values()) == 0, "first place earns a model nothing"
    (told,) = [each for each in reading.messages_of_tree(garden.db, tree_id) if each.synthetic]
    shown = seen(told, reading.viewer(garden.db, ben, [told]))
    assert isinstance(shown, PublicMessage)
    assert shown.model_name == "m"


def test_a_prompt_of_a_file_becomes_one_tree(garden: Garden) -> None:
    first, is_new = garden.call(synthetic.plant_prompt, "Why? ", "en", "prompts.jsonl", garden.now, garden.rng)
    again = garden.call(synthetic.plant_prompt, "Why?", "en", "prompts.jsonl", garden.now, garden.rng)
    assert is_new
    assert again == (first, False)
    tree = garden.load(first)
    assert (tree.state, tree.origin, tree.root.author) == (State.GROWING, "prompts.jsonl", None)
    with pytest.raises(Invalid):
        garden.call(synthetic.plant_prompt, "Why?", "no language", "prompts.jsonl", garden.now, garden.rng)
