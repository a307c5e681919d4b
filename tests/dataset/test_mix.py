"""A mixture has so much of each source and language as the recipe asks for, and no line too often."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espalier.dataset.mix import BadMix, Recipe, language_weights, mix
from espalier.dataset.mixture import Source, count, lang_in, mixed
from espalier.dataset.split import NO_LANGUAGE

COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["en", "de", "ko", "th"])),
    st.integers(0, 5000),
    min_size=1,
).filter(lambda counts: sum(counts.values()))
RECIPES = st.builds(
    Recipe,
    alpha=st.floats(0, 1),
    floors=st.dictionaries(st.sampled_from(["en", "de", "xx"]), st.floats(0, 0.3)),
    highest=st.floats(1, 20),
)


@given(COUNTS, RECIPES, st.sets(st.sampled_from(["de", "ko"])))
def test_weights_are_one_on_average_and_nobody_is_above_the_highest(counts, recipe: Recipe, unmeasured) -> None:
    made = mix(counts, recipe, unmeasured)
    assert sum(made.quotas.values()) == sum(counts.values())
    assert made.quotas.keys() == counts.keys()
    masses = {lang: float(sum(n for (_, of), n in counts.items() if of == lang)) for _, lang in counts}
    masses = {lang: mass for lang, mass in masses.items() if mass}
    weights = language_weights(masses, recipe, unmeasured)
    total = sum(masses.values())
    assert sum(masses[lang] * weights[lang] for lang in masses) == pytest.approx(total)
    for lang, weight in weights.items():
        assert weight <= (1 if lang in unmeasured else recipe.highest) + 1e-9
        if lang not in made.below_floor:
            assert masses[lang] * weight / total >= recipe.floors.get(lang, 0) - 1e-9
    for cell, number in counts.items():
        assert abs(made.quotas[cell] - number * weights.get(cell[1], 0)) <= 1


def test_languages_are_drawn_with_the_power_of_their_size() -> None:
    counts = {("a", "en"): 10_000, ("a", "de"): 400, ("b", "de"): 500, ("b", "ko"): 100}
    made = mix(counts, Recipe(alpha=0.5))
    # √10000 : √900 : √100 = 100 : 30 : 10 of 11,000
    assert made.quotas == {("a", "en"): 7857, ("a", "de"): 1048, ("b", "de"): 1309, ("b", "ko"): 786}
    as_they_come = mix(counts, Recipe())
    assert as_they_come.quotas == counts


def test_what_is_too_small_is_held_down_and_named() -> None:
    counts = {("a", "en"): 10_000, ("a", "ko"): 100, ("a", "th"): 100}
    made = mix(counts, Recipe(alpha=0.3, highest=3, floors={"th": 0.5}), unmeasured={"ko", "en"})
    assert made.quotas == {("a", "en"): 9800, ("a", "ko"): 100, ("a", "th"): 300}
    assert made.held_down == ("ko",)  # English would not have gained
    assert made.below_floor == ("th",)


def test_text_in_no_known_language_is_never_drawn_more_often_than_it_comes() -> None:
    made = mix({("a", "und"): 20, ("a", "de"): 20, ("a", "en"): 960}, Recipe(alpha=0))
    assert made.held_down == ("und",)
    assert made.quotas["a", "und"] <= 20 < made.quotas["a", "de"]


def test_weights_and_caps_of_sources() -> None:
    counts = {("a", "en"): 600, ("a", "de"): 400, ("b", "en"): 100}
    made = mix(counts, Recipe(weights={"b": 2}, caps={"a": 100}))
    assert made.taken == {("a", "en"): 60, ("a", "de"): 40, ("b", "en"): 100}
    # 60 + 40 + twice 100, brought to the 200 lines that there are
    assert made.quotas == {("a", "en"): 40, ("a", "de"): 27, ("b", "en"): 133}
    assert mix(counts, Recipe(weights={"a": 0}, size=50)).quotas == {("a", "en"): 0, ("a", "de"): 0, ("b", "en"): 50}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"highest": 0.5}, "must be 1 or more"),
        ({"weights": {"a": -1}}, "the weight of a is -1"),
        ({"floors": {"de": 0.6, "en": 0.6}}, "the floors make 1.2"),
        ({"weights": {"z": 1}}, "there is no source z; there are a"),
        ({"weights": {"a": 0}}, "there is not a line to mix"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(given: dict, says: str) -> None:
    with pytest.raises(BadMix, match=says):
        mix({("a", "en"): 3}, Recipe(**given))


def write(path: Path, *lines: dict) -> Source:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Source(path.name, path)


def test_each_line_stands_in_the_mixture_as_often_as_its_like(tmp_path: Path) -> None:
    chats = [{"messages": [{"role": "user", "content": f"{n}"}], "lang": "en" if n % 3 else "de"} for n in range(30)]
    sources = [write(tmp_path / "a.jsonl", *chats[:20]), write(tmp_path / "b.jsonl", *chats[20:])]
    counts = count(sources)
    assert sum(counts.values()) == 30
    made = mix(counts, Recipe(weights={"b.jsonl": 3}, caps={"a.jsonl": 5}, size=40))
    lines = list(mixed(sources, made, "seed"))
    times = Counter(line["messages"][0]["content"] for line in lines)
    assert len(lines) == 40
    assert len([n for n in times if int(n) < 20]) == 5
    for (source, lang), quota in made.quotas.items():
        own = [line["messages"][0]["content"] for line in chats if line["lang"] == lang]
        often = [times[n] for n in own if (int(n) >= 20) == (source == "b.jsonl") and times[n]]
        assert sum(often) == quota
        assert max(often) - min(often) <= 1
    assert lines == list(mixed(sources, made, "seed"))
    assert lines != list(mixed(sources, made, "another seed"))


def test_files_of_different_kinds_are_not_mixed(tmp_path: Path) -> None:
    chats = write(tmp_path / "a.jsonl", {"messages": []})
    pairs = write(tmp_path / "b.jsonl", {"prompt": "?", "chosen": "a", "rejected": "b"})
    with pytest.raises(BadMix, match=r"there are chats \(.*a.jsonl:1\) and preference pairs \(.*b.jsonl:1\)"):
        count([chats, pairs])


def test_lines_are_of_the_kind_that_they_are_read_as(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hello."}]
    released = write(tmp_path / "a.jsonl", {"message_id": "m", "parent_id": None, "messages": turns})
    assert count([released, write(tmp_path / "b.jsonl", {"messages": turns})]).total() == 2
    done = write(tmp_path / "c.jsonl", {"prompt": "?", "completion": "!"})
    with pytest.raises(BadMix, match=r"prompts with completions \(.*c.jsonl:1\) and prompts \(.*d.jsonl:1\)"):
        count([done, write(tmp_path / "d.jsonl", {"prompt": "?"})])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"lang": "de", "messages": []}, "de"),
        ({"message_tree_id": "a", "prompt": {"text": "hello", "lang": "ko"}}, "ko"),
        ({"prompt": [{"role": "system", "content": "obey"}, {"role": "user", "content": "hello"}]}, "hello"),
        ({"conversations": [{"from": "human", "value": "hello"}]}, "hello"),
        ({"prompt": "hello", "chosen": "a"}, "hello"),
        ({"message_id": "a", "text": "hello", "lang": None}, "hello"),
        ({"instruction": "hello", "output": "a"}, "hello"),
        ({"messages": []}, "und"),
    ],
)
def test_a_line_says_its_language_or_its_first_text_does(line: dict, says: str) -> None:
    assert lang_in(line, lambda text: text) == says


def test_where_the_first_text_does_not_tell_its_language_the_others_do() -> None:
    def long_enough(text: str) -> str:
        return "de" if len(text) > 20 else NO_LANGUAGE

    turns = [("system", "You are a very helpful assistant."), ("user", "Na?"), ("assistant", "Ich kann nicht klagen!")]
    line = {"messages": [{"role": role, "content": text} for role, text in turns]}
    assert lang_in(line, long_enough) == "de"
    assert lang_in({"messages": line["messages"][:2]}, long_enough) == NO_LANGUAGE
    assert lang_in({"id": 7}, long_enough) == NO_LANGUAGE
