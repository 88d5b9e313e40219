"""`make campaign`: all parts in their long form, and the table of docs/campaign.md."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import tqdm

from ..environment.env import ROOT
from ..environment.in_process import InProcessHost
from ..environment.server import Host
from . import disks, faults, files, kills, report
from .graphs import Graphs
from .out_of_memory import CALLS, out_of_memory
from .run import campaign
from .served import served
from .soak import soak

PAGE = ROOT / "docs" / "campaign.md"
VERDICTS = ROOT / "artifacts" / "campaign.json"


def main() -> int:
    arguments = parsed()
    logging.disable(logging.WARNING)
    torch.set_num_threads(2)
    tqdm.tqdm.monitor_interval = 0
    with TemporaryDirectory() as folder:
        parts = list(run(arguments, Path(folder)))
    wrong = [verdict for part in parts for verdict in part.wrong]
    arguments.verdicts.parent.mkdir(exist_ok=True)
    arguments.verdicts.write_text(json.dumps([asdict(v) for part in parts for v in part.verdicts], indent=1))
    said = {name: value for name, value in vars(arguments).items() if name not in ("page", "verdicts")}
    numbers = " ".join(f"--{name} {value}" for name, value in said.items())
    command = f'make campaign ARGS="{numbers}"'
    if arguments.page:
        PAGE.write_text(report.table(parts, command))
    print(report.table(parts, command))
    print(f"{len(wrong)} wrong; every verdict is in {arguments.verdicts}.")
    return bool(wrong)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=1200)
    parser.add_argument("--first", type=int, default=0, help="number of the first graph")
    parser.add_argument("--limit", type=float, default=5.0, help="seconds after which a graph is cancelled")
    parser.add_argument("--files", type=int, default=200, help="of every kind")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--calls", type=int, default=CALLS, help="of the model in which memory runs out")
    parser.add_argument("--runs", type=int, default=150, help="of the server")
    parser.add_argument("--cancels", type=int, default=60, help="of the server")
    parser.add_argument("--served", type=int, default=58, help="graphs that the server gets")
    parser.add_argument("--page", action="store_true", help="write docs/campaign.md")
    parser.add_argument("--verdicts", type=Path, default=VERDICTS, help="where every verdict is kept")
    return parser.parse_args()


def run(arguments: argparse.Namespace, folder: Path):
    """The parts of the campaign, one after the other."""
    first = arguments.first
    host = InProcessHost(folder / "host", "--cpu")
    nodes = host.module("nodes.extension").NODES
    with Host(base=folder / "server") as server:
        yield report.of_soak(soak(server, arguments.runs, arguments.cancels))
        yield report.of_served(*served(server, nodes, first, arguments.served, arguments.limit))
    if arguments.files:
        yield report.of_files(files.files(arguments.files, folder))
    graphs = Graphs(host, nodes)
    killed = [*faults.killed(folder, arguments.kills), *kills.kills(folder)]
    on_disk = [faults.full_disk(folder), *disks.disks(folder), faults.two_writers(folder)]
    yield report.Part("Faults", [*killed, *on_disk, *out_of_memory(graphs, arguments.calls)], {})
    numbers = range(first, first + arguments.graphs)
    yield report.of_graphs(campaign(graphs, numbers, arguments.limit))


if __name__ == "__main__":
    raise SystemExit(main())
