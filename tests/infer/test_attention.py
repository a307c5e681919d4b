"""Attention by the parts of rows, all in one call: what each part sees, and that it is what one call a part gives."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from espalier.infer.attention import Lengths, Seen, by_parts, seen_by

HERE = torch.device("cpu")
ROWS: tuple[Lengths, ...] = ((4, 3, 2, 0), (1, 2, 3, 3))
SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(st.lists(st.tuples(SIZES, st.integers(0, 3)), min_size=1, max_size=3), st.booleans())
def test_a_part_sees_itself_and_the_prompt_of_its_row_where_there_is_one(
    drawn: list[tuple[list[int], int]], prompts: bool
) -> None:
    rows = [(*sizes, rest) for sizes, rest in drawn]
    expected = [
        [(row, place) for place in ((0, number) if prompts and number else (number,))]
        for row, sizes in enumerate(rows)
        for number, size in enumerate(sizes)
        if size
    ]
    part_of = [
        (row, number) for row, sizes in enumerate(rows) for number, size in enumerate(sizes) for _ in range(size)
    ]
    seen = seen_by(rows, prompts, HERE)
    keys = seen.begins[-1] if seen.keys is None else len(seen.keys)
    places = torch.arange(int(keys)) if seen.keys is None else seen.keys
    parts = places.split(seen.key_begins.diff().tolist())
    assert [list(dict.fromkeys(part_of[place] for place in each.tolist())) for each in parts] == expected
    assert all(each.tolist() == sorted(set(each.tolist())) for each in parts), "each token once, in its order"
    assert (seen.longest, seen.farthest) == (max(seen.begins.diff()), max(seen.key_begins.diff()))
    assert [part_of[place] for place in seen.begins[:-1]] == [sees[-1] for sees in expected]


def by_definition(query: Tensor, key: Tensor, value: Tensor, seen: Seen, scale: float) -> Tensor:
    """One token after the other. query: (tokens, heads, features); key and value may have fewer heads."""
    key, value = (each.repeat_interleave(query.shape[1] // key.shape[1], 1) for each in (key, value))
    rows = []
    for part in range(len(seen.begins) - 1):
        (begin, end), (first, last) = seen.begins[part : part + 2].tolist(), seen.key_begins[part : part + 2].tolist()
        for place in range(begin, end):
            sees = slice(first, last - (end - 1 - place))
            weights = torch.einsum("hf,khf->hk", query[place] * scale, key[sees]).softmax(1)
            rows.append(torch.einsum("hk,khf->hf", weights, value[sees]))
    return torch.stack(rows)


@pytest.fixture
def flash_on_a_processor(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Flash attention as its definition has it, which no processor computes; and how often it was asked."""
    asked: list[int] = []

    def attention(query: Tensor, key: Tensor, value: Tensor, begins: Tensor, key_begins: Tensor, longest: int,
                  farthest: int, *, scale: float, window_size: Any, enable_gqa: bool) -> Tensor:  # fmt: skip
        assert window_size == (-1, 0), "looks back only"
        assert enable_gqa or query.shape[1] == key.shape[1]
        asked.append(len(begins) - 1)
        return by_definition(query, key, value, Seen(begins, None, key_begins, longest, farthest), scale)

    monkeypatch.setattr("espalier.infer.attention.varlen_attn", attention)
    return asked


def llama(dtype: torch.dtype, device: str = "cpu") -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=24, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, attn_implementation="sdpa",
    )  # fmt: skip
    return LlamaForCausalLM(config).to(device, dtype)


def learned(model: LlamaForCausalLM, parts: dict[str, Any]) -> list[Tensor]:
    """What a model says of tokens that are no padding, and its gradients."""
    model.zero_grad()
    width, device = sum(ROWS[0]), model.device
    ids = torch.arange(len(ROWS) * width, device=device).reshape(len(ROWS), width) % 24
    positions = torch.arange(width, device=device).expand(len(ROWS), width)
    logits = model(input_ids=ids, position_ids=positions, use_cache=False, **parts).logits
    told = torch.cat([row[: width - lengths[-1]] for row, lengths in zip(logits, ROWS, strict=True)])
    told.float().sin().sum().backward()
    return [told.detach(), *(each.grad.clone() for each in model.parameters() if each.grad is not None)]


@pytest.mark.parametrize("kind", ["spans", "apart"])
def test_one_call_gives_what_one_for_each_part_gives(kind: str, flash_on_a_processor: list[int]) -> None:
    model = llama(torch.float64)
    expected = learned(model, by_parts(model, **{kind: ROWS}))
    assert not flash_on_a_processor
    found = learned(model, {"seen": seen_by(ROWS, kind == "spans", HERE)})
    assert flash_on_a_processor == [7, 7], "one call a layer, for the parts that have tokens"
    torch.testing.assert_close(found, expected)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["spans", "apart"])
def test_a_graphics_card_computes_all_parts_at_once(kind: str) -> None:
    model = llama(torch.bfloat16, "cuda")
    parts = by_parts(model, **{kind: ROWS})
    assert [*parts] == ["seen"]
    for found, expected in zip(learned(model, parts), learned(model, {kind: ROWS}), strict=True):
        assert (found - expected).norm() < 0.02 * expected.norm()
