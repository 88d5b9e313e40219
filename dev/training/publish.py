"""Writing the two files that the extension loads: half precision, only the token rows that instructions use."""

import torch
from torch import nn

from .checkpoint import save_atomically
from .setup import Network


def _half(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor.half() for name, tensor in tensors.items()}


def _editor(model: Network) -> dict[str, torch.Tensor]:
    tensors = _half(model.unet.state_dict(), "unet.") | _half(model.text.state_dict(), "text.")
    return tensors | {"token_table": model.table.detach().half(), "token_rows": model.token_rows}


def publish_autoencoder(model: nn.Module, scale: float, rgb: torch.Tensor) -> None:
    """`scale` brings latents to unit deviation; `rgb` ``[25, 3]`` gives previews."""
    from ...host.demo_model import VAE_FILE, WEIGHTS

    tensors = _half(model.state_dict(), "vae.") | {"latent_scale": torch.tensor(scale), "latent_rgb": rgb}
    save_atomically(tensors, WEIGHTS / VAE_FILE, {"license": "Apache-2.0"})


def publish_editor(model: Network) -> None:
    """`model` is an `Editor`."""
    from ...host.demo_model import EDITOR_FILE, WEIGHTS

    save_atomically(_editor(model), WEIGHTS / EDITOR_FILE, {"license": "Apache-2.0"})


def publish_patches(model: nn.Module) -> None:
    """`model` is a `PatchAutoencoder`, the sharp model's."""
    from ...host.flow_demo_model import VAE_FILE, WEIGHTS

    save_atomically(_half(model.state_dict(), "vae."), WEIGHTS / VAE_FILE, {"license": "Apache-2.0"})


def publish_flow_editor(model: Network) -> None:
    """`model` is the sharp model's `Editor`."""
    from ...host.flow_demo_model import EDITOR_FILE, WEIGHTS

    save_atomically(_editor(model), WEIGHTS / EDITOR_FILE, {"license": "Apache-2.0"})


def publish_objects(model: Network) -> None:
    """`model` is the `Editor` that holds the model of objects."""
    from ...host.demo_model import WEIGHTS
    from ...host.object_demo_model import OBJECTS_FILE

    save_atomically(_editor(model), WEIGHTS / OBJECTS_FILE, {"license": "Apache-2.0"})
