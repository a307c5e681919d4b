"""One program in a process that has shut every door behind itself: what `sandbox.py` starts, as a file of its own.

Landlock (kernel.org/doc/html/latest/userspace-api/landlock.html) leaves open reading Python's own library; seccomp
(…/userspace-api/seccomp_filter.html) the calls that a program needs to compute. What is not on the list is refused:
starting processes and threads, sockets, signals, looking into others, changing files by their name. Limits bound
memory, time and open files. It needs no rights, and the program is run in the same process, so nothing is left to open
again. Knows nothing of the rest of the package.
"""

import ctypes
import json
import os
import platform
import resource
import signal
import sys
from collections.abc import Sequence

SHUT = b"shut\n"
"""Said once nothing can be reached any more, before the program begins."""

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
READ_FILE, READ_DIR = 1 << 2, 1 << 3
EVERYTHING = (1 << 13) - 1  # that the first Landlock knows; what came later seccomp refuses
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW, SECCOMP_RET_EPERM, SECCOMP_RET_KILL = 0x7FFF0000, 0x00050001, 0x80000000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF: a word of the call, a comparison, the verdict
CALL_AT, MACHINE_AT = 0, 4

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CALLS = {
    # name: on x86_64, on aarch64; None where a machine has no such call
    "read": (0, 63), "write": (1, 64), "open": (2, None), "close": (3, 57), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "poll": (7, None), "ppoll": (271, 73), "lseek": (8, 62), "mmap": (9, 222),
    "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67), "readv": (19, 65),
    "writev": (20, 66), "access": (21, None), "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233),
    "nanosleep": (35, 101), "getpid": (39, 172), "exit": (60, 93), "uname": (63, 160), "getcwd": (79, 17),
    "gettimeofday": (96, 169), "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153),
    "getuid": (102, 174), "getgid": (104, 176), "geteuid": (107, 175), "getegid": (108, 177),
    "sigaltstack": (131, 132), "gettid": (186, 178), "time": (201, None), "futex": (202, 98),
    "sched_getaffinity": (204, 123), "getdents64": (217, 61), "restart_syscall": (219, 128),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "exit_group": (231, 94), "openat": (257, 56), "newfstatat": (262, 79), "faccessat": (269, 48),
    "getrandom": (318, 278), "statx": (332, 291), "rseq": (334, 293), "faccessat2": (439, 439),
}  # fmt: skip


class Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16), ("if_so", ctypes.c_uint8), ("if_not", ctypes.c_uint8), ("value", ctypes.c_uint32),
    )  # fmt: skip


class Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction)))


class Rule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # as the kernel has it, without a gap between the two
    _fields_ = (("allowed", ctypes.c_uint64), ("below", ctypes.c_int32))


def confine(readable: Sequence[str], seconds: int, memory: int) -> None:
    """Shut all doors of this process for good. memory: bytes. Raises OSError, and says which door stays open."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in MACHINES:
        raise OSError(f"it is made for Linux on {' and '.join(MACHINES)}, and this is {sys.platform} on {machine}")
    kernel = ctypes.CDLL(None, use_errno=True)
    kernel.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # whoever started it may be killed
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(limit, (most, most))
    _done(kernel.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "the kernel does not keep processes from gaining rights")
    _read_only(kernel, readable)
    _few_calls(kernel, machine)


def _read_only(kernel: ctypes.CDLL, readable: Sequence[str]) -> None:
    handled = ctypes.c_uint64(EVERYTHING)
    rules = kernel.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    _done(
        rules,
        "the kernel has no Landlock; it is in Linux from 5.13 on, where `lsm=` of its start does not leave it out",
    )
    for path in readable:
        try:
            below = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        rule = Rule(READ_FILE | READ_DIR if os.path.isdir(path) else READ_FILE, below)
        _done(kernel.syscall(LANDLOCK_ADD_RULE, rules, 1, ctypes.byref(rule), 0), f"Landlock cannot open {path}")
        os.close(below)
    _done(kernel.syscall(LANDLOCK_RESTRICT_SELF, rules, 0), "Landlock does not shut")
    os.close(rules)


def _few_calls(kernel: ctypes.CDLL, machine: str) -> None:
    which = list(MACHINES).index(machine)
    numbers = [each[which] for each in CALLS.values() if each[which] is not None]
    steps = [
        (LOAD, 0, 0, MACHINE_AT),
        (JUMP_IF_EQUAL, 1, 0, MACHINES[machine]),
        (RETURN, 0, 0, SECCOMP_RET_KILL),
        (LOAD, 0, 0, CALL_AT),
        *(step for number in numbers for step in ((JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, SECCOMP_RET_ALLOW))),
        (RETURN, 0, 0, SECCOMP_RET_EPERM),
    ]
    instructions = (Instruction * len(steps))(*(Instruction(*step) for step in steps))
    whole = Filter(len(steps), instructions)
    done = kernel.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(whole), 0, 0)
    _done(done, "the kernel has no seccomp filters")


def _done(returned: int, otherwise: str) -> None:
    if returned < 0:
        raise OSError(f"{otherwise} ({os.strerror(ctypes.get_errno())})")


def main() -> None:
    """Read what to run from stdin, and say on stdout that the doors are shut, then a word if the program came to its
    end. What the program prints goes nowhere.
    """
    asked = json.loads(sys.stdin.buffer.read())
    said = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    try:
        confine(asked["readable"], asked["seconds"], asked["memory"])
    except (OSError, ValueError) as error:
        os.write(said, str(error).encode())
        os._exit(1)
    os.write(said, SHUT)
    try:
        exec(compile(asked["program"], "<program>", "exec"), {"__name__": "__main__"})
    except BaseException:  # SystemExit too: a program that leaves early has not come to its end
        os._exit(1)
    os.write(said, asked["word"].encode())
    os._exit(0)


if __name__ == "__main__":
    main()
