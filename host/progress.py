"""Progress bars that also check for a cancel."""

from collections.abc import Iterable, Iterator, Sequence, Sized

import comfy.utils

from .apart import look


def steps(items: Iterable) -> Iterator:
    """Yields the items. Before each it checks for a cancel, after each it moves the host's progress bar.

    Without a length the progress is not known, so there is no bar.
    """
    bar = comfy.utils.ProgressBar(len(items)) if isinstance(items, Sized) else None
    for item in items:
        look()
        yield item
        if bar is not None:
            bar.update(1)


class WithinSteps:
    """Counts the parts of each step of a run, so that the bar also moves during a long step.

    done    how many parts are done
    total   how many parts the run has, if every step has as many as the last one
    """

    def __init__(self, steps: int, begun: int = 0):
        self.steps, self.step = steps, begun
        self.parts = self.part = 1
        self.bar = comfy.utils.ProgressBar(steps)

    @property
    def total(self) -> int:
        return self.steps * self.parts

    @property
    def done(self) -> int:
        return (self.step - 1) * self.parts + self.part

    def __call__(self, parts: Sequence) -> Iterator:
        """Yields the parts of the next step."""
        self.step, self.parts = self.step + 1, len(parts)
        for self.part, part in enumerate(parts, start=1):
            look()
            yield part
            if self.part < self.parts:  # the end of a step is shown with its preview
                self.bar.update_absolute(self.done, self.total)
