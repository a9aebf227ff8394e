"""Tables: one for each workload on the terminal, one for all of them as Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

OURS = "lakegate"


@dataclass(frozen=True)
class Run:
    """One run of one tool on one workload. A run that did not end has no times; one with wrong rows has."""

    workload: str
    tool: str
    round: int
    wall: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0
    output_mb: float = 0.0
    fault: str | None = None


@dataclass(frozen=True)
class Summary:
    """All rounds of one tool on one workload: medians of the times, the largest memory."""

    tool: str
    wall: float
    cpu: float
    peak_mb: float
    output_mb: float
    fault: str | None

    @classmethod
    def of(cls, tool: str, runs: Sequence[Run]) -> Summary:
        fault = next((run.fault for run in runs if run.fault), None)
        good = [run for run in runs if run.fault is None] or runs
        return cls(
            tool,
            statistics.median(run.wall for run in good),
            statistics.median(run.cpu for run in good),
            max(run.peak_mb for run in good),
            statistics.median(run.output_mb for run in good),
            fault,
        )


def summaries(runs: Iterable[Run], workload: str) -> list[Summary]:
    """One for each tool, in the order in which they ran."""
    by_tool: dict[str, list[Run]] = {}
    for run in runs:
        if run.workload == workload:
            by_tool.setdefault(run.tool, []).append(run)
    return [Summary.of(tool, found) for tool, found in by_tool.items()]


def best_peer(found: Sequence[Summary], measure: str) -> float | None:
    """The smallest value of a measure among the peers that ended well."""
    return min((getattr(one, measure) for one in found if one.tool != OURS and one.fault is None), default=None)


def ratio(value: float, best: float | None) -> str:
    """How many times the best peer's value this is."""
    return f"{value / best:.2f}" if best else "-"


HEADER = ("tool", "wall s", "CPU s", "peak MB", "output MB", "wall / best peer", "CPU / best peer", "remark")


def rows(found: Sequence[Summary], clean: dict[str, Summary]) -> list[tuple[str, ...]]:
    """The lines of a workload's table. `clean` holds each tool's run without bad records, to compare with."""
    wall, cpu = best_peer(found, "wall"), best_peer(found, "cpu")
    return [row(one, wall, cpu, clean.get(one.tool)) for one in found]


def row(one: Summary, wall: float | None, cpu: float | None, clean: Summary | None) -> tuple[str, ...]:
    """One tool's line."""
    if one.wall == 0.0:
        return (one.tool, *["-"] * 6, one.fault or "")
    remark = one.fault or ""
    if not remark and clean is not None and clean.fault is None:
        remark = f"{one.wall / clean.wall:.2f} wall, {one.cpu / clean.cpu:.2f} CPU of the clean run"
    return (
        one.tool,
        f"{one.wall:.2f}",
        f"{one.cpu:.2f}",
        f"{one.peak_mb:.0f}",
        f"{one.output_mb:.1f}",
        ratio(one.wall, wall),
        ratio(one.cpu, cpu),
        remark,
    )


def clean_runs(runs: Sequence[Run], workload: str) -> dict[str, Summary]:
    """What bad_records is compared with."""
    return {one.tool: one for one in summaries(runs, "ndjson")} if workload == "bad_records" else {}


def text_table(runs: Sequence[Run], workload: str) -> str:
    """A workload's table for the terminal."""
    lines = [HEADER, *rows(summaries(runs, workload), clean_runs(runs, workload))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER) - 1)]
    return "\n".join(aligned(line, widths) for line in lines)


def aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    """Text to the left, numbers to the right, the remark as it is."""
    cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=False)]
    return "  ".join(["", line[0].ljust(widths[0]), *cells, line[-1]]).rstrip()


def markdown(runs: Sequence[Run], titles: dict[str, str], setting: Sequence[str]) -> str:
    """All workloads as one Markdown table, after a list of what was measured with what."""
    head = ["workload", *HEADER]
    out = [f"- {line}" for line in setting]
    out += ["", "| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(HEADER) - 2) + "---|"]
    for workload, title in titles.items():
        for index, line in enumerate(rows(summaries(runs, workload), clean_runs(runs, workload))):
            cells = [cell.replace("|", "\\|") for cell in line]
            if line[0] == OURS:
                cells = [f"**{cell}**" if cell not in ("", "-") else cell for cell in cells]
            out.append("| " + " | ".join(["" if index else title, *cells]) + " |")
    return "\n".join(out) + "\n"


def machine(threads: int) -> str:
    """The machine, in one line."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return f"{model}, {threads} cores used, {memory:.0f} GB memory, Linux {platform.release()}"
