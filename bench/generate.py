"""Writes the files of one workload. Run as a process of its own: python -m bench.generate NAME SCALE SEED FOLDER.

The text of each file comes from one DuckDB query on one thread; files are written by as many processes as there are
cores. `manifest.json` beside them is written last, so a folder with a manifest is whole.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from . import records
from .workloads import ROOT_KEY, Workload, by_name

# Records for each query: bounds the memory of a writer.
CHUNK_RECORDS = 20_000

# Raise this when the contents change: folders of another version are written anew.
VERSION = 1


class Writer:
    """Writes files of one workload, one query at a time."""

    def __init__(self, workload: Workload, seed: int, folder: Path) -> None:
        import duckdb  # Here, so that those who only ask whether files exist stay small.

        self.workload = workload
        self.folder = folder
        self.database = duckdb.connect(config={"threads": 1})
        self.database.execute(records.MACROS.format(seed=seed))

    def write(self, indexes: range) -> tuple[int, int]:
        """Writes neighbouring files; returns their bytes and the number of good records in them."""
        per_file = self.workload.records_per_file
        head, separator, tail = frame(self.workload.shape)
        size = good = 0
        for low in range(indexes.start * per_file, indexes.stop * per_file, CHUNK_RECORDS):
            high = min(low + CHUNK_RECORDS, indexes.stop * per_file)
            for index, text, good_here in self.texts(low, high, separator):
                starts, ends = index * per_file >= low, (index + 1) * per_file <= high
                piece = (head if starts else separator) + text + (tail if ends else "")
                with (self.folder / self.workload.file_name(index)).open("wb" if starts else "ab") as out:
                    size += out.write(piece.encode())
                good += good_here
        return size, good

    def texts(self, low: int, high: int, separator: str) -> list[tuple[int, str, int]]:
        """The records `low` up to `high`: for each file its index, their texts, and how many of them are good."""
        query = (
            f"SELECT n // {self.workload.records_per_file} AS file, "
            f"string_agg({self.workload.record}, {records.literal(separator)}), "
            f"count(*) FILTER (WHERE {self.workload.good or 'true'}) "
            f"FROM range({low}, {high}) AS t(n) GROUP BY file ORDER BY file"
        )
        return self.database.execute(query).fetchall()


def frame(shape: str) -> tuple[str, str, str]:
    """What stands before, between and after the records of a file."""
    return {
        "lines": ("", "\n", "\n"),
        "document": (f'{{"{ROOT_KEY}":[', ",", "]}\n"),
        "pretty": (f'{{\n  "{ROOT_KEY}": [\n    ', ",\n    ", "\n  ]\n}\n"),
        "csv": (records.TRIP_HEADER + "\n", "\n", "\n"),
    }[shape]


def write_files(name: str, scale: float, seed: int, folder: str, indexes: range) -> tuple[int, int]:
    """Writes some files of a workload; returns bytes and good records. At top level, as other processes call it."""
    return Writer(by_name(name, scale), seed, Path(folder)).write(indexes)


def generate(name: str, scale: float, seed: int, folder: Path) -> dict:
    """Writes all files of a workload and its manifest, which it returns."""
    workload = by_name(name, scale)
    shutil.rmtree(folder, ignore_errors=True)
    files = folder / "files"
    files.mkdir(parents=True)
    workers = min(len(os.sched_getaffinity(0)), workload.files)
    bounds = [workload.files * worker // workers for worker in range(workers + 1)]
    shares = [range(*pair) for pair in itertools.pairwise(bounds)]
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(write_files, name, scale, seed, str(files), share) for share in shares]
        totals = [job.result() for job in jobs]
    manifest = {
        **identity(scale, seed),
        "files": workload.files,
        "records": workload.records,
        "good": sum(good for _, good in totals),
        "bytes": sum(size for size, _ in totals),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def identity(scale: float, seed: int) -> dict:
    """What tells whether files that are already there are the ones that are wanted."""
    return {"version": VERSION, "scale": scale, "seed": seed}


def existing(scale: float, seed: int, folder: Path) -> dict | None:
    """The manifest of a folder that already holds what would be generated."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
    wanted = identity(scale, seed)
    return manifest if wanted.items() <= manifest.items() else None


if __name__ == "__main__":
    _, name, scale, seed, folder = sys.argv
    print(json.dumps(generate(name, float(scale), int(seed), Path(folder))))
