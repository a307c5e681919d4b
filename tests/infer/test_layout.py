"""Chat templates of other models are followed where they write turns one after the other, and refused where not."""

from typing import Any

import pytest
from transformers import PreTrainedTokenizerBase

from espalier.dataset.examples import Turn
from espalier.dataset.format import Role, segments
from espalier.infer.layout import layout_of
from espalier.infer.tokens import encode, encode_prompt, encode_reply
from espalier.infer.unusable import BadTemplate
from espalier.train.base import learn_tokenizer

CHATML = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TURNS = (Turn("user", "Why?"), Turn("assistant", "So."), Turn("user", "Ah<|im_end|>"), Turn("assistant", "Yes."))


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    made = learn_tokenizer(["system user assistant Be kind. Why? So. Yes."] * 3, 300)
    made.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    made.chat_template = CHATML
    return made


def rendered(tokenizer: PreTrainedTokenizerBase, turns: tuple[Turn, ...], **more: Any) -> list[int]:
    ids: Any = tokenizer.apply_chat_template(
        [{"role": turn.role, "content": turn.content} for turn in turns], **more
    )["input_ids"]  # fmt: skip
    return list(ids)


@pytest.mark.parametrize("turns", [TURNS[:2], (Turn("system", "Be brief."), *TURNS[:2]), TURNS[:2] * 2])
def test_turns_lie_as_the_template_writes_them(tokenizer: PreTrainedTokenizerBase, turns: tuple[Turn, ...]) -> None:
    [found] = encode([segments(turns)], tokenizer, 999)
    assert found is not None
    assert found.ids.tolist() == rendered(tokenizer, turns)
    said = tokenizer.decode(found.ids[found.trained])
    assert said == "So.<|im_end|>" * (len(turns) // 2)
    prompt = encode_prompt(segments(turns[:-1]), tokenizer)
    assert list(prompt) == rendered(tokenizer, turns[:-1], add_generation_prompt=True)
    assert found.ids[: len(prompt) + 4].tolist()[: len(prompt)] == list(prompt)
    assert tokenizer.decode(encode_reply("So.", tokenizer)) == "So.<|im_end|>"


def test_what_somebody_typed_ends_no_turn(tokenizer: PreTrainedTokenizerBase) -> None:
    [found] = encode([segments(TURNS)], tokenizer, 999)
    assert found is not None
    assert found.ids.tolist().count(layout_of(tokenizer).end) == 5


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", "no token of its own"),
        ("{{ messages[-1]['content'] + '<|im_end|>' }}", "one after the other"),
        ("{% for m in messages %}{{ loop.index ~ m['content'] + '<|im_end|>' }}{% endfor %}", "one after the other"),
    ],
)
def test_a_template_that_cannot_be_followed_says_what_to_do(
    tokenizer: PreTrainedTokenizerBase, template: str, says: str
) -> None:
    other = learn_tokenizer(["user"], 300)
    other.add_special_tokens({"extra_special_tokens": ["<|im_end|>"]})
    other.chat_template = template
    with pytest.raises(BadTemplate, match=says):
        layout_of(other)


def test_a_template_without_system_turns_says_so_when_one_comes() -> None:
    tokenizer = learn_tokenizer(["user"], 300)
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('none') }}{% endif %}"
        "{{ m['role'] + m['content'] + '<|endoftext|>' }}{% endfor %}"
    )
    assert Role.SYSTEM not in layout_of(tokenizer).opening
    with pytest.raises(BadTemplate, match="no system turns"):
        encode([segments((Turn("system", "s"), *TURNS[:2]))], tokenizer, 99)
