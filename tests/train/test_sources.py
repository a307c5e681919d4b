"""One split over all sources, how often each line is learned, and in which order."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from espalier.dataset.convert import Kind
from espalier.infer.tokens import Encoded
from espalier.train.curriculum import Curriculum, paced
from espalier.train.learnable import Learnable
from espalier.train.robust import Groups, Robust
from espalier.train.settings import Data, Source
from espalier.train.sources import BadSource, Line, read_parts, read_texts
from oasst import lines, message, tree


def pruned(n: int, lang: str = "en", quality: float = 0.5) -> dict[str, object]:
    labels = {"quality": {"value": quality, "count": 3}}
    reply = message(f"a{n}", f"p{n}", text=f"Answer {n}.", lang=lang, review_result=True, labels=labels)
    question = f"This is question number {n} in {lang}, and long enough to tell."
    return tree(message(f"p{n}", text=question, lang=lang, review_result=True, replies=[reply]))


def data(*paths: Path, **more: object) -> Data:
    given = {"sources": [{"path": str(path)} for path in paths], "held_out": 0.3, **more}
    return Data.model_validate(given)


def test_what_stands_in_two_sources_stands_on_one_side(tmp_path: Path) -> None:
    trees = lines(tmp_path / "trees.jsonl", *(pruned(n) for n in range(60)))
    chats = lines(
        tmp_path / "chats.jsonl",
        *({"messages": [
            {"role": "user", "content": f"THIS is  question number {n} in en, and long enough to tell."},
            {"role": "assistant", "content": "Another answer."},
        ]} for n in range(30, 90)),
    )  # fmt: skip
    for parts in (
        read_parts(data(trees, chats), Kind.THREADS),
        read_parts(data(chats, trees), Kind.THREADS),
        read_texts(data(chats, trees)),
    ):
        sides = [{line.texts[0].lower().replace("  ", " ") for line in side if "question" in line.texts[0]}
                 for side in (parts.learned, parts.held_out)]  # fmt: skip
        assert not sides[0] & sides[1]
        assert len(sides[0] | sides[1]) == 90
        assert len(sides[1]) >= 10


def test_files_of_a_directory_that_are_for_measuring_are_never_learned(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    lines(tmp_path / "release" / "train.trees.jsonl", *(pruned(n) for n in range(9)))
    lines(tmp_path / "release" / "validation.trees.jsonl", *(pruned(n) for n in range(7, 12)))
    lines(tmp_path / "release" / "votes.jsonl", {"vote_id": "v", "kind": "labels", "message_id": "m"})
    parts = read_parts(data(tmp_path / "release"), Kind.THREADS)
    assert {line.unit for line in parts.held_out} == {"p7", "p8", "p9", "p10", "p11"}
    assert {line.unit for line in parts.learned} == {f"p{n}" for n in range(7)}
    with pytest.raises(BadSource, match=r"nothing is left to learn: validation\.trees\.jsonl is for measuring"):
        read_parts(data(tmp_path / "release" / "validation.trees.jsonl"), Kind.THREADS)


def test_only_what_fulfils_the_conditions_is_learned(tmp_path: Path) -> None:
    file = lines(tmp_path / "trees.jsonl", pruned(1, quality=0.9), pruned(2, quality=0.1), pruned(3, quality=0.8))
    source = Source(path=file, where=("rank!=1", "quality>=0.5"))
    with pytest.raises(BadSource, match="gives no conversation"):
        read_parts(Data(sources=(source,)), Kind.THREADS)  # prompts have no quality, and go with all below them
    found = read_parts(Data(sources=(Source(path=file),), held_out=0), Kind.THREADS)
    assert [line.quality for line in found.learned] == [0.9, 0.1, 0.8]
    with pytest.raises(BadSource, match="there is no field qualty"):
        read_parts(Data(sources=(Source(path=file, where=("qualty>=1",)),)), Kind.THREADS)


def test_rare_languages_come_more_often_but_not_those_of_a_handful(tmp_path: Path) -> None:
    langs = ["en"] * 160 + ["de"] * 40 + ["fr"] * 5
    file = lines(tmp_path / "trees.jsonl", *(pruned(n, lang) for n, lang in enumerate(langs)))
    parts = read_parts(data(file, alpha=0.5, held_out=0), Kind.THREADS)
    weights = {line.lang: line.weight for line in parts.learned}
    assert weights["de"] / weights["en"] == pytest.approx((40 / 160) ** -0.5)
    assert weights["fr"] <= 1
    assert sum(line.weight for line in parts.learned) == pytest.approx(len(langs))
    capped = read_parts(data(file, alpha=0.0, most=1.5, held_out=0), Kind.THREADS)
    assert max(line.weight for line in capped.learned) == pytest.approx(1.5)


def line(lang: str) -> Line:
    return Line("", lang, Path("trees"), lang, 1.0, (), tags={"language": lang})


def test_tags_are_left_out_by_the_seed_and_the_step() -> None:
    bare, tagged = ([Encoded(np.array([n]), np.array([0]), np.array([True])) for _ in range(200)] for n in (0, 1))
    learned = Learnable(tuple(bare), (line("en"),) * 200, tuple(tagged))
    some = data(Path("trees"), tag_dropout=0.25)

    def drawn(step: int) -> list[int]:
        return [int(each.ids[0]) for each in learned.at(range(200), step, some, seed=1)]

    assert drawn(3) == drawn(3) != drawn(4)
    assert 0.6 < np.mean(drawn(3)) < 0.9


def test_a_curriculum_begins_with_what_is_easy_and_ends_with_all() -> None:
    chosen = Curriculum(key="length", begin=0.1, until=0.5)
    easy = list(range(99, -1, -1))  # the last place is the easiest
    steps = list(islice(paced(easy, [1.0] * 100, chosen, 20, 8, seed=1), 20))
    assert set(steps[0]) <= set(range(90, 100))
    assert all(len(set(step)) == 8 for step in steps)
    assert min(min(step) for step in steps[:5]) >= 45
    assert len({place for step in steps[10:] for place in step if place < 50}) > 10
    assert steps == list(islice(paced(easy, [1.0] * 100, chosen, 20, 8, seed=1), 20))


def test_the_group_that_fares_badly_counts_more() -> None:
    lines = [line(lang) for lang in ("en", "de", "fr") for _ in range(30)]
    groups = Groups(lines, Robust(rate=0.5))
    assert groups.weights(["de", "en"]) == {"de": 0.5, "en": 0.5}
    for _ in range(3):
        groups.move({"de": 2.0, "en": 1.0})
    weights = groups.weights(["de", "en", "fr"])
    assert weights["de"] / weights["en"] == pytest.approx(np.exp(0.5 * 3))
    assert weights["fr"] == pytest.approx(1 / 3)  # nobody saw it
    again = Groups(lines, Robust(rate=0.5))
    again.load_state_dict(groups.state_dict())
    assert again.weights(groups.names) == groups.weights(groups.names)


def test_groups_count_by_their_weights_however_many_lines_of_them_a_step_has_and_small_ones_together() -> None:
    lines = [line(lang) for lang, number in {"en": 40, "de": 30, "fr": 29, "eu": 2}.items() for _ in range(number)]
    groups = Groups(lines, Robust(rate=0.5))
    assert groups.names == ["de", "en", "other"]
    groups.move({"en": 1.0, "other": 3.0})
    step = [line(lang) for lang in ("en", "fr", "en", "eu", "en", "de")]
    losses = torch.rand(6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    en, fr, en2, eu, en3, de = losses.tolist()
    means = {"en": (en + en2 + en3) / 3, "other": (fr + eu) / 2, "de": de}
    assert groups.means(step, losses) == pytest.approx(means, rel=1e-9)
    expected = sum(groups.weights([*means])[name] * mean for name, mean in means.items())
    assert float((groups.shares(step).double() * losses).sum()) == pytest.approx(expected, rel=1e-6)
