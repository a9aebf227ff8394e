"""What scripts/bench runs: every workload that was asked for, then the tables."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

from . import growth, latency, measure, report
from .datasets import Datasets
from .options import ALONE, parse
from .report import Run
from .rounds import Tool, rounds
from .tools import Lakegate, Limits, NotAvailable, Peer
from .workloads import WORKLOADS, by_name


def main() -> int:
    options = parse(sys.argv[1:])
    measure.adopt_orphans()
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    os.sched_setaffinity(0, cores)
    limits = Limits(threads=len(cores), memory_mb=int(options.memory_gb * 1000), seconds=options.timeout)
    datasets = Datasets(options.dir / "data", options.seed, options.keep)
    scratch = options.dir / f"runs-{os.getpid()}"
    try:
        return 0 if everything(options, limits, datasets, scratch) else 1
    except NotAvailable as why:
        print(f"scripts/bench: {why}", file=sys.stderr)
        return 2
    finally:
        datasets.drop()
        shutil.rmtree(scratch, ignore_errors=True)


def everything(options: argparse.Namespace, limits: Limits, datasets: Datasets, scratch: Path) -> bool:
    """Runs what was asked for and prints it; whether all is well."""
    tools, setting = available(options, limits)
    tell("\n".join(setting))
    runs: list[Run] = []
    sound = True
    names = [workload.name for workload in WORKLOADS if workload.name in options.only]
    for name in names:
        dataset = datasets.get(by_name(name, options.scale), options.scale)
        made = dataset.manifest
        size = f"{made['records']:,} records, {made['bytes'] / 1e6:,.0f} MB, {made['files']:,} files"
        tell(f"\n{dataset.workload.title} ({size})")
        outcome = rounds(tools, dataset, limits, options.rounds, scratch)
        datasets.drop()
        runs += outcome.runs
        tell("\n".join([report.text_table(runs, name), *(f"  {line}" for line in outcome.differences)]))
        sound &= outcome.sound
        write_tables(options, runs, setting)
    alone = {"latency": latency.measure_all, "growth": growth.measure_all}
    for name in ALONE:
        if name in options.only:
            tell(f"\n{ALONE[name]}")
            tell(alone[name](tools[0], datasets, limits, options, scratch))
    return sound


def available(options: argparse.Namespace, limits: Limits) -> tuple[list[Tool], list[str]]:
    """The tools that can run here, Lakegate first, and what is measured with what, in sentences."""
    tools: list[Tool] = []
    versions, left_out = [], []
    lakegate = Lakegate(options.lakegate)
    for tool in [lakegate, *(Peer(name) for name in options.peers)]:
        try:
            versions.append(f"{tool.name} {tool.version()}")
            tools.append(tool)
        except NotAvailable as why:
            if tool is lakegate:
                raise
            left_out.append(f"{tool.name} is left out: {why}")
    how = f"scale {options.scale:g}, {options.rounds} rounds, medians, {time.strftime('%Y-%m-%d')}"
    return tools, [report.machine(limits.threads), ", ".join(versions), how, *left_out]


def write_tables(options: argparse.Namespace, runs: list[Run], setting: list[str]) -> None:
    """The table as Markdown and every run as JSON, where they were asked for; after each workload, so none is lost."""
    if options.markdown:
        titles = {run.workload: by_name(run.workload).title for run in runs}
        options.markdown.write_text(report.markdown(runs, titles, setting))
    if options.json:
        told = {"setting": setting, "runs": [asdict(run) for run in runs]}
        options.json.write_text(json.dumps(told, indent=1) + "\n")


def tell(text: str) -> None:
    """A result."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
