"""Runs long work in a thread of its own, so that it can be cancelled at any time.

Painting, decoding and optical flow spend seconds inside one library call, which nothing can interrupt. So the node
waits for the thread and checks for a cancel meanwhile. After a cancel it leaves the thread behind. The thread notices
this at its next step (`look`) and ends. Its result is dropped.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar, copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

import comfy.model_management
import torch

Made = TypeVar("Made")

_LOOKS_EVERY, _MAY_TIDY_UP = 0.1, 1.0  # seconds
_one_at_a_time = threading.Lock()  # so that threads that were left behind do not pile up
_left: ContextVar[threading.Event | None] = ContextVar("csd_left", default=None)


def look() -> None:
    """Raises the host's exception if the run was cancelled."""
    left = _left.get()
    # First of all: the host's check clears its flag, and a thread left behind must not take the cancel of a later run.
    if left is not None and left.is_set():
        raise comfy.model_management.InterruptProcessingException
    comfy.model_management.throw_exception_if_processing_interrupted()


def looking(items: Iterable[Made]) -> Iterator[Made]:
    """Yields the items, and looks before each."""
    for item in items:
        look()
        yield item


def apart(work: Callable[[], Made]) -> Made:
    """Returns or raises what `work` does. After a cancel it raises the host's exception at once."""
    left, answers = threading.Event(), SimpleQueue()
    context, inference, threads = copy_context(), torch.is_inference_mode_enabled(), torch.get_num_threads()
    context.run(_left.set, left)

    def answer() -> None:
        torch.set_num_threads(threads)  # this and inference mode are set per thread
        try:
            with _one_at_a_time, torch.inference_mode(inference):
                look()
                answers.put((work(), None))
        except BaseException as error:  # passed to the waiting thread
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
