"""`make campaign`."""

from __future__ import annotations

import argparse
import json

from .run import campaign


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=1200)
    parser.add_argument("--first", type=int, default=0, help="number of the first graph")
    parser.add_argument("--limit", type=float, default=5.0, help="seconds after which a graph is cancelled")
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.graphs)
    print(json.dumps(campaign(numbers, arguments.limit), indent=2))


if __name__ == "__main__":
    main()
