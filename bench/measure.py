"""Runs a command and measures it with everything that it starts: wall time, CPU time, peak memory. Linux only.

This process must stay small: what it starts begins as a copy of it, and the kernel counts that copy's peak memory, too.
So nothing here, nor in what runs the rounds, imports a peer.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.1
PAGE = os.sysconf("SC_PAGE_SIZE")
# How long what a command left running may take to end by itself.
GRACE_SECONDS = 10


@dataclass(frozen=True)
class Usage:
    """What a command took. `fault` says why it did not end well."""

    wall: float
    cpu: float
    peak_mb: float
    exit_code: int
    fault: str | None = None


def adopt_orphans() -> None:
    """From now on, processes whose parent ends become children of this one: a JVM's time is counted, too."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot adopt orphaned processes")


def run(
    command: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path, seconds: float, memory_mb: float
) -> Usage:
    """Runs a command in a folder; ends it when it takes longer or more memory than it may."""
    os.sync()  # What others wrote must not slow down the one that waits for the disk.
    before = cpu_of_children()
    start = time.perf_counter()
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    sampled, fault = watch(child.pid, start + seconds, memory_mb * 1e6)
    wall = time.perf_counter() - start
    _, status, own = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    end_rest()
    return Usage(
        wall=wall,
        cpu=cpu_of_children() - before,
        peak_mb=max(own.ru_maxrss * 1024, sampled) / 1e6,
        exit_code=child.returncode,
        fault=fault,
    )


def watch(pid: int, deadline: float, most_bytes: float) -> tuple[int, str | None]:
    """Waits for the end of a process; returns the most memory that its tree held at once, and why it was ended."""
    most = 0
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    fault = None
    try:
        while not poll.poll(SAMPLE_SECONDS * 1000):
            tree = descendants(pid)
            most = max(most, sum(resident_bytes(member) for member in tree))
            if fault is None and (fault := limit_passed(most, most_bytes, deadline)):
                kill(tree)
    finally:
        os.close(handle)
    return most, fault


def limit_passed(held: float, most: float, deadline: float) -> str | None:
    """Why a run must be ended now, if it must."""
    if held > most:
        return f"took more than {most / 1e9:.1f} GB of memory"
    if time.perf_counter() > deadline:
        return "took too long"
    return None


def cpu_of_children() -> float:
    """User and system seconds of all children that have been waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def descendants(pid: int) -> list[int]:
    """A process and all that it started and that still live."""
    found = [pid]
    for member in found:
        try:
            tasks = list(Path(f"/proc/{member}/task").iterdir())
            for task in tasks:
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # It has just ended.
    return found


def resident_bytes(pid: int) -> int:
    """The resident memory of a process; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def kill(pids: Sequence[int]) -> None:
    """Ends processes that this one started."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def end_rest() -> None:
    """Waits for what a command left running, and ends it when it does not end by itself."""
    deadline = time.perf_counter() + GRACE_SECONDS
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.perf_counter() > deadline:
                kill(descendants(os.getpid())[1:])
            time.sleep(0.01)
