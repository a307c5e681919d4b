"""Programs that mean harm are shut in: each of these tries something, does none of it, and is not called right."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from espalier.evaluate import confined
from espalier.evaluate.sandbox import Limits, Outcome, outcome, outcomes

SOON = Limits(seconds=3)
HOSTILE = {
    "fork bomb": "import os\nwhile True:\n    os.fork()",
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)",
    "read of the home": "import os\nprint(os.listdir({home!r}))\nopen({secret!r}).read()",
    "write outside": "open({outside!r}, 'w').write('harm')",
    "full disk": "import os\nfor n in range(10**6):\n    open(f'{folder}/{{n}}', 'wb').write(bytes(10**7))",
    "kill of the parent": "import os\nos.kill(os.getppid(), 9)",
    "ptrace of the parent": (
        "import ctypes, os\nkernel = ctypes.CDLL(None, use_errno=True)\n"
        "assert kernel.ptrace(16, os.getppid(), 0, 0) == 0"
    ),
    "endless output": "import os\nwhile True:\n    [os.write(n, b'x' * 4096) for n in (1, 2, 3)]",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()",
    "memory": "x = []\nwhile True:\n    x.append(bytearray(10**7))",
    "symlink": "import os\nos.symlink({secret!r}, {outside!r})",
    "/proc": "open(f'/proc/{pid}/environ', 'rb').read()",
    "sleep": "import time\ntime.sleep(3600)",
    "threads": "import threading, time\nwhile True:\n    threading.Thread(target=lambda: time.sleep(9)).start()",
    "another program": "import os\nos.execv('/bin/sh', ['sh', '-c', 'echo harm > {outside}'])",
    "rights of a file": "import os\nos.chmod({secret!r}, 0o777)",
    "removal": "import os\nos.remove({secret!r})",
    "shortening": "import os\nos.truncate({secret!r}, 0)",
    "early leave": "import os\nos._exit(0)",
    "early end": "import sys\nsys.exit(0)",
}


@pytest.mark.parametrize("does", HOSTILE)
def test_a_hostile_program_harms_nothing_and_is_not_right(does: str, tmp_path: Path) -> None:
    secret, outside = tmp_path / "secret", tmp_path / "outside"
    secret.write_text("kept", "utf-8")
    secret.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        written = HOSTILE[does].format(
            port=server.getsockname()[1], home=str(Path.home()), secret=str(secret), outside=str(outside),
            folder=str(tmp_path), pid=os.getpid(),
        )  # fmt: skip
        began = time.monotonic()
        assert outcome(written, SOON) is not Outcome.PASSED
        assert time.monotonic() - began < 8
        with pytest.raises(TimeoutError):
            server.accept()
    assert {path.name for path in tmp_path.iterdir()} == {"secret"}
    assert secret.read_text("utf-8") == "kept"
    assert secret.stat().st_mode & 0o777 == 0o600


def test_a_program_that_computes_comes_to_its_end() -> None:
    fine = (
        "import collections, hashlib, math, random, re, string, typing\nassert hashlib.md5(b'').hexdigest()[0] == 'd'"
    )
    assert outcomes([fine, "assert False"]) == [Outcome.PASSED, Outcome.FAILED]


def test_what_it_is_told_of_this_process_is_nothing() -> None:
    alone = "set(os.environ) <= {'LC_CTYPE'} and len(sys.argv) == 1 and 'espalier' not in sys.modules"
    assert outcome(f"import os, sys; assert {alone}") is Outcome.PASSED


def test_a_program_ends_with_whoever_runs_it() -> None:
    command = [sys.executable, "-c", "from espalier.evaluate.sandbox import outcome; outcome('while True: pass')"]
    with subprocess.Popen(command) as running:
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        until = time.monotonic() + 20
        while not (child := children.read_text().strip()) and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.3)
        running.kill()
    assert child
    until = time.monotonic() + 5
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid: str) -> bool:
    try:
        return confined.__file__.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
