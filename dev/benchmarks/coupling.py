"""`python -m collaborative_score_distillation.dev.benchmarks.coupling`: time and memory of COUPLE against N.

Particles of 4 x 64 x 64 numbers, ours (two matrix products) and the authors' (an N x N x D tensor, as far as it
fits), the same direction from both. Times are medians of calls in turns; memory is what a fresh process needs
beyond the particles themselves.
"""

import math
from statistics import median

import torch
from torch import Tensor

from ...csd import presets
from ...csd.stein import Seen
from ..evaluation.published import parser, publish
from .authors import coupled
from .timing import alternate, apart, device, peak_bytes, ratio, start_peak

SHAPE = (4, 64, 64)
SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
SHORT = (4, 16)
MOST = 8 * 2**30  # bytes for the authors' tensors
COPIES = 3  # of the N x N x D tensor: differences, their squares, their products with K
ROUNDS = 7


def ours(x: Tensor, residual: Tensor) -> Tensor:
    return presets.paper().couple(Seen(x, x), residual)[0]


CONTENDERS = {"ours": ours, "authors": coupled}


def particles(n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    x, residual = (torch.randn(n, *SHAPE, generator=generator).to(device()) for _ in range(2))
    return x, residual


def fits(n: int) -> bool:
    return COPIES * n * n * math.prod(SHAPE) * 4 <= MOST


def memory(name: str, n: int) -> int:
    """Bytes beyond the particles; call in a process of its own."""
    CONTENDERS[name](*particles(4))  # libraries and thread pools
    x, residual = particles(n)
    before = start_peak()
    CONTENDERS[name](x, residual)
    return peak_bytes() - before


def difference(n: int) -> float:
    """Of the two directions, relative to the largest entry."""
    x, residual = particles(n)
    a, b = ours(x, residual), coupled(x, residual)
    return ((a - b).abs().max() / b.abs().max()).item()


def measure(n: int, rounds: int) -> dict:
    names = [name for name in CONTENDERS if name == "ours" or fits(n)]
    x, residual = particles(n)
    times = alternate({name: lambda run=CONTENDERS[name]: run(x, residual) for name in names}, rounds)
    row: dict = {"particles": n}
    for name in names:
        row[name] = {"seconds": median(times[name]), "bytes": apart(memory, name, n)}
    if "authors" in names:
        row["times faster"] = ratio(times["authors"], times["ours"])
        row["times smaller"] = row["authors"]["bytes"] / max(row["ours"]["bytes"], 1)
        row["difference"] = difference(n)
    return row


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = []
    for n in SHORT if arguments.short else SIZES:
        rows.append(measure(n, 2 if arguments.short else ROUNDS))
        print(rows[-1], flush=True)
    publish(arguments.output, "coupling", {"shape": SHAPE, "rounds": ROUNDS, "rows": rows})


if __name__ == "__main__":
    main()
