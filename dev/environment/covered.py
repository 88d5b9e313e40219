"""How many statements of each folder the tests ran, as `make test` prints it at its end.

What the host runs as a process of its own is not counted; the tests of nodes run in their own process.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from coverage import Coverage

from .env import ROOT


def by_folder(measured: Coverage, root: Path) -> dict[str, tuple[int, int]]:
    """Statements that ran, and all there are, by folder at the top of `root`; "total" comes last."""
    ran, there = Counter(), Counter()
    for file in sorted(measured.get_data().measured_files()):
        _, statements, _, missed, _ = measured.analysis2(file)
        for name in (Path(file).relative_to(root).parts[0], "total"):
            ran[name] += len(statements) - len(missed)
            there[name] += len(statements)
    return {name: (ran[name], there[name]) for name in sorted(there, key=lambda name: (name == "total", name))}


def lines(found: dict[str, tuple[int, int]]) -> list[str]:
    return [
        f"{name:8}{ran / max(there, 1):7.1%}   {ran:,} of {there:,} statements" for name, (ran, there) in found.items()
    ]


def main() -> None:
    measured = Coverage(data_file=ROOT / ".coverage")
    measured.load()
    print("\nCoverage by folder", *lines(by_folder(measured, ROOT)), sep="\n")


if __name__ == "__main__":
    main()
