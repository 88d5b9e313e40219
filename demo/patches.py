"""An autoencoder of patches: principal components, which are the linear optimum, and a network that corrects them."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

PATCH, CHANNELS = 8, 16
WIDTH, BLOCKS = 128, 4  # of the correction, at one cell per patch
FINE_WIDTH, FINE_BLOCKS = 64, 2  # of the correction, at 2 x 2 cells per patch


class Residual(nn.Module):
    """x plus two 3 x 3 convolutions of x. Nothing is normalised, so windows decode as whole pictures do."""

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(nn.functional.silu(self.first(x)))


class Correction(nn.Module):
    """Predicts the error of the linear decoder from neighbouring patches: ``[B, 16, h, w]`` -> ``[B, 3, 8h, 8w]``."""

    def __init__(self):
        super().__init__()
        self.inward = nn.Conv2d(CHANNELS, WIDTH, 3, padding=1)
        self.blocks = nn.Sequential(*(Residual(WIDTH) for _ in range(BLOCKS)))
        self.finer = nn.Conv2d(WIDTH, 4 * FINE_WIDTH, 1)
        self.fine_blocks = nn.Sequential(*(Residual(FINE_WIDTH) for _ in range(FINE_BLOCKS)))
        self.outward = nn.Conv2d(FINE_WIDTH, 3 * (PATCH // 2) ** 2, 3, padding=1)

    def forward(self, latent: Tensor) -> Tensor:
        coarse = self.blocks(self.inward(latent))
        fine = self.fine_blocks(pixel_shuffle(self.finer(coarse), 2))
        return pixel_shuffle(self.outward(fine), PATCH // 2)


class PatchAutoencoder(nn.Module):
    """Pictures ``[B, 3, H, W]`` in -1..1 <-> latents ``[B, 16, H/8, W/8]`` of about unit deviation."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Conv2d(3, CHANNELS, PATCH, stride=PATCH)
        self.linear = nn.ConvTranspose2d(CHANNELS, 3, PATCH, stride=PATCH)
        self.correction = Correction()

    def encode(self, pictures: Tensor) -> Tensor:
        return self.encoder(pictures)

    def decode(self, latents: Tensor) -> Tensor:
        return self.linear(latents) + self.correction(latents)


@torch.no_grad()
def set_linear(model: PatchAutoencoder, mean: Tensor, components: Tensor, factors: Tensor) -> None:
    """Sets the weights of both linear parts, in place.

    mean        ``[192]``, the mean patch, in the order channel, row, column
    components  ``[16, 192]``, orthonormal rows
    factors     ``[16]``, the factor of each component in the latent
    """
    shape = (CHANNELS, 3, PATCH, PATCH)
    encoder = {"weight": (components * factors[:, None]).view(shape), "bias": -(components @ mean) * factors}
    model.encoder.load_state_dict(encoder)
    # A transposed convolution has only one bias per colour. The correction learns the rest of the mean patch.
    bias = (mean - components.T @ (components @ mean)).view(3, -1).mean(dim=1)
    model.linear.load_state_dict({"weight": (components / factors[:, None]).view(shape), "bias": bias})
    for part in model.correction.outward.parameters():
        part.zero_()
