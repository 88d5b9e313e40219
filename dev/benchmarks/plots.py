"""The plots of docs/benchmarks.md, from the results."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (after the backend is chosen)

SIZE, DPI = (6.4, 4.0), 90
MIB = 2**20


def _axes(x: str, y: str, log: bool = True):
    figure, axes = plt.subplots(figsize=SIZE, dpi=DPI, layout="constrained")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    if log:
        axes.set_xscale("log")
    return figure, axes


def _save(figure, path: Path) -> None:
    figure.savefig(path)
    plt.close(figure)


def coupling(results: dict, folder: Path) -> list[str]:
    """Time and memory of COUPLE against the number of particles."""
    made = []
    for key, unit, scale in (("seconds", "milliseconds", 1e3), ("bytes", "MiB beyond the particles", 1 / MIB)):
        figure, axes = _axes("particles", unit)
        axes.set_yscale("log")
        for name in ("ours", "authors"):
            points = [(row["particles"], scale * row[name][key]) for row in results["rows"] if name in row]
            axes.plot(*zip(*(point for point in points if point[1] > 0)), marker="o", label=name)
        axes.legend()
        made.append(f"coupling_{key}.png")
        _save(figure, folder / made[-1])
    return made


def families(means: dict) -> dict[str, list[dict]]:
    """Figures by family, the cheapest first; names are `family: label`."""
    found: dict[str, list[dict]] = {}
    for name, figures in means.items():
        if "evaluations" in figures:
            family, label = name.split(": ", 1)
            found.setdefault(family, []).append({"label": label, **figures})
    return {family: sorted(rows, key=lambda row: row["evaluations"]) for family, rows in found.items()}


def quality(results: dict, folder: Path, kind: str, figures: dict[str, str]) -> list[str]:
    """Each figure against evaluations, a line for each family, and the VAE's ceiling or floor."""
    made = []
    for key, unit in figures.items():
        figure, axes = _axes("evaluations", unit)
        for family, rows in families(results["means"]).items():
            axes.plot([r["evaluations"] for r in rows], [r[key] for r in rows], marker="o", ms=4, label=family)
        limit = next(values[key] for name, values in results["means"].items() if "evaluations" not in values)
        axes.axhline(limit, color="grey", linestyle=":", label="the truth through the VAE")
        axes.legend(fontsize=7)
        made.append(f"quality_{kind}_{key}.png")
        _save(figure, folder / made[-1])
    return made
