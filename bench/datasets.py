"""The generated files on disk: made when they are missing, read once before they are used, dropped when not kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .generate import existing
from .workloads import Workload


@dataclass(frozen=True)
class Dataset:
    """The files of one workload. `manifest` tells records, good records, bytes and files."""

    workload: Workload
    files: Path
    manifest: dict


@dataclass
class Datasets:
    """All generated files under one folder."""

    folder: Path
    seed: int
    keep: bool
    made: set[Path] = field(default_factory=set)

    def get(self, workload: Workload, scale: float) -> Dataset:
        """The files of a workload that was scaled so, in the page cache."""
        folder = self.place(workload, scale)
        manifest = existing(scale, self.seed, folder)
        if manifest is None:
            print(f"\ngenerating {workload.name}", file=sys.stderr, flush=True)
            self.made.add(folder)
            manifest = ask("bench.generate", workload.name, str(scale), str(self.seed), str(folder))
        for file in (folder / "files").iterdir():
            read(file)
        return Dataset(workload, folder / "files", manifest)

    def place(self, workload: Workload, scale: float) -> Path:
        """A folder of its own for each scale and seed."""
        suffix = "" if (scale, self.seed) == (1.0, 1) else f"-x{scale:g}-seed{self.seed}"
        return self.folder / (workload.name + suffix)

    def drop(self) -> None:
        """Deletes what this call has generated, unless it is to be kept. What was there before stays."""
        if not self.keep:
            for folder in self.made:
                shutil.rmtree(folder, ignore_errors=True)
            self.made.clear()
            if self.folder.exists() and not any(self.folder.iterdir()):
                self.folder.rmdir()


def ask(module: str, *arguments: str) -> dict:
    """Runs a module of this package as a process of its own; returns the object that it prints."""
    home = str(Path(__file__).parent.parent)
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=home, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def read(file: Path) -> None:
    """Brings a file into the page cache, in small pieces: this process must stay small."""
    piece = memoryview(bytearray(1 << 20))
    with file.open("rb", buffering=0) as source:
        while source.readinto(piece):
            pass
