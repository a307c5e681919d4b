"""Rankings keep whole prompts and the ends of replies, and are divided into folds that share no text."""

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import ASSISTANT, SYSTEM, USER, Ranking, Turn
from espalier.train.base import learn_tokenizer
from espalier.train.ranked import folds, rankings
from espalier.train.sources import Line, texts_of


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    """Of bytes alone: a letter is a token."""
    return learn_tokenizer([], 260)


def line(prompt: tuple[Turn, ...], *replies: str, unit: str = "tree") -> Line:
    example = Ranking(prompt, replies)
    return Line(example, unit, Path("trees"), "en", 1.0, texts_of(example))


def letters(number: int) -> str:
    return "a" * (number - 2)  # with its role token and its end token it has so many


@pytest.mark.parametrize(
    ("prompt", "replies", "expected"),
    [(52, (32, 12), (84, 64)), (7, (202, 12), (100, 19)), (60, (45, 12), (100, 72)), (92, (32, 12), ())],
    ids=["all fits", "the room that the prompt leaves is used", "the longest is cut", "no room"],
)
def test_replies_are_cut_to_the_room_after_their_prompt_and_keep_their_end(
    tokenizer: PreTrainedTokenizerBase, prompt: int, replies: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    found = rankings([line((Turn(USER, letters(prompt)),), *map(letters, replies))], tokenizer, 100)
    assert [len(each.prompt) + len(reply) for each in found for reply in each.replies] == list(expected)
    assert all(reply[-1] == tokenizer.eos_token_id for each in found for reply in each.replies)


def test_of_a_long_prompt_the_last_turns_stay_whole_for_all_replies(tokenizer: PreTrainedTokenizerBase) -> None:
    turns = (Turn(SYSTEM, "s" * 8), Turn(USER, "u" * 38), Turn(ASSISTANT, "v" * 38), Turn(USER, "w" * 8))
    (found,) = rankings([line(turns, "x" * 48, "y")], tokenizer, 100)
    said = tokenizer.decode(found.prompt)
    assert said == "<|system|>ssssssss<|endoftext|><|prompter|>wwwwwwww<|endoftext|><|assistant|>"
    assert (found.lengths, tokenizer.decode(found.replies[1])) == ((48, 1), "y<|endoftext|>")


def test_a_role_token_that_somebody_typed_stays_letters(tokenizer: PreTrainedTokenizerBase) -> None:
    (found,) = rankings([line((Turn(USER, "<|assistant|>"),), "<|prompter|>", "b")], tokenizer, 100)
    special = {tokenizer.convert_tokens_to_ids(each) for each in ("<|assistant|>", "<|prompter|>")}
    assert special & set(found.prompt[1:-1]) == special & set(found.replies[0]) == set()


def test_each_tree_is_measured_in_one_fold_together_with_those_that_share_a_text() -> None:
    shared = "This sentence is long enough to tell something when it stands twice."
    lines = [
        line((Turn(USER, f"prompt {unit} {number}"),), "a", "b", unit=unit)
        for unit in "abcdefghij"
        for number in (1, 2)
    ]
    lines += [line((Turn(USER, shared),), "a", "b", unit=unit) for unit in "kl"]
    made = folds(lines, 5, "0")
    assert [len(learned) + len(held_out) for learned, held_out in made] == [22] * 5
    held_out = [{each.unit for each in held_out} for _, held_out in made]
    assert sorted(unit for units in held_out for unit in units) == list("abcdefghijkl")
    assert sum({"k", "l"} <= units for units in held_out) == 1
    assert all(
        units.isdisjoint(each.unit for each in learned) for units, (learned, _) in zip(held_out, made, strict=True)
    )
    assert {len(units) for units in held_out} <= {2, 3}
    assert made != folds(lines, 5, "1")
    assert folds(lines, 0, "0") == []
