"""MultiDiffusion (arXiv 2302.08113) on any core sampler.

The sampler sees the whole canvas. At every model call the canvas is split into windows. Each window is predicted by
itself, and the predictions are averaged where windows overlap.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..csd.scene import merge
from ..csd.windows import as_size
from ..media.layout import Layout
from .chunking import Chunks, room_for_one
from .errors import named

_SHARED = ("c_crossattn", "y")


@dataclass
class WindowedModel:
    """A `model_function_wrapper` of the host.

    node   the name for error messages, as the sampler that runs the model is another node
    """

    layout: Layout
    chunks: Chunks
    node: str

    def __call__(self, apply_model, call: dict) -> Tensor:
        x, timestep, conds = call["input"], call["timestep"], call["c"]
        with named(self.node), room_for_one():
            predictions = [
                self._whole(apply_model, part, time[None], self._of_branch(conds, i, x.shape[0]))
                for i, (part, time) in enumerate(zip(x[:, None], timestep, strict=True))
            ]
            return torch.cat(predictions)

    def _of_branch(self, conds: dict, branch: int, count: int) -> dict:
        """The conditioning of one canvas, taken from the batch that the host made."""
        if conds.get("control") is not None:
            raise ValueError("model: got a ControlNet, which is not split; remove it or use CSD Edit Sampler.")
        return {
            key: value[branch : branch + 1] if isinstance(value, Tensor) and value.shape[0] == count else value
            for key, value in conds.items()
        }

    def _whole(self, apply_model, canvas: Tensor, timestep: Tensor, conds: dict) -> Tensor:
        windows = self._windows(canvas)
        x = windows.split(canvas)
        image = windows.split(conds["c_concat"]) if conds.get("c_concat") is not None else None

        def run(places):
            rows = slice(places.start, places.stop)
            part = {
                key: value.expand(len(places), *value.shape[1:]) if key in _SHARED else value
                for key, value in conds.items()
            }
            if image is not None:
                part["c_concat"] = image[rows]
            return apply_model(x[rows], timestep.expand(len(places)), **part)

        return merge(windows, self.chunks(run, len(x)))

    def _windows(self, canvas: Tensor):
        """The layout on the grid of the canvas [1, C, H, W]."""
        whole, pixels = self.layout.windows, tuple(canvas.shape[-2:])
        if any(size % cells for size, cells in zip(whole.canvas, pixels, strict=True)):
            raise ValueError(
                f"layout: got a latent of {pixels[1]} x {pixels[0]} cells for a layout of "
                f"{whole.canvas[1]} x {whole.canvas[0]} pixels; connect the merged latent of the same image."
            )
        window = as_size(w * cells // size for w, cells, size in zip(whole.window, pixels, whole.canvas, strict=True))
        return whole.rescaled(window)


def windowed(model, layout: Layout, at_once: int, node: str):
    """A clone of the model that predicts window by window. `node` is the name for its error messages."""
    if layout.windows.batch != 1:
        raise ValueError(
            f"layout: got a layout of {layout.windows.batch} images, expected one; split one image at a time."
        )
    patched = model.clone()
    patched.set_model_unet_function_wrapper(WindowedModel(layout, Chunks(at_once), node))
    return patched
