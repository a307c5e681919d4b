"""Heads are read from weights as models compute with them, and a circuit that was planted is found, where chance alone
gives none."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from commands import Run
from espalier.evaluate.heads import Head, Place, heads_of, looks
from espalier.evaluate.subspace import Found, compare, cosines, diagonal_score, read, written
from espalier.infer.unusable import BadModel

WORDS = 40


def llama() -> PreTrainedModel:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=WORDS, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.2,
    )).eval()  # fmt: skip


def neox() -> PreTrainedModel:
    torch.manual_seed(0)
    return GPTNeoXForCausalLM(GPTNeoXConfig(
        vocab_size=WORDS, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        initializer_range=0.2, hidden_dropout=0, attention_dropout=0,
    )).eval()  # fmt: skip


@pytest.mark.parametrize("make", [llama, neox])
def test_weights_of_heads_are_those_that_the_model_computes_with(make) -> None:  # type: ignore[no-untyped-def]
    model = make().double()
    model.set_attn_implementation("eager")
    seen = {}
    layer = model.base_model.layers[1]
    attention = getattr(layer, "self_attn", None) or layer.attention

    def note(module: object, given: object, named: dict[str, torch.Tensor], told: tuple[torch.Tensor, ...]) -> None:
        seen["in"], seen["out"], seen["shares"] = named.get("hidden_states", given[0] if given else None), *told[:2]  # type: ignore[index]

    attention.register_forward_hook(note, with_kwargs=True)
    tokens = torch.tensor([[3, 1, 4, 1, 5, 9]])
    # All at one position, so that nothing is rotated.
    model(tokens, attention_mask=torch.ones_like(tokens), position_ids=torch.zeros_like(tokens))
    x, out, shares = (seen[name][0].detach().numpy() for name in ("in", "out", "shares"))
    heads = [head for place, head in heads_of(model).items() if place.layer == 1]
    assert len(heads) == 4
    np.testing.assert_allclose(
        sum(share @ x @ head.v.T @ head.o.T for share, head in zip(shares, heads, strict=True)), out, atol=1e-8
    )
    for share, head in zip(shares, heads, strict=True):
        scores = x @ head.q.T @ head.k @ x.T / np.sqrt(len(head.q))
        told = np.where(np.tri(len(x), dtype=bool), np.exp(scores), 0)
        np.testing.assert_allclose(told / told.sum(1, keepdims=True), share, atol=1e-8)


def test_angles_and_diagonal_scores_are_those_of_the_whole_products() -> None:
    random = np.random.default_rng(0)
    one, other = (Head(*random.normal(size=(3, 6, 20)), random.normal(size=(20, 6))) for _ in range(2))
    writes, reads = one.o @ one.v, other.q.T @ other.k
    left, right = np.linalg.svd(writes)[0][:, :4], np.linalg.svd(reads)[2][:4].T
    # cos² of the principal angles are the eigenvalues of one projection within the other.
    squares = np.linalg.eigvalsh(right.T @ left @ left.T @ right)[::-1]
    np.testing.assert_allclose(cosines(written(one, 4), read(other, 4)) ** 2, squares, atol=1e-10)
    whole = reads @ writes
    assert diagonal_score(other, one) == pytest.approx((np.diag(whole).mean() - whole.mean()) / whole.std())


def planted() -> PreTrainedModel:
    """A head of layer 0 that looks at the token before and writes it elsewhere, and one of layer 1 that reads it there:
    they copy. All other heads are of chance.
    """
    torch.manual_seed(0)
    width, size = 96, 24
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=WORDS, hidden_size=width, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4,
        head_dim=size, num_key_value_heads=4, attention_bias=True, rope_theta=1e8,
    )).eval()  # fmt: skip
    weights = model.base_model
    with torch.no_grad():
        words = torch.zeros(WORDS, width)
        words[:, : width // 2] = torch.randn(WORDS, width // 2)
        weights.embed_tokens.weight.copy_(words)
        for layer in weights.layers:
            layer.mlp.down_proj.weight.zero_()
            layer.self_attn.o_proj.weight.mul_(0.05)
        spread = torch.linalg.qr(torch.randn(width // 2, size))[0].T  # (size, half of the width)
        before, after = weights.layers[0].self_attn, weights.layers[1].self_attn
        own = slice(2 * size, 3 * size)
        before.q_proj.weight[own] = before.k_proj.weight[own] = 0
        # A query that is the key as it is rotated one position on finds its like one position before.
        turn = 1e8 ** (-torch.arange(0, size, 2) / size)
        ones = torch.full((size // 2,), 6.0)
        before.k_proj.bias[own] = torch.cat([ones, torch.zeros(size // 2)])
        before.q_proj.bias[own] = torch.cat([ones * turn.cos(), -ones * turn.sin()])
        before.v_proj.weight[own] = torch.cat([spread, torch.zeros(size, width // 2)], 1)
        before.o_proj.weight[:, own] = torch.cat([torch.zeros(width // 2, size), spread.T])
        own = slice(size, 2 * size)
        after.q_proj.weight[own] = 3 * torch.cat([spread, torch.zeros(size, width // 2)], 1)
        after.k_proj.weight[own] = 3 * torch.cat([torch.zeros(size, width // 2), spread], 1)
    return model


def found_in(model: PreTrainedModel) -> Found:
    random = np.random.default_rng(0)
    found = compare(heads_of(model), looks(model, range(WORDS), random), random)
    assert found is not None
    return found


def test_a_planted_match_is_found() -> None:
    found = found_in(planted())
    assert [(pair.writes, pair.reads) for pair in found.matched] == [("0.2", "1.1")]
    assert found.figures["previous-token share, highest"].value > 0.9
    assert found.figures["induction share, highest"].value > 0.5
    assert found.figures["alignment, best pair"].value > found.figures["alignment, Gaussian"].high  # type: ignore[operator]
    assert found.figures["diagonal score, best pair"].value == pytest.approx(24**0.5, rel=0.1)


@pytest.mark.parametrize("make", [llama, neox])
def test_weights_of_chance_give_no_match(make) -> None:  # type: ignore[no-untyped-def]
    found = found_in(make())
    assert found.pairs
    assert not found.matched
    assert found.figures["diagonal score, best pair"].value < 1


def test_heads_of_an_unknown_shape_are_refused() -> None:
    class Other:
        base_model = None
        config = LlamaConfig(model_type="other")

    with pytest.raises(BadModel, match="heads are known"):
        heads_of(Other())


def test_pairs_go_from_earlier_layers_to_later_ones_alone() -> None:
    found = found_in(llama())
    assert all(pair.writes.split(".")[0] < pair.reads.split(".")[0] for pair in (*found.pairs, *found.random))
    assert Place(0, 1) in heads_of(llama())


def test_the_command_keeps_what_it_finds(run: Run, model_directory: Path) -> None:
    done = run("evaluate", "subspace", f"tiny={model_directory / 'model'}", "--threads", 1)
    assert done.code == 0, done.err
    assert "no proof" in done.out
    told = json.loads(Path("results/tiny/subspace.json").read_text("utf-8"))
    assert told["figures"]["alignment, Gaussian"]["n"] == 50
    assert told["details"]["pairs"]
    again = run("evaluate", "subspace", f"tiny={model_directory / 'model'}", "--threads", 1, "--into", "again")
    assert again.code == 0
    assert json.loads(Path("again/tiny/subspace.json").read_text("utf-8"))["figures"] == told["figures"]
    refused = run("evaluate", "subspace", "nowhere/model")
    assert refused.code
    assert "Traceback" not in refused.err
