"""What is trained of a model, and that an adapter opens as the model that was trained."""

import random
import shutil
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from espalier.infer.engine import Sampling
from espalier.infer.forward import logits_at
from espalier.infer.load import load_model, save_model
from espalier.infer.local import LocalEngine
from espalier.infer.reward import begin_reward
from espalier.infer.shared import rewards_of, rows_of
from espalier.infer.tokens import end_of
from espalier.infer.unusable import BadModel
from espalier.train.base import Base, learn_tokenizer, new_model
from espalier.train.optimizer import optimizer_of, step
from espalier.train.options import BaseSettings
from espalier.train.settings import Adapter, BadSettings, Data, Model, Optimizer, Run, Source, Tuning
from espalier.train.start import begin, prepared, role_tokens

torch.set_num_threads(1)
IDS = torch.tensor([[1, 2, 3, 4, 70, 80]])


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    tokenizer = learn_tokenizer(["some words", "and others"], 270)
    torch.manual_seed(0)
    shape = Base(width=32, layers=2, heads=2, positions=64)
    save_model(new_model(shape, len(tokenizer), end_of(tokenizer)), tokenizer, folder)
    return folder


def settings(start: Path, adapter: Adapter | None = None, **model: object) -> Tuning:
    return Tuning(
        model=Model.model_validate({"start": str(start), "adapter": adapter, "device": "cpu", **model}),
        data=Data(sources=(Source(path=Path("none")),)),
        run=Run(out=Path("none"), seed=5, threads=1),
    )


def test_all_chance_of_a_run_comes_from_its_seed(start: Path) -> None:
    drawn = []
    for _ in range(2):
        begin(settings(start))
        drawn.append((torch.rand(1).item(), np.random.random(), random.random()))
    assert drawn[0] == drawn[1]


def test_an_adapter_trains_its_matrices_and_the_embeddings_of_roles_and_opens_as_the_model_it_made(
    start: Path, tmp_path: Path
) -> None:
    model, tokenizer = begin(settings(start, Adapter(rank=2, alpha=64)))
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    assert all("lora_" in name or "trainable_tokens" in name for name in trained)
    (embeddings,) = (each for name, each in trained.items() if "trainable_tokens" in name)
    assert embeddings.shape == (len(role_tokens(tokenizer)), 32)
    for each in trained.values():
        torch.nn.init.normal_(each, std=0.5)
    model.eval()
    save_model(model, tokenizer, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()

    whole, _ = load_model(tmp_path)
    untrained, _ = load_model(start)
    ids = torch.cat((IDS, torch.tensor([role_tokens(tokenizer)])), dim=1)
    with torch.no_grad():
        said, again, before = (each(ids).logits for each in (model, whole, untrained))
    torch.testing.assert_close(again, said, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(before, said, atol=0.1)
    assert all(each.requires_grad for each in whole.parameters())


@pytest.mark.skipif(find_spec("bitsandbytes") is not None, reason="it is there")
def test_four_bits_say_what_they_need(start: Path) -> None:
    with pytest.raises(BadModel, match="need bitsandbytes; install it with"):
        begin(settings(start, Adapter(quantise="nf4")))


def test_what_is_not_kept_in_four_bits_says_so(start: Path) -> None:
    model, _ = load_model(start)
    with pytest.raises(BadModel, match=r"model\.adapter\.quantise"):
        prepared(model, Model(start=str(start), adapter=Adapter(quantise="nf4")), "SEQ_CLS")


def test_recomputed_activations_give_the_same_gradients(start: Path) -> None:
    gradients = []
    for recompute in (False, True):
        model, _ = begin(settings(start, gradient_checkpointing=recompute))
        model.train()
        model(IDS).logits.square().mean().backward()
        gradients.append([each.grad for each in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_only_graphics_cards_have_compiled_layers(start: Path) -> None:
    with pytest.raises(BadModel, match=r"model\.compiled is true, which is for graphics cards"):
        begin(settings(start, compiled=True))


@pytest.mark.gpu
@pytest.mark.parametrize("adapter", [None, Adapter(rank=2)], ids=["all weights", "adapter"])
@pytest.mark.parametrize("recompute", [False, True])
def test_compiled_layers_learn_the_same_and_write_the_same(
    start: Path, adapter: Adapter | None, recompute: bool
) -> None:
    told = []
    for compiled in (False, True):
        model, tokenizer = begin(
            settings(start, adapter, device="cuda", gradient_checkpointing=recompute, compiled=compiled)
        )
        model.train()
        model(IDS.cuda()).logits.square().mean().backward()
        gradients = [each.grad.flatten() for each in model.parameters() if each.grad is not None]
        replies = LocalEngine(model, [end_of(tokenizer)]).generate([(1, 2, 3)], Sampling(longest=8, temperature=0), 0)
        told.append((torch.cat(gradients), replies))
    (gradient, replies), (compiled_gradient, compiled_replies) = told
    torch.testing.assert_close(compiled_gradient, gradient, rtol=1e-3, atol=1e-5)
    assert compiled_replies == replies


def test_half_a_model_is_refused_in_a_sentence(start: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    shutil.copytree(start, half)
    weights = half / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(BadModel, match="half gives no language model"):
        begin(settings(half))


def test_layers_that_a_model_has_not_get_no_adapter(start: Path) -> None:
    with pytest.raises(BadSettings, match=r"model\.adapter\.targets is query, but .* has the linear layers down_proj"):
        begin(settings(start, Adapter(targets=("query",))))


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ({"width": 40, "heads": 3}, "width is 40, but must be a multiple of twice heads, 6"),
        ({"positions": 256}, "base.positions is 256, but must be data.length, 512, or more"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_before_anything_is_read(base: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        BaseSettings.model_validate({"base": base, "data": {"sources": [{"path": "none"}]}, "run": {"out": "none"}})


def moved(start: Path, **numbers: object) -> float:
    """The share of weights that one step of the smallest usual learning rate changes."""
    model, _ = begin(settings(start, **numbers))
    before = [each.detach().clone() for each in model.parameters()]
    optimizer, schedule = optimizer_of(model, Optimizer(learning_rate=5e-7, schedule="constant", warmup=0), 1)
    logits_at(model, torch.arange(6), input_ids=IDS).float().square().mean().backward()
    step(model, optimizer, schedule, 1.0)
    pairs = list(zip(before, model.parameters(), strict=True))
    return sum(int((was != now).sum()) for was, now in pairs) / sum(was.numel() for was in before)


def test_no_step_is_too_small_for_mixed_precision(start: Path) -> None:
    whole, mixed = moved(start), moved(start, compute="bfloat16")
    assert mixed == pytest.approx(whole, abs=0.02)
    assert moved(start, dtype="bfloat16") < whole / 10, "which is why there is mixed precision"


def test_mixed_precision_computes_in_bfloat16_also_in_copies_and_tells_rewards_in_float32(start: Path) -> None:
    model, _ = begin(settings(start, compute="bfloat16"))
    for each in (model, deepcopy(model)):
        assert logits_at(each, torch.arange(6), input_ids=IDS).dtype == torch.bfloat16
        assert all(weight.dtype == torch.float32 for weight in each.parameters())
    torch.manual_seed(0)
    judge, _ = begin_reward(start)
    rows = rows_of([((1, 2, 3), [(4, 70), (80, 90, 5)])], [0], judge)
    whole = rewards_of(judge, rows)
    mixed = rewards_of(prepared(judge, settings(start, compute="bfloat16").model, "SEQ_CLS"), rows)
    assert mixed.tolist() == pytest.approx(whole.tolist(), abs=0.05)
    assert not torch.equal(mixed, whole)
    assert not torch.equal(mixed, mixed.bfloat16().float()), "replies would tie that do not"


def test_weights_in_bfloat16_are_not_mixed(start: Path) -> None:
    with pytest.raises(ValueError, match="leave one of them out"):
        settings(start, dtype="bfloat16", compute="bfloat16")
