"""`espalier dataset reliability`, as somebody types it."""

import os
import subprocess
import sys
from pathlib import Path

from commands import Run


def test_the_weights_are_written_also_where_nobody_reads_the_table_to_its_end(
    run: Run, demo_files: tuple[Path, Path]
) -> None:
    _, votes = demo_files
    read_by, shown_in = os.pipe()
    os.close(read_by)
    command = [sys.executable, "-m", "espalier.cli", "dataset", "reliability", str(votes), "--weights", "weights.jsonl"]
    ended = subprocess.run(command, stdout=shown_in, stderr=subprocess.PIPE, text=True, check=False)
    os.close(shown_in)
    assert "Traceback" not in ended.stderr

    shown = run("dataset", "reliability", votes, "--weights", "again.jsonl")
    assert Path("again.jsonl").read_bytes() == Path("weights.jsonl").read_bytes()
    assert f"again.jsonl: {len(Path('again.jsonl').read_text().splitlines())} lines." in shown.out
