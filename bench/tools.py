"""The tools that are compared: how each one is prepared, started, and where its output lies."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .job import Job
from .kinds import lakegate_schema
from .workloads import PARTITION_DATE, Workload

PEERS = ("duckdb", "polars", "chdb", "pyspark")

# Settings of the person who runs this must not reach Lakegate.
LAKEGATE_ENVIRONMENT = (
    "ENV", "DATABASE_URL", "INCOMING_FOLDER", "SOURCE_DATA_BASE", "PROCESSED_FOLDER", "DATALAKE_BASE", "LAKEGATE_DATA",
    "ICEBERG_CATALOG_URI", "ICEBERG_WAREHOUSE", "S3_BUCKET", "RUST_LOG",
)  # fmt: skip


class NotAvailable(Exception):
    """Why a tool cannot run here, and what to do about it."""


@dataclass(frozen=True)
class Limits:
    """What every tool may use."""

    threads: int
    memory_mb: int
    seconds: float


@dataclass(frozen=True)
class Peer:
    """A tool from PyPI; `bench/peers/<name>_peer.py` does the work."""

    name: str

    def version(self) -> str:
        """As installed in this environment."""
        try:
            found = version(self.name)
        except PackageNotFoundError:
            raise NotAvailable(f"{self.name} is not installed in {sys.prefix}") from None
        if self.name == "pyspark" and not java():
            raise NotAvailable("Java is missing; install it with: sudo apt-get install default-jre-headless")
        return found

    def prepare(self, workload: Workload, files: Path, root: Path) -> None:
        """Nothing to do but to make room."""

    def command(self, workload: Workload, files: Path, root: Path, limits: Limits) -> list[str]:
        job = Job(workload.name, str(files), str(self.output(workload, root)), limits.threads, limits.memory_mb)
        return [sys.executable, "-m", f"bench.peers.{self.name}_peer", job.to_json()]

    def environment(self, limits: Limits) -> dict[str, str]:
        home = str(Path(__file__).parent.parent)
        return {**os.environ, "PYTHONPATH": home, "POLARS_MAX_THREADS": str(limits.threads), "TZ": "UTC"}

    def output(self, workload: Workload, root: Path) -> Path:
        return root / workload.file_type / f"date={PARTITION_DATE}"

    def check(self, workload: Workload, manifest: dict, root: Path) -> str | None:
        """A peer keeps no accounts; its rows are counted like everyone's."""
        return None


@dataclass(frozen=True)
class Lakegate:
    """Lakegate, through `lakegate ingest`, with all its checks on."""

    binary: Path
    name: str = "lakegate"

    def version(self) -> str:
        told = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise NotAvailable(f"{self.binary} --version fails: {told.stderr.strip()}")
        return told.stdout.split()[-1]

    def prepare(self, workload: Workload, files: Path, root: Path) -> None:
        """Registers the type with its schema and links the files into incoming/."""
        self.register(workload, root)
        incoming = root / "data" / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        for file in files.iterdir():
            os.link(file, incoming / file.name)

    def register(self, workload: Workload, root: Path) -> None:
        """Adds the workload's type to a fresh data root."""
        schema = root / "schema.json"
        schema.write_text(json.dumps(lakegate_schema(workload.columns)))
        add = [self.binary, "--data", root / "data", "types", "add", workload.file_type, "--schema", schema]
        done = subprocess.run(add, cwd=root, env=clean_environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotAvailable(f"types add failed: {done.stderr.strip()}")

    def command(self, workload: Workload, files: Path, root: Path, limits: Limits) -> list[str]:
        return [str(self.binary), "--data", str(root / "data"), "ingest"]

    def environment(self, limits: Limits) -> dict[str, str]:
        return {**clean_environment(), "LAKEGATE__INGEST__THREADS": str(limits.threads)}

    def output(self, workload: Workload, root: Path) -> Path:
        return root / "data" / "datalake" / "raw_data" / workload.file_type / f"date={PARTITION_DATE}"

    def check(self, workload: Workload, manifest: dict, root: Path) -> str | None:
        """What is wrong with the ledger, if anything: it must account for every file and every record."""
        uri = f"file:{root / 'data' / 'metadata.db'}?mode=ro"
        ledger = sqlite3.connect(uri, uri=True)
        try:
            found = dict(zip(LEDGER_SUMS, ledger.execute(LEDGER_QUERY).fetchone(), strict=True))
        finally:
            ledger.close()
        bad = manifest["records"] - manifest["good"]
        expected = {
            "files": manifest["files"],
            "settled": manifest["files"],
            "read": manifest["records"],
            "written": manifest["good"],
            "rejected": bad,
            "rejects kept": bad,
            "rows in data files": manifest["good"],
        }
        wrong = [
            f"{name}: {found[name]} instead of {value}" for name, value in expected.items() if found[name] != value
        ]
        return "the ledger says " + ", ".join(wrong) if wrong else None


LEDGER_SUMS = ("files", "settled", "read", "written", "rejected", "rejects kept", "rows in data files")
LEDGER_QUERY = """
SELECT count(*),
       count(*) FILTER (WHERE state = 'processed' AND location = 'settled'),
       sum(records_read), sum(records_written), sum(records_rejected),
       (SELECT count(*) FROM rejects WHERE status = 'open'),
       (SELECT sum(rows) FROM data_files WHERE state = 'live')
FROM files
"""


def clean_environment() -> dict[str, str]:
    """The environment without settings for Lakegate."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in LAKEGATE_ENVIRONMENT and not name.startswith("LAKEGATE__")
    }


def java() -> str | None:
    """The Java that Spark would start."""
    home = os.environ.get("JAVA_HOME")
    found = Path(home, "bin", "java") if home else None
    return str(found) if found and found.exists() else shutil.which("java")
