"""Confinement of this process: limits, and a filter on system calls.

After `confine` the process can compute, allocate memory, and read and write the descriptors that it
already holds. It cannot open files, create sockets or start processes.

Sources: prctl(2), seccomp(2), setrlimit(2); linux/audit.h and asm/unistd.h for the numbers.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 22, 4, 38
SECCOMP_MODE_FILTER = 2
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000 | 1  # FAIL returns EPERM
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF instructions
NUMBER_OFFSET, ARCHITECTURE_OFFSET = 0, 4  # in struct seccomp_data

# system calls by their numbers on (x86_64, aarch64)
ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "ftruncate": (77, 46),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "brk": (12, 214),
    "madvise": (28, 233),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "clock_gettime": (228, 113),
    "getrusage": (98, 165),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}


def limit(
    *, cpu_seconds: int, memory_bytes: int, output_bytes: int, descriptors: int, parent: int
) -> None:
    """Limit this process and let it die with its parent. Call before anything is read."""
    for name, value in {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": cpu_seconds,
        "RLIMIT_AS": memory_bytes,
        "RLIMIT_FSIZE": output_bytes,
        "RLIMIT_NOFILE": descriptors,
    }.items():
        # One second more before SIGKILL, so that SIGXCPU is what ends the process.
        hard = value + 1 if name == "RLIMIT_CPU" else value
        resource.setrlimit(getattr(resource, name), (value, hard))
    os.nice(10)
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
        _prctl(PR_SET_DUMPABLE, 0)
        _prctl(PR_SET_NO_NEW_PRIVS, 1)


def confine() -> None:
    """Forbid new processes and, on Linux, all system calls but ALLOWED. Import everything before.

    Raises OSError if the kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))  # without effect for root
    if sys.platform != "linux":
        return  # only for development: FFmpeg's whitelists alone keep it from opening anything
    code = _filter(platform.machine())
    instructions = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HP", len(code) // 8, ctypes.addressof(instructions))
    buffer = ctypes.create_string_buffer(program, len(program))
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(buffer))


def _filter(machine: str) -> bytes:
    """Return the BPF program that allows ALLOWED and lets other calls fail."""
    architecture, column = ARCHITECTURES[machine]
    numbers = [pair[column] for pair in ALLOWED.values()]
    code = [
        (LOAD_WORD, 0, 0, ARCHITECTURE_OFFSET),
        (JUMP_IF_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD_WORD, 0, 0, NUMBER_OFFSET),
        *((JUMP_IF_EQUAL, len(numbers) - index, 0, n) for index, n in enumerate(numbers)),
        (RETURN, 0, 0, FAIL),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in code)


def _prctl(option: int, first: int, second: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, *(ctypes.c_ulong(value) for value in (first, second, 0, 0))):
        raise OSError(ctypes.get_errno(), "prctl failed")
