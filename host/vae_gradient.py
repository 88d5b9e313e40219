"""The gradient of a VAE's encoder, which the host does not offer: its nodes run under inference mode."""

from collections.abc import Callable
from typing import Any

import comfy.model_management
import torch
from torch import Tensor


class Encoder(torch.nn.Module):
    """The encoder of a VAE: pictures [n, H, W, 3] in 0 ... 1 -> latents [n, C, h, w], on the device of the VAE."""

    def __init__(self, vae: Any):
        super().__init__()
        self.network, self._prepared = vae.first_stage_model, vae.process_input
        self._to = {"device": vae.device, "dtype": vae.vae_dtype}

    def forward(self, shown: Tensor) -> Tensor:
        return self.network.encode(self._prepared(shown.movedim(-1, 1)).to(**self._to))


def adjoint_of_encoder(vae: Any, scaled: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """(pictures [N, H, W, 3], directions of their latents) -> the gradient of their product by the pictures.

    scaled   latents of the VAE -> latents in the scaling of the model

    Views go one after the other, so that memory is that of one. Raises ValueError for the VAE of a video model.
    """
    if vae.latent_dim != 2:
        raise ValueError("vae: got one of a video model, expected one of pictures; choose `gradient` decoded.")

    def adjoint(pictures: Tensor, directions: Tensor) -> Tensor:
        comfy.model_management.load_models_gpu([vae.patcher], force_full_load=True)
        with torch.inference_mode(False), torch.enable_grad():
            encoder = Encoder(vae)
            # Weights that were loaded under inference mode cannot be kept for a backward pass. Their copies can.
            weights = {name: weight.detach().clone() for name, weight in encoder.named_parameters()}
            each = zip(pictures.split(1), directions.split(1), strict=True)
            return torch.cat([_adjoint(encoder, weights, scaled, *one) for one in each])

    return adjoint


def _adjoint(encoder: Encoder, weights: dict, scaled, picture: Tensor, direction: Tensor) -> Tensor:
    shown = picture.detach().clone().requires_grad_()
    latents = scaled(torch.func.functional_call(encoder, weights, (shown,)))
    (found,) = torch.autograd.grad(latents, shown, direction.detach().clone().to(latents))
    return found
