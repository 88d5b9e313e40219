"""Progress bars that also check for a cancel, and words about the progress."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field

import comfy.utils
import server
from comfy_execution.progress import get_progress_state
from comfy_execution.utils import get_executing_context

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


def say(text: str) -> None:
    """Shows a line of text on the node that runs, where there is a page to show it."""
    page, running = getattr(server.PromptServer, "instance", None), get_executing_context()
    if page is not None and running is not None:
        # A node that another one has turned into is not on the page. The text goes to the one that is.
        page.send_progress_text(text, get_progress_state().dynprompt.get_display_node_id(running.node_id))


@dataclass
class Countdown:
    """Tells after each step of a run how long the others will take.

    total   steps of the run
    begun   steps that were done before, in a run that is resumed
    """

    total: int
    begun: int = 0
    start: float = field(default_factory=time.perf_counter)

    def after(self, step: int) -> str:
        """The words after `step` steps."""
        left = (time.perf_counter() - self.start) / (step - self.begun) * (self.total - step)
        shown = f"{left:.0f} s" if left < 90 else f"{left / 60:.0f} min"
        return f"Step {step} of {self.total}" + (f", about {shown} left." if step < self.total else ".")


class WithinSteps:
    """Counts the parts of each step of a run, so that the bar also moves during a long step.

    done    how many parts are done
    total   how many parts the run has, if every step has as many as the last one
    tell    called after the first part of the run
    """

    def __init__(self, steps: int, begun: int = 0, tell: Callable[[], None] = lambda: None):
        self.steps, self.step, self.tell = steps, begun, tell
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
                self.tell()
                self.tell = lambda: None
