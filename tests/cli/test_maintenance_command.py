"""`espalier maintenance`: a running server says that it is being worked on."""

from pathlib import Path

from commands import Run
from espalier.web import maintenance


def test_it_begins_with_a_time_and_a_reason_and_ends(run: Run) -> None:
    begun = run("maintenance", "begin", "--minutes", 20, "--reason", "A larger disk.")
    assert begun.code == 0
    works = maintenance.works_in(Path("var"))
    assert works is not None
    assert works.until is not None
    assert works.reason == "A larger disk."
    assert run("maintenance", "end").code == 0
    assert maintenance.works_in(Path("var")) is None
    assert "open already" in run("maintenance", "end").err
