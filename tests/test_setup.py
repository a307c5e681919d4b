"""What the repository promises before any of its code runs: one test command, and no silent gaps where the data is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run_real_tests(data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-x", "tests/real/test_oasst_files.py"],
        cwd=ROOT, env={**kept, "ESPALIER_DATA": str(data), **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_without_the_real_data_a_line_says_what_was_left_out_and_where_to_get_it(tmp_path: Path) -> None:
    done = run_real_tests(tmp_path / "absent")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    lines = [line for line in done.stdout.splitlines() if line.startswith("Left out: ")]
    assert len(lines) == 1
    assert "tests/real/test_oasst_files.py" in lines[0]
    assert "OpenAssistant/oasst1" in lines[0]


def test_in_ci_the_real_data_has_to_be_there(tmp_path: Path) -> None:
    done = run_real_tests(tmp_path / "absent", CI="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "has to run in CI" in done.stdout


def test_ci_runs_the_test_command_of_the_readme() -> None:
    orders = [line for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines() if line and line[0] not in "#s"]
    assert orders == ['cd "$(dirname "$0")/.."', "export CI=true", "exec make test"]
    assert "make test " in (ROOT / "README.md").read_text("utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_lock_names_exact_versions_and_no_place() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()[1:]
    assert lines == sorted(lines, key=str.upper)
    for line in lines:
        name, version = line.split("==")
        assert name
        assert version[0].isdigit()
        assert not set(line) & set("/@: +")
