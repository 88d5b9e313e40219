"""What the method's tests share: one thread, a closed-form noise predictor, and one of each scene of crops."""

from collections.abc import Iterator

import pytest
import torch

from collaborative_score_distillation.csd.frames import Frames
from collaborative_score_distillation.csd.guidance import NONE, SOURCE, TARGET
from collaborative_score_distillation.csd.windows import Windows, cover, grid


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors here are small; more threads only get in the way of other processes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Predictor:
    """A noise prediction that depends on everything a real one depends on, and counts how often it is asked."""

    texts = {TARGET: 0.7, SOURCE: -0.4}

    def __init__(self, images: torch.Tensor):
        self.images = images
        self.calls: list[str] = []

    def __call__(self, x_t, branch, call):
        self.calls.append(branch)
        image = 0 if branch == NONE else self.images[list(call.index)]
        return torch.tanh(0.6 * x_t - 0.4 * image + self.texts.get(branch, 0.0)) * (0.8 + 0.4 * call.level.time)


@pytest.fixture
def predictor() -> type[Predictor]:
    return Predictor


def _shuffled(windows: Windows) -> Windows:
    order = torch.randperm(len(windows.origins), generator=torch.Generator().manual_seed(0)).tolist()
    origins = tuple(windows.origins[i] for i in order)
    return Windows(windows.canvas, windows.window, origins, windows.wrap, windows.batch)


CASES = {
    "frames": (Frames(5), (5, 4, 6, 7)),
    "one frame": (Frames(1), (1, 4, 6, 7)),
    "video latents, 5-D": (Frames(3), (3, 4, 2, 6, 7)),
    "planar": (cover((37, 53), (16, 24), (5, 7)), (1, 4, 37, 53)),
    "planar, unsorted": (_shuffled(cover((37, 53), (16, 24), (5, 7))), (1, 4, 37, 53)),
    "planar, no overlap": (cover((32, 48), (16, 16), (16, 16)), (1, 4, 32, 48)),
    "planar, whole canvas": (cover((9, 11), (9, 11), (3, 3), batch=2), (2, 4, 9, 11)),
    "planar, stride 1": (cover((7, 19), (3, 5), (1, 1)), (1, 3, 7, 19)),
    "planar, multiples": (cover((40, 72), (16, 24), (12, 20), multiple=8), (1, 4, 40, 72)),
    "wrapping in x": (cover((12, 50), (12, 16), (12, 7), (False, True)), (1, 4, 12, 50)),
    "wrapping in y": (cover((50, 12), (16, 12), (7, 5), (True, False)), (1, 4, 50, 12)),
    "wrapping in both, 3 canvases": (cover((23, 31), (10, 12), (7, 5), (True, True), batch=3), (3, 4, 23, 31)),
    "windows, 5-D": (cover((20, 33), (8, 12), (6, 5), (False, True), batch=2), (2, 4, 3, 20, 33)),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(", ", "-").replace(" ", "_"))
def case(request) -> tuple:
    """(scene, shape of theta), every element covered."""
    return CASES[request.param]


@pytest.fixture
def bordered() -> Windows:
    """Windows that leave a border of the canvas (20, 30) uncovered."""
    return grid((20, 30), (8, 8), (8, 8))
