"""Programs that nobody has read, run where they can harm nothing: each in a process of its own, which reads Python's
library and computes, and does nothing else (`confined.py`).

What it protects is the machine, not the score: a program that wants to be called right, and knows where it runs, can
find the word that says so in its own process. Knows programs; does not know what they are for.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Final

from espalier.evaluate import confined
from espalier.evaluate.model import Tell, nobody

LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")


class NoSandbox(Exception):
    """This machine cannot shut a program in; the message says what is missing."""


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    """It raised an error, left early, or was ended for what it wanted."""
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class Limits:
    """seconds: by the clock, and of computing. memory_mb: of addresses, of which Python itself takes about 30."""

    seconds: float = 10.0
    memory_mb: int = 512


def key_of(program: str, limits: Limits) -> str:
    """Names a program and what it may take, as kept outcomes are found by it."""
    return hashlib.sha256(f"{limits} {program}".encode("utf-8", "surrogatepass")).hexdigest()


def refuse_without() -> None:
    """Raises NoSandbox."""
    outcome("")


def outcome(program: str, limits: Limits = Limits()) -> Outcome:
    """Whether a program comes to its end without an error. Raises NoSandbox."""
    word = secrets.token_hex(16)
    asked = {
        "program": program, "word": word, "readable": [str(Path(os.__file__).parent), *LIBRARIES],
        "seconds": ceil(limits.seconds), "memory": limits.memory_mb << 20,
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", confined.__file__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/", env={},
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        try:
            process.stdin.write(json.dumps(asked).encode())
            process.stdin.close()
            process.wait(limits.seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return Outcome.TIMED_OUT
        except BrokenPipeError:
            process.kill()
        # Nobody else holds the pipe, and no more is read than what is expected, whatever was written into it.
        said = process.stdout.read(1_000)
    shut, is_shut, rest = said.partition(confined.SHUT)
    if shut or not is_shut:
        reason = shut.decode("utf-8", "replace") or "its process ended before it began"
        raise NoSandbox(f"programs cannot be shut in on this machine: {reason}")
    return Outcome.PASSED if rest == word.encode() else Outcome.FAILED


def outcomes(programs: Sequence[str], limits: Limits = Limits(), tell: Tell = nobody) -> list[Outcome]:
    """Of each program, as many at a time as there are cores. Raises NoSandbox."""
    found = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for each in threads.map(lambda program: outcome(program, limits), programs):
            found.append(each)
            tell(len(found), len(programs))
    return found
