"""What is said, judged and ordered, task by task."""

from random import Random
from typing import Any

import pytest

from espalier.domain.lifecycle import Command
from espalier.domain.message import Role, offered_labels
from espalier.domain.policy import Policy
from espalier.domain.tree import State
from espalier.replay.original import Original, OriginalTree
from espalier.replay.script import Answer, Play, Script, order_towards, spelled


def prompt(text: str, *replies: Original, accepted: bool | None = True, rank: int | None = None) -> Original:
    return Original(text, Role.PROMPTER, accepted, rank=rank, review_count=3, labels={"spam": 0.0}, replies=replies)


def reply(text: str, *replies: Original, accepted: bool | None = True, rank: int | None = None) -> Original:
    return Original(text, Role.ASSISTANT, accepted, rank=rank, review_count=3, labels={"spam": 0.0}, replies=replies)


def script(*roots: Original, state: State = State.READY_FOR_EXPORT, patience: int = 8) -> Script:
    trees = [OriginalTree(f"t{number}", "en", state, root) for number, root in enumerate(roots)]
    made = Script(trees, Policy(), Random(1), patience)
    for play in made.plays:
        made.kept(made.plant(play))
    return made


def task(kind: str, *thread: str, replies: tuple[str, ...] = (), lang: str = "en") -> dict[str, Any]:
    return {
        "kind": kind,
        "thread": [{"text": text, "lang": lang} for text in thread],
        "replies": [{"handle": f"r{place}", "text": text} for place, text in enumerate(replies)],
        "labels": [{"name": label.name} for label in offered_labels(Role.ASSISTANT, full=True)],
    }


def said(answer: Answer | None) -> str | None:
    return None if answer is None else answer.form["text"]


def judge(made: Script, *thread: str, kind: str = "label_assistant_reply") -> int:
    """Give all votes that there are for a message; how many there were."""
    count = 0
    while answer := made.answer(task(kind, *thread)):
        made.kept(answer)
        count += 1
    return count


def say(made: Script, *thread: str, kind: str = "assistant_reply") -> str | None:
    answer = made.answer(task(kind, *thread))
    if answer is not None:
        made.kept(answer)
    return said(answer)


def test_each_reply_is_said_once_and_then_there_is_nothing_more_to_say() -> None:
    made = script(prompt("p", reply("a"), reply("b")))
    assert {say(made, "p"), say(made, "p")} == {"a", "b"}
    assert say(made, "p") is None


def test_a_conversation_of_somebody_else_is_left_alone() -> None:
    made = script(prompt("p", reply("a")))
    assert made.answer(task("assistant_reply", "q")) is None
    assert made.answer(task("assistant_reply", "p", lang="de")) is None
    assert made.answer(task("prompter_reply", "p", "unknown")) is None
    assert made.answer({"kind": "initial_prompt", "thread": []}) is None


def test_texts_are_known_as_the_campaign_keeps_them() -> None:
    made = script(prompt(" cafe\u0301\n", reply("a\n")))
    assert spelled(" cafe\u0301\n") == "caf\u00e9"
    assert say(made, "caf\u00e9") == "a"
    assert judge(made, "caf\u00e9", "a") == 3


def test_each_message_gets_three_votes() -> None:
    made = script(prompt("p", reply("a")))
    assert judge(made, "p", kind="label_initial_prompt") == 3
    assert judge(made, "p", "a") == 0
    say(made, "p")
    assert judge(made, "p", "a") == 3


def test_what_is_refused_is_said_before_what_fills_the_tree() -> None:
    leading = reply("leads", prompt("x", accepted=False))
    made = script(prompt("p", reply("a"), reply("no", accepted=False), leading), patience=0)
    assert [say(made, "p") for _ in range(3)] == ["no", "leads", "a"]


def test_the_last_message_waits_for_replies_that_are_to_be_refused_but_not_for_ever() -> None:
    made = script(prompt("p", reply("a", prompt("no", accepted=False)), reply("b")), patience=2)
    assert say(made, "p") == "a"
    assert [say(made, "p") for _ in range(3)] == [None, None, "b"]
    made = script(prompt("p", reply("a", prompt("no", accepted=False)), reply("b")), patience=2)
    say(made, "p")
    assert say(made, "p", "a", kind="prompter_reply") == "no"
    assert say(made, "p") == "b"


def test_the_last_message_does_not_wait_for_what_can_only_be_said_below_it() -> None:
    made = script(prompt("p", reply("a", prompt("no", accepted=False))))
    assert say(made, "p") == "a"


def test_what_did_not_count_is_said_and_voted_once_more() -> None:
    made = script(prompt("p", reply("a")))
    answer = made.answer(task("assistant_reply", "p"))
    assert answer is not None
    assert say(made, "p") is None
    made.withdrawn(answer)
    assert judge(made, "p", "a") == 0
    assert say(made, "p") == "a"
    vote = made.answer(task("label_assistant_reply", "p", "a"))
    assert vote is not None
    made.withdrawn(vote)
    assert judge(made, "p", "a") == 3


def test_siblings_of_equal_text_are_judged_one_after_the_other() -> None:
    made = script(prompt("p", reply("same", accepted=False), reply("same"), reply("other")))
    first = made.answer(task("assistant_reply", "p"))
    assert first is not None
    made.kept(first)
    assert said(first) == "same"
    assert say(made, "p") == "other"
    assert say(made, "p") is None
    verdicts = []
    while answer := made.answer(task("label_assistant_reply", "p", "same")):
        made.kept(answer)
        verdicts.append(answer.form["labels"]["spam"])
    assert sum(verdicts) >= 2
    assert say(made, "p") == "same"
    assert judge(made, "p", "same") == 3


def test_replies_are_ranked_as_in_the_file() -> None:
    made = script(prompt("p", reply("a", rank=2), reply("b", rank=0), reply("c", rank=1)))
    answer = made.answer(task("rank_assistant_replies", "p", replies=("c", "a", "b")))
    assert answer is not None
    assert answer.form == {"order": [["r2"], ["r0"], ["r1"]]}


def test_replies_of_equal_text_share_the_ranks_that_the_file_gives_them() -> None:
    made = script(prompt("p", reply("x", rank=0), reply("y", rank=1), reply("x", rank=2)))
    answer = made.answer(task("rank_assistant_replies", "p", replies=("x", "x", "y")))
    assert answer is not None
    assert answer.form == {"order": [["r0"], ["r2"], ["r1"]]}


def test_replies_without_rank_come_last_together() -> None:
    made = script(prompt("p", reply("a"), reply("b", rank=0), reply("c")))
    answer = made.answer(task("rank_assistant_replies", "p", replies=("a", "b", "c")))
    assert answer is not None
    assert answer.form == {"order": [["r1"], ["r0", "r2"]]}


def test_replies_that_the_file_does_not_rank_stay_without_rank() -> None:
    made = script(prompt("p", reply("a"), reply("b")))
    answer = made.answer(task("rank_assistant_replies", "p", replies=("a", "b")))
    assert answer is not None
    assert answer.form == {"order": [], "not_rankable": True}


def test_what_is_left_counts_down_to_nothing() -> None:
    made = script(prompt("p", reply("a", rank=0), reply("b", rank=1)))
    assert made.left == 9 + 2 + 3
    judge(made, "p", kind="label_initial_prompt")
    for text in (say(made, "p"), say(made, "p")):
        assert text is not None
        judge(made, "p", text)
    for _ in range(3):
        answer = made.answer(task("rank_assistant_replies", "p", replies=("a", "b")))
        assert answer is not None
        made.kept(answer)
    assert made.left == 0


def after_review(root: Original, state: State) -> tuple[Script, Play]:
    made = script(root, state=state)
    assert made.plays[0].order_due() is None
    judge(made, "p", kind="label_initial_prompt")
    return made, made.plays[0]


def test_a_tree_is_drawn_once_its_prompt_is_accepted_if_its_original_was() -> None:
    _, play = after_review(prompt("p", reply("a")), State.READY_FOR_EXPORT)
    assert play.order_due() is Command.DRAW
    assert play.order_due() is None
    _, play = after_review(prompt("p"), State.PROMPT_LOTTERY_WAITING)
    assert play.order_due() is None
    _, play = after_review(prompt("p", accepted=False), State.ABORTED_LOW_GRADE)
    assert play.order_due() is None


def test_a_tree_is_halted_when_it_has_all_that_its_original_had() -> None:
    made, play = after_review(prompt("p", reply("a")), State.HALTED_BY_MODERATOR)
    assert play.order_due() is Command.DRAW
    say(made, "p")
    assert play.order_due() is None
    judge(made, "p", "a")
    assert play.order_due() is Command.HALT
    _, alone = after_review(prompt("p"), State.HALTED_BY_MODERATOR)
    assert alone.order_due() is Command.HALT


def test_a_prompt_without_result_stays_in_review() -> None:
    root = Original("p", Role.PROMPTER, None, review_count=5, labels={"spam": 0.0})
    made = script(root, state=State.INITIAL_PROMPT_REVIEW)
    assert judge(made, "p", kind="label_initial_prompt") == 2
    assert made.plays[0].order_due() is None


def test_a_tree_at_rest_is_ordered_towards_the_state_of_its_original() -> None:
    def towards(wanted: State, state: State) -> Command | None:
        return order_towards(OriginalTree("t", "en", wanted, prompt("p", reply("a"))), state)

    assert towards(State.READY_FOR_EXPORT, State.PROMPT_LOTTERY_WAITING) is Command.DRAW
    assert towards(State.HALTED_BY_MODERATOR, State.GROWING) is Command.HALT
    assert towards(State.ABORTED_LOW_GRADE, State.GROWING) is Command.ABORT
    assert towards(State.BACKLOG_RANKING, State.RANKING) is Command.PARK
    assert towards(State.READY_FOR_EXPORT, State.GROWING) is None
    assert towards(State.HALTED_BY_MODERATOR, State.ABORTED_LOW_GRADE) is None
    assert towards(State.GROWING, State.GROWING) is None


def test_a_tree_that_ended_in_its_ranking_is_not_ranked() -> None:
    made = script(prompt("p", reply("a", rank=0), reply("b", rank=1)), state=State.RANKING)
    assert made.answer(task("rank_assistant_replies", "p", replies=("a", "b"))) is None


def test_two_trees_that_begin_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="t0 and t1 begin with the same prompt"):
        script(prompt("p"), prompt("p "))


def test_what_was_to_be_refused_is_given_up_when_the_tree_is_complete() -> None:
    made = script(prompt("p", reply("a", prompt("no", accepted=False)), reply("b")), patience=0)
    judge(made, "p", kind="label_initial_prompt")
    for _ in range(2):
        text = say(made, "p")
        assert text is not None
        assert made.left > 0
        judge(made, "p", text)
    assert made.left == 3  # the rankings of "a" and "b"
