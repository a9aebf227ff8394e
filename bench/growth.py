"""How Lakegate's cost grows: ten times the files, ten times the bytes, and a ledger that holds a million files."""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import statistics
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from .datasets import Dataset, Datasets
from .rounds import once
from .tools import Lakegate, Limits, NotAvailable
from .workloads import Workload, by_name

TITLE = "growth: 10 times the files, 10 times the bytes, a ledger with a million files"
PAST_FILES = 1_000_000

# A ledger as a long life would have left it, in bulk.
FILL = """
BEGIN;
INSERT INTO loads (table_name, file_type, schema_version, state, owner, files, rows_written, commit_seq)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {files} / 100)
SELECT 'vehicle_events', 'vehicle_events', 1, 'committed', 'past', 100, 10000, n FROM numbers;
UPDATE counters SET value = {files} / 100 WHERE name = 'commit_seq';
INSERT INTO files (name, file_type, state, location, outcome, path, bytes, blake3, attempt, load_id, records_read,
                   records_written)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {files})
SELECT printf('vehicle_events_past_%07d.ndjson', n), 'vehicle_events', 'processed', 'settled', 'processed',
       printf('processed/vehicle_events/vehicle_events_past_%07d.ndjson', n), 20000, printf('%064x', n), 1,
       1 + (n - 1) / 100, 100, 100
FROM numbers;
INSERT INTO data_files (load_id, table_name, path, partition_value, rows, bytes, state)
SELECT id, 'past', printf('raw_data/past/date=2026-01-01/%d.parquet', id), '2026-01-01', 10000, 400000, 'live'
FROM loads;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
"""


@dataclass(frozen=True)
class LakegateWithPast(Lakegate):
    """Lakegate on a data root whose ledger already holds many files."""

    ledger: Path = Path()

    def prepare(self, workload: Workload, files: Path, root: Path) -> None:
        super().prepare(workload, files, root)
        shutil.copyfile(self.ledger, root / "data" / "metadata.db")

    def check(self, workload: Workload, manifest: dict, root: Path) -> str | None:
        """The rows are counted as everyone's; the sums of this ledger are those of its past, too."""
        return None


def measure_all(
    lakegate: Lakegate, datasets: Datasets, limits: Limits, options: argparse.Namespace, scratch: Path
) -> str:
    """Runs each pair interleaved; returns sentences with what was measured."""
    lines = []
    for name, what in (("small_files", "files"), ("ndjson", "bytes")):
        small, large = (datasets.get(by_name(name, scale), scale) for scale in (options.scale / 10, options.scale))
        times = pair((lakegate, small), (lakegate, large), limits, options.rounds, scratch)
        lines.append(f"  10 times the {what}: {told(times)}, {sizes(small, large)}")
    small = datasets.get(by_name("small_files", options.scale / 10), options.scale / 10)
    ledger = scratch / "past.db"
    with_past = LakegateWithPast(lakegate.binary, ledger=fill(lakegate, small.workload, scratch, ledger))
    times = pair((lakegate, small), (with_past, small), limits, options.rounds, scratch)
    lines.append(f"  {PAST_FILES:,} files in the ledger: {told(times)}, loading {small.manifest['files']:,} files")
    datasets.drop()
    return "\n".join(lines)


Times = tuple[tuple[float, float], tuple[float, float]]


def pair(
    first: tuple[Lakegate, Dataset], second: tuple[Lakegate, Dataset], limits: Limits, rounds: int, scratch: Path
) -> Times:
    """Median wall and CPU seconds of both, one after the other in each round."""
    runs = [[once(tool, data, limits, number, scratch / "growth")[0] for tool, data in (first, second)]
            for number in range(rounds)]  # fmt: skip
    if fault := next((run.fault for both in runs for run in both if run.fault), None):
        raise NotAvailable(f"growth cannot be measured: {fault}")
    return tuple(
        (statistics.median(run.wall for run in column), statistics.median(run.cpu for run in column))
        for column in zip(*runs, strict=True)
    )


def told(times: Times) -> str:
    """Both times and their ratio."""
    (wall, cpu), (more_wall, more_cpu) = times
    return (
        f"wall {wall:.2f} s to {more_wall:.2f} s ({more_wall / wall:.2f} times), "
        f"CPU {cpu:.2f} s to {more_cpu:.2f} s ({more_cpu / cpu:.2f} times)"
    )


def sizes(small: Dataset, large: Dataset) -> str:
    """What grew."""
    return ", ".join(
        f"{small.manifest[what]:,} to {large.manifest[what]:,} {what}" for what in ("files", "bytes", "records")
    )


def fill(lakegate: Lakegate, workload: Workload, scratch: Path, ledger: Path) -> Path:
    """Makes a ledger in which many files were loaded; returns its place."""
    print(f"\nfilling a ledger with {PAST_FILES:,} files", file=sys.stderr, flush=True)
    root = scratch / "past"
    root.mkdir(parents=True)
    lakegate.register(workload, root)
    with closing(sqlite3.connect(root / "data" / "metadata.db")) as database:
        database.executescript(FILL.format(files=PAST_FILES))
    shutil.move(root / "data" / "metadata.db", ledger)
    shutil.rmtree(root)
    return ledger
