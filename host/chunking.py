"""How many particles go through the model at once."""

import logging
from collections.abc import Callable, Sequence
from contextlib import contextmanager

import comfy.model_management as memory
import torch
from torch import Tensor

_CPU_WORDS = ("can't allocate memory", "not enough memory", "out of memory")


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out. The CPU's allocator has no class for this, so its words are read."""
    known = getattr(memory, "is_oom", None)  # newer hosts
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (known is not None and known(error)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _CPU_WORDS)


@contextmanager
def room_for_one():
    """Says what to do if memory runs out with a single particle, when nothing is left to halve."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        said = str(error)[:200] or type(error).__name__
        raise ValueError(
            f"memory: it ran out with a single particle in the model ({said}), expected room for one; take smaller "
            "windows or frames, a smaller or more compressed model, or close other programs."
        ) from error


class Chunks:
    """Runs a function over particles, at most `size` at a time. When memory runs out, the size is halved.

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
        except Exception as error:
            if not (isinstance(error, memory.OOM_EXCEPTION) or out_of_memory(error)):
                raise
            if len(places) == 1:
                raise
        # Outside the handler, whose traceback would keep the failed call's tensors alive.
        self.size = len(places) // 2
        logging.warning("Out of memory: going on with %d particles at once.", self.size)
        memory.soft_empty_cache()
        return None
