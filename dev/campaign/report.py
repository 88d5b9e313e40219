"""The summary of a campaign: whether anything was wrong, and the table of docs/campaign.md."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .oracles import BAD, Verdict
from .soak import ANSWERS, Soaked


@dataclass(frozen=True)
class Part:
    """What came of one part of a campaign. others: rows of the table that only this part has."""

    name: str
    verdicts: list[Verdict]
    others: dict[str, str]

    def rows(self) -> list[tuple[str, str]]:
        outcomes = Counter(verdict.outcome for verdict in self.verdicts)
        return [(outcome, str(number)) for outcome, number in outcomes.most_common()] + list(self.others.items())

    @property
    def wrong(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.outcome in BAD]


def of_graphs(verdicts: list[Verdict]) -> Part:
    cancels = [verdict.cancel for verdict in verdicts if verdict.cancel is not None]
    others = {
        "graphs that reached a sampler with settings it takes": str(sum(verdict.sampled for verdict in verdicts)),
        "slowest cancel, seconds": f"{max(cancels, default=0.0):.2f}",
        "largest memory above start-up, MiB": f"{max(verdict.memory for verdict in verdicts) / 2**20:.0f}",
    }
    return Part(f"{len(verdicts)} graphs", verdicts, others)


def of_files(verdicts: list[Verdict]) -> Part:
    largest = max(verdict.memory for verdict in verdicts) / 2**20
    return Part(f"{len(verdicts)} files", verdicts, {"largest memory of one file, MiB": f"{largest:.0f}"})


def of_soak(found: Soaked) -> Part:
    return Part("The server", found.verdicts, found.rows)


def of_served(verdicts: list[Verdict], answer: float) -> Part:
    """answer: seconds, the slowest of the server."""
    others = {f"slowest answer, s (limit {ANSWERS:g})": f"{answer:.2f}"}
    return Part(f"{len(verdicts)} graphs, sent to the server", verdicts, others)


def table(parts: list[Part], command: str) -> str:
    """The whole document."""
    lines = [
        "# Campaign",
        "",
        "Random graphs, broken files, faults from outside and a long run of the server, against the extension in the",
        f"real host. Written by `{command}`; every graph and file can be made again from its number.",
        "Seconds of answers and cancels are without those in which other programs had the processor.",
        "",
        "| outcome | meaning |",
        "|---|---|",
        "| result | finite, of the right shape |",
        "| refused | an error that names the node and says what was expected or what to do |",
        "| cancelled | it took longer than the limit, and obeyed a cancel within two seconds |",
        "| obscure | another error |",
        "| silent | a result of a value that should have been refused |",
        "| broken | numbers that are not finite, or of another shape; a fault that was not survived |",
        "| hang, memory | a cancel that was not obeyed, a server that did not answer in time; too much memory |",
        "| changed | a good run gave another result afterwards |",
        "| not tried | the system does not permit it |",
        "",
    ]
    for part in parts:
        lines += [f"## {part.name}", "", "| | |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in part.rows()] + [""]
        lines += [f"- {_first_line(verdict)}" for verdict in part.wrong] + ([""] if part.wrong else [])
    return "\n".join(lines).rstrip() + "\n"


def _first_line(verdict: Verdict) -> str:
    return f"{verdict.outcome}: {verdict.words.splitlines()[0]}"
