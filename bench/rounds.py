"""The rounds of one workload: every tool once in each round, the first one a different one each time."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from . import measure
from .datasets import Dataset, ask
from .report import OURS, Run
from .tools import Lakegate, Limits, NotAvailable, Peer

Tool = Lakegate | Peer


@dataclass(frozen=True)
class Outcome:
    """All runs of a workload, and sentences about outputs that are not the same."""

    runs: list[Run]
    differences: list[str]

    @property
    def sound(self) -> bool:
        """Whether Lakegate ran well and the outputs of all who ran well agree."""
        return not self.differences and not any(run.fault for run in self.runs if run.tool == OURS)


def rounds(tools: list[Tool], dataset: Dataset, limits: Limits, number: int, folder: Path) -> Outcome:
    """Runs every tool `number` times. A tool that fails once is not run again."""
    runs: list[Run] = []
    sums: dict[str, dict] = {}
    failed: set[str] = set()
    for index in range(number):
        first = index % len(tools)
        for tool in tools[first:] + tools[:first]:
            if tool.name in failed:
                continue
            run, checksum = once(tool, dataset, limits, index, folder / tool.name)
            runs.append(run)
            if run.fault:
                failed.add(tool.name)
            elif checksum:
                sums[tool.name] = checksum
    names = [tool.name for tool in tools]
    return Outcome(sorted(runs, key=lambda run: names.index(run.tool)), differences(sums))


def once(tool: Tool, dataset: Dataset, limits: Limits, index: int, root: Path) -> tuple[Run, dict | None]:
    """One run of one tool in a fresh folder, and in the first round the checksums of what it wrote."""
    workload = dataset.workload
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    try:
        tool.prepare(workload, dataset.files, root)
        return measured(tool, dataset, limits, index, root)
    except NotAvailable as why:
        return Run(workload.name, tool.name, index, fault=str(why)), None
    finally:
        shutil.rmtree(root, ignore_errors=True)


def measured(tool: Tool, dataset: Dataset, limits: Limits, index: int, root: Path) -> tuple[Run, dict | None]:
    """As `once`, in a folder that is prepared."""
    workload, manifest = dataset.workload, dataset.manifest
    used = measure.run(
        tool.command(workload, dataset.files, root, limits),
        env=tool.environment(limits),
        folder=root,
        log=root / "log",
        seconds=limits.seconds,
        memory_mb=limits.memory_mb,
    )
    failure = used.fault or (f"exit code {used.exit_code}: {last_words(root / 'log')}" if used.exit_code else None)
    if failure:
        return Run(workload.name, tool.name, index, fault=failure), None
    output = tool.output(workload, root)
    checksum = ask("bench.verify", workload.name, str(output)) if index == 0 else None
    fault = tool.check(workload, manifest, root) or (checksum and wrong_count(checksum, manifest))
    size = sum(file.stat().st_size for file in output.glob("*.parquet")) / 1e6
    return Run(workload.name, tool.name, index, used.wall, used.cpu, used.peak_mb, size, fault), checksum


def last_words(log: Path) -> str:
    """The line of a log that says what went wrong."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("hint:")]
    telling = [line for line in lines if "Error" in line or "error" in line or "Exception" in line]
    return (telling or lines or ["it said nothing"])[-1][:200]


def wrong_count(checksum: dict, manifest: dict) -> str | None:
    """What is wrong with the number of rows, if anything."""
    if "fault" in checksum:
        return f"the output cannot be read: {checksum['fault']}"
    if checksum["rows"] != manifest["good"]:
        return f"wrote {checksum['rows']:,} rows instead of {manifest['good']:,}"
    return None


def differences(sums: dict[str, dict]) -> list[str]:
    """Sentences about columns whose values are not the same in all outputs."""
    if not sums:
        return ["no output could be compared"]
    found = []
    for column in next(iter(sums.values()))["columns"]:
        groups: dict[tuple, list[str]] = {}
        for tool, checksum in sums.items():
            groups.setdefault(tuple(checksum["columns"][column]), []).append(tool)
        if len(groups) > 1:
            found.append(f"{column} differs: " + " / ".join(", ".join(group) for group in groups.values()))
    return found
