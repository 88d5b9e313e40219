"""How many particles go through the model at once."""

import logging
from collections.abc import Callable, Sequence

import comfy.model_management as memory
import torch
from torch import Tensor


class Chunks:
    """Runs a function over particles, at most `size` at a time, halving the size when memory runs out.

    The result does not depend on the size. A halved size is kept for the rest of the run.
    """

    def __init__(self, size: int):
        if size < 1:
            raise ValueError(f"particles at once: got {size}, expected at least 1.")
        self.size = size

    def __call__(self, run: Callable[[Sequence[int]], Tensor], count: int) -> Tensor:
        """run(places) -> [len(places), ...] for places 0 ... count - 1, joined."""
        parts, start = [], 0
        while start < count:
            places = range(start, min(start + self.size, count))
            part = self._try(run, places)
            if part is not None:
                parts.append(part)
                start = places.stop
        return torch.cat(parts)

    def _try(self, run: Callable[[Sequence[int]], Tensor], places: range) -> Tensor | None:
        try:
            memory.throw_exception_if_processing_interrupted()
            return run(places)
        except memory.InterruptProcessingException:
            raise  # before the next line: on some installations OOM_EXCEPTION is Exception itself
        except memory.OOM_EXCEPTION:
            if len(places) == 1:
                raise
        # Outside the handler, whose traceback would keep the failed call's tensors alive.
        self.size = len(places) // 2
        logging.warning("Out of memory: going on with %d particles at once.", self.size)
        memory.soft_empty_cache()
        return None
