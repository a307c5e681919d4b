"""What all tests share: databases, the real data, and how hard Hypothesis tries.

Tests marked `real` read published data that is not part of the repository. Where it is absent they are left out, and
a line says so; with CI set they fail. Those marked `gpu` are left out where there is no graphics card, and a line says
so.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = ["databases"]

REAL_DATA = Path(os.environ.get("ESPALIER_DATA") or Path(__file__).parents[2] / "shared" / "data")
HOW_TO_GET_IT = (
    "the real data is not in ../shared/data nor where ESPALIER_DATA points; it is published on the Hub as "
    "OpenAssistant/oasst1 (the English part also in TurkuNLP/oasst-fi) and OpenAssistant/oasst2"
)
LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()
"""Files with tests that were left out, by why."""

# What tests start: with one thread for each, as the tests have, and with compiled code where there is some.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# No deadlines: how long an example takes says more about the machine than about the code.
if not os.environ.get("CI"):
    settings.register_profile("default", deadline=None)
    settings.load_profile("default")
settings.register_profile("fast", deadline=None, max_examples=10)


@pytest.fixture(scope="session")
def real_data() -> Path:
    return REAL_DATA


@pytest.hookimpl(trylast=True)  # after -m and -k have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The slow ones first: whoever is done earlier takes over short ones, and nobody waits for a long one in the end.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    config.stash[LEFT_OUT] = {}
    if not (REAL_DATA.is_dir() or os.environ.get("CI")):
        _leave_out("real", f"because {HOW_TO_GET_IT}", config, items)
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        _leave_out("gpu", "because there is no graphics card here", config, items)


def _leave_out(marker: str, why: str, config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if item.get_closest_marker(marker)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
        config.stash[LEFT_OUT][why] = sorted({item.nodeid.split("::")[0] for item in left_out})


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("real") and not REAL_DATA.is_dir():
        pytest.fail(f"This test has to run in CI, but {HOW_TO_GET_IT}.", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Put Playwright's loop aside for all tests without a browser: once begun it runs in this thread to the end."""
    if item.get_closest_marker("browser"):
        return (yield)
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return (yield)
    finally:
        asyncio._set_running_loop(running)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where several processes share the tests, each tells what it left out, and one says so."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["left out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for why, files in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"Left out: tests of {', '.join(files)}, {why}.")
