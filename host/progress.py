"""Long work outside the model, with a progress bar, and with an ear for the cancel button."""

from collections.abc import Iterable, Iterator

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
