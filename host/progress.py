"""Progress bars, and an ear for the cancel button."""

from collections.abc import Iterable, Iterator, Sequence

import comfy.model_management
import comfy.utils


def steps(items: Iterable) -> Iterator:
    """The items, each counted on the host's progress bar once it is done with."""
    items = list(items)
    bar = comfy.utils.ProgressBar(len(items))
    for item in items:
        comfy.model_management.throw_exception_if_processing_interrupted()
        yield item
        bar.update(1)


class WithinSteps:
    """Counts the parts of each step of a run, so that the bar moves while a long step is under way.

    done, total   parts that are done, and parts of the whole run if every step has as many as the last one
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
        """The parts of the next step, one after the other."""
        self.step, self.parts = self.step + 1, len(parts)
        for self.part, part in enumerate(parts, start=1):
            comfy.model_management.throw_exception_if_processing_interrupted()
            yield part
            if self.part < self.parts:  # the end of a step is shown with its preview
                self.bar.update_absolute(self.done, self.total)
