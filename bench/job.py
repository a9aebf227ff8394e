"""What a peer's process is told: which files to read, where to write, how many threads to use."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from .workloads import Workload, by_name


@dataclass(frozen=True)
class Job:
    """One run of one tool. Paths are absolute; `output` is the folder of the only partition."""

    workload_name: str
    input: str
    output: str
    threads: int
    memory_mb: int

    @property
    def workload(self) -> Workload:
        return by_name(self.workload_name)

    @property
    def glob(self) -> str:
        return f"{self.input}/*.{self.workload.extension}"

    @property
    def files(self) -> list[str]:
        return sorted(str(path) for path in Path(self.input).glob(f"*.{self.workload.extension}"))

    @property
    def largest_file(self) -> int:
        """Bytes."""
        return max(Path(file).stat().st_size for file in self.files)

    @property
    def has_bad_records(self) -> bool:
        return self.workload.good is not None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_arguments(cls) -> Job:
        """The job on the command line of this process; makes the output folder."""
        job = cls(**json.loads(sys.argv[1]))
        Path(job.output).mkdir(parents=True, exist_ok=True)
        return job
