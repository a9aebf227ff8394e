"""The daemon: the time from the rename of a file into incoming/ until its rows are seen, and its memory when idle."""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from .datasets import Datasets
from .tools import Lakegate, Limits, NotAvailable
from .workloads import Workload, by_name

TITLE = "daemon: rename of a file of 1,000 records to visible rows; idle memory"
FILES = 50
SMALL_FILES_FOR_ONE = 10
# Between files, so that each one meets an idle daemon.
PAUSE_SECONDS = 0.3
SETTLE_SECONDS = 5
PATIENCE_SECONDS = 30


def measure_all(
    lakegate: Lakegate, datasets: Datasets, limits: Limits, options: argparse.Namespace, scratch: Path
) -> str:
    """Drops files into a running daemon's folder, one after the other; returns sentences with what was measured."""
    # One file to warm up, then two series.
    needed = (1 + 2 * FILES) * SMALL_FILES_FOR_ONE
    scale = needed / by_name("small_files").files
    dataset = datasets.get(by_name("small_files", scale), scale)
    root = scratch / "latency"
    root.mkdir(parents=True)
    try:
        arriving = iter(sorted(dataset.files.iterdir()))
        with daemon(lakegate, dataset.workload, root, limits) as process:
            drop = Drop(lakegate, dataset.workload, root, arriving)
            drop.until(drop.in_ledger)
            at_start = idle_mb(process.pid)
            by_ledger = [drop.until(drop.in_ledger) for _ in range(FILES)]
            by_sql = [drop.until(drop.in_sql) for _ in range(FILES)]
            at_end = idle_mb(process.pid)
    finally:
        datasets.drop()
    return "\n".join([
        f"  committed in the ledger        {spread(by_ledger)}",
        f"  seen by a fresh `lakegate sql` {spread(by_sql)}, its own start included",
        f"  resident memory, idle          {at_start:.0f} MB after the first file, {at_end:.0f} MB after the last",
    ])  # fmt: skip


@contextmanager
def daemon(lakegate: Lakegate, workload: Workload, root: Path, limits: Limits) -> Iterator[subprocess.Popen]:
    """`lakegate run` on a fresh data root, asked to stop at the end."""
    lakegate.register(workload, root)
    (root / "arriving").mkdir()
    with (root / "log").open("wb") as log:
        command = [lakegate.binary, "--data", root / "data", "run"]
        process = subprocess.Popen(command, cwd=root, env=lakegate.environment(limits), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


class Drop:
    """Puts files into incoming/ and waits until their rows are there."""

    def __init__(self, lakegate: Lakegate, workload: Workload, root: Path, arriving: Iterator[Path]) -> None:
        self.lakegate, self.workload, self.root, self.arriving = lakegate, workload, root, arriving
        self.dropped = 0

    def until(self, visible: Callable[[], bool]) -> float:
        """Renames the next file into incoming/; returns the seconds until it is visible."""
        time.sleep(PAUSE_SECONDS)
        name = self.workload.file_name(self.dropped)
        waiting = self.root / "arriving" / name
        waiting.write_bytes(b"".join(next(self.arriving).read_bytes() for _ in range(SMALL_FILES_FOR_ONE)))
        incoming = self.root / "data" / "incoming"
        while not incoming.exists():
            time.sleep(0.01)
        self.dropped += 1
        start = time.perf_counter()
        waiting.rename(incoming / name)
        while not visible():
            if time.perf_counter() - start > PATIENCE_SECONDS:
                raise NotAvailable(f"{name} was not loaded within {PATIENCE_SECONDS} seconds")
        return time.perf_counter() - start

    def in_ledger(self) -> bool:
        """Whether the ledger counts all files that were dropped as loaded."""
        time.sleep(0.001)
        with closing(sqlite3.connect(f"file:{self.root / 'data' / 'metadata.db'}?mode=ro", uri=True)) as ledger:
            (loaded,) = ledger.execute("SELECT count(*) FROM files WHERE state = 'processed'").fetchone()
        return loaded == self.dropped

    def in_sql(self) -> bool:
        """Whether a new `lakegate sql` sees the records of all files that were dropped."""
        query = f"SELECT count(*) AS rows FROM {self.workload.file_type}"
        command = [self.lakegate.binary, "--data", self.root / "data", "-q", "sql", "-f", "json", query]
        done = subprocess.run(command, cwd=self.root, capture_output=True, check=True)
        per_file = self.workload.records_per_file * SMALL_FILES_FOR_ONE
        return json.loads(done.stdout)[0]["rows"] == self.dropped * per_file


def idle_mb(pid: int) -> float:
    """The resident memory of a process that had time to come to rest."""
    time.sleep(SETTLE_SECONDS)
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) * 1024 / 1e6


def spread(seconds: list[float]) -> str:
    """Median and 99th percentile; of 50 values that is the largest one."""
    ordered = sorted(seconds)
    return f"median {statistics.median(ordered) * 1e3:.0f} ms, p99 {ordered[-1 - len(ordered) // 100] * 1e3:.0f} ms"
