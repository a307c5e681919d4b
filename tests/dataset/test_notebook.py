"""What the page on data sets shows is what happens, and importing the package costs nothing."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from espalier import dataset
from espalier.dataset.filter import FIELDS, BadCondition

PAGE = Path(__file__).parents[2] / "docs" / "dataset.md"


def test_the_samples_of_the_page_run_as_they_stand_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    datasets.disable_progress_bars()
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    samples = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(samples) > 5
    test = doctest.DocTestParser().get_doctest("\n".join(samples), {}, "dataset.md", str(PAGE), 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)
    assert runner.tries > len(samples)


def test_the_page_names_every_function_and_every_field() -> None:
    text = PAGE.read_text("utf-8")
    functions = [name for name in dataset.__all__ if name.islower()]
    assert not [name for name in (*functions, *FIELDS) if f"`{name}" not in text]


def test_every_name_is_there_and_none_is_loaded_before_it_is_asked_for() -> None:
    assert all(getattr(dataset, name) for name in dataset.__all__)
    assert set(dataset.__all__) <= set(dir(dataset))
    with pytest.raises(AttributeError, match="has no attribute 'cats'"):
        dataset.cats  # noqa: B018
    asked = "from espalier import dataset; import sys; print(len([n for n in sys.modules if n.startswith('espalier')]))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 2


def test_what_a_check_found_is_not_asked_for_without_its_scores() -> None:
    with pytest.raises(BadCondition, match=r"near_duplicate=false.* hand in scores"):
        dataset.where([], "near_duplicate=false")
    with pytest.raises(BadCondition, match="hand in scores"):
        dataset.chats([], "personal=0")
    assert list(dataset.where([], "personal=0", scores={})) == []
