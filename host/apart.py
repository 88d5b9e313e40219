"""Long work in a thread of its own, so that a cancel is obeyed even where the work does not look for one.

Painting, decoding and optical flow spend seconds inside one call of a library, which nothing can interrupt. The
node waits for them and looks for a cancel meanwhile. A thread that was left behind finds that out at its next
step (`look`), and ends; what it makes is thrown away.
"""

import threading
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

import comfy.model_management
import torch

Made = TypeVar("Made")

_LOOKS_EVERY, _MAY_TIDY_UP = 0.1, 1.0  # seconds
_one_at_a_time = threading.Lock()  # so that threads left behind do not pile up
_left: ContextVar[threading.Event | None] = ContextVar("csd_left", default=None)


def look() -> None:
    """Raise the host's exception where the run was cancelled."""
    left = _left.get()
    if left is not None and left.is_set():  # first, so that a thread left behind takes no cancel of the next run
        raise comfy.model_management.InterruptProcessingException
    comfy.model_management.throw_exception_if_processing_interrupted()


def apart(work: Callable[[], Made]) -> Made:
    """What `work` returns or raises; or the host's exception at most a moment after the run was cancelled."""
    left, answers = threading.Event(), SimpleQueue()
    context, inference, threads = copy_context(), torch.is_inference_mode_enabled(), torch.get_num_threads()
    context.run(_left.set, left)

    def answer() -> None:
        torch.set_num_threads(threads)  # this and inference mode belong to a thread
        try:
            with _one_at_a_time, torch.inference_mode(inference):
                look()
                answers.put((work(), None))
        except BaseException as error:  # handed on to the thread that waits
            answers.put((None, error))

    thread = threading.Thread(target=context.run, args=(answer,), daemon=True, name="csd")
    thread.start()
    try:
        made, error = _waited(answers)
    except BaseException:
        left.set()
        thread.join(_MAY_TIDY_UP)
        raise
    if error is not None:
        raise error
    return made


def _waited(answers: SimpleQueue) -> tuple:
    while True:
        try:
            return answers.get(timeout=_LOOKS_EVERY)
        except Empty:
            comfy.model_management.throw_exception_if_processing_interrupted()
