"""A model says what evaluation asks of it, and says it again after an interruption."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from espalier.dataset.examples import Turn, Turns
from espalier.dataset.format import prompt_of
from espalier.evaluate.answers import AT_ONCE, answers
from espalier.evaluate.local import LocalModel, open_local, open_local_judge
from espalier.evaluate.model import BadModelName, named
from espalier.evaluate.results import BadResults, Figure, Results, read_results, write_results
from espalier.infer.engine import Sampling
from espalier.infer.tokens import encode_prompt
from espalier.infer.unusable import BadModel

ASKED = (Turn("user", "Why is the sky blue?"),)


def log_p(model: LocalModel, before: Sequence[int], text: Sequence[int]) -> float:
    """The same by a plain forward pass and double sums."""
    with torch.no_grad():
        logits = model.model(torch.tensor([[*before, *text]])).logits[0].double().log_softmax(-1)
    return float(sum(logits[len(before) + place - 1, token] for place, token in enumerate(text)))


def test_a_text_after_a_conversation_is_as_likely_as_the_model_has_it(local_model: LocalModel) -> None:
    prompt = encode_prompt(prompt_of(ASKED), local_model.reads)
    texts = ["Because of the air.", "No.", ""]
    found = local_model.loglikelihood([(ASKED, text) for text in texts])
    for text, each in zip(texts, found, strict=True):
        tokens = local_model.reads(text, add_special_tokens=False)["input_ids"]
        assert each.log_p == pytest.approx(log_p(local_model, prompt, tokens) if tokens else 0.0, abs=1e-4)
        assert each.tokens == len(tokens)


def test_the_likeliest_token_is_called_greedy_and_no_other(local_model: LocalModel) -> None:
    signs = [chr(code) for code in range(32, 127)]  # each a token of its own
    contexts = [(Turn("user", sign),) for sign in signs[:30]]
    found = local_model.loglikelihood([(context, sign) for context in contexts for sign in signs])
    greedy = [place for place, each in enumerate(found) if each.greedy]
    assert 0 < len(greedy) <= len(contexts)
    for place in greedy:
        first = place // len(signs) * len(signs)
        assert found[place] == max(found[first : first + len(signs)], key=lambda each: each.log_p)


def test_of_a_prompt_that_is_too_long_the_end_is_answered(local_model: LocalModel) -> None:
    sampling = Sampling(8, temperature=0.0)
    conversations = [(Turn("user", "Why? " * many),) for many in (600, 900)]
    assert len(set(local_model.generate(conversations, sampling, 0))) == 1
    with pytest.raises(BadModel, match="too few for a prompt and a reply"):
        local_model.generate([ASKED], Sampling(local_model.longest), 0)


def test_a_long_text_is_told_whole_in_windows(local_model: LocalModel) -> None:
    text = "Why is the sky blue? " * 60
    tokens = local_model.reads(text, add_special_tokens=False)["input_ids"]
    assert len(tokens) > 2 * local_model.longest
    (found,) = local_model.loglikelihood_rolling([text])
    assert found.tokens == len(tokens)
    step = local_model.longest - 1
    first = local_model.reads.eos_token_id
    expected = log_p(local_model, [first], tokens[:step])
    for begin in range(step, len(tokens), step):
        end = min(begin + step, len(tokens))
        expected += log_p(local_model, tokens[max(0, end - local_model.longest) : begin], tokens[begin:end])
    assert found.log_p == pytest.approx(expected, rel=1e-5)


def test_the_blanks_before_a_word_are_the_words(local_model: LocalModel) -> None:
    with_blank, without = local_model.loglikelihood([("the sky is ", "blue"), ("the sky is", " blue")])
    assert with_blank.tokens == without.tokens
    assert with_blank.log_p == pytest.approx(without.log_p, abs=1e-4)


def test_a_reward_model_says_what_replies_are_worth(model_directory: Path) -> None:
    judge = open_local_judge("judge", str(model_directory / "reward"), device="cpu")
    replies = [(ASKED, "Because."), (ASKED, "Because of the air. " * 200), (ASKED, "Because.")]
    one, long, same = judge.rewards(replies)
    assert one == pytest.approx(same, abs=1e-5) != long


def test_a_reward_model_is_no_language_model(model_directory: Path) -> None:
    with pytest.raises(BadModel, match=r"reward gives no language model: its weights lack lm_head\.weight"):
        open_local("sft", str(model_directory / "reward"), device="cpu")


class Echo:
    name = source = identity = "echo"

    def __init__(self) -> None:
        self.asked = 0

    def reading(self) -> None:
        """It only replies."""

    def generate(self, prompts: Sequence[Turns], sampling: Sampling, seed: int) -> list[str]:
        self.asked += len(prompts)
        return [f"{turns[-1].content} {seed}" for turns in prompts]


def test_answers_that_are_kept_are_not_asked_again(tmp_path: Path) -> None:
    kept = tmp_path / "echo" / "some.samples.jsonl"
    prompts = [(Turn("user", str(number)),) for number in range(AT_ONCE + 5)]
    model = Echo()
    found = answers(model, prompts, Sampling(5), 3, kept)
    lines = kept.read_bytes()
    kept.write_bytes(lines[: len(lines) - 20])  # stopped in the midst of writing
    again = Echo()
    assert answers(again, prompts, Sampling(5), 3, kept) == found
    assert again.asked == 5
    assert answers(Echo(), prompts, Sampling(5), 4, kept) != found


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    made = Results(
        "a model/b", "dir", "abc", "heldout", 1, 2, {"accuracy": Figure(0.5, 0.4, 0.6, 2), "n": Figure(1.0)},
        {"file": "0" * 64}, {"k": 1}, {"rows": [1, 2]}, {"espalier": "1"},
    )  # fmt: skip
    path = write_results(tmp_path, made)
    assert path.parent.name == "a-model-b"
    assert list(read_results(tmp_path)) == [made]
    path.write_text("{}", "utf-8")
    with pytest.raises(BadResults, match="holds no results"):
        list(read_results(tmp_path))


@pytest.mark.parametrize(
    ("written", "name", "place"),
    [
        ("runs/sft-1/model", "sft-1", "runs/sft-1/model"),
        ("a=runs/b", "a", "runs/b"),
        ("EleutherAI/pythia-70m", "pythia-70m", "EleutherAI/pythia-70m"),
        ("http://here:1/v1#llama", "llama", "http://here:1/v1#llama"),
        ("x=http://here:1?a=b", "x", "http://here:1?a=b"),
    ],
)
def test_a_model_is_named_by_what_somebody_wrote(written: str, name: str, place: str) -> None:
    assert named(written) == (name, place)


def test_what_names_no_model_is_refused() -> None:
    with pytest.raises(BadModelName, match="NAME="):
        named("name=")
