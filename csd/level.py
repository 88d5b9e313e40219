"""Noise levels: x_t = alpha * x + sigma * eps.

eps-, v- and flow models differ in (alpha, sigma) and in what they predict. One prediction converts into another:

    eps  = (x_t - alpha * denoised) / sigma
    v    = p * eps - q * denoised       (p, q) = (alpha, sigma) variance preserving, (1, 1) flow
    eps  = (q * x_t + alpha * v) / (alpha * p + sigma * q)

The weight of a step is w = sigma^2 / (alpha^2 + sigma^2). For variance preserving models this is 1 - alpha_bar, as in
the authors' code. For flow models it has a meaning too.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Level:
    """One noise level.

    alpha, sigma   signal scale >= 0 and noise scale > 0
    time           fraction of training time, 0 (clean) to 1 (noise)
    is_flow        True: alpha + sigma = 1 (rectified flow). False: alpha^2 + sigma^2 = 1 (DDPM).
    """

    alpha: float
    sigma: float
    time: float
    is_flow: bool = False

    def __post_init__(self):
        if not (self.alpha >= 0 and self.sigma > 0):
            raise ValueError(f"Level: got alpha {self.alpha}, sigma {self.sigma}; expected alpha >= 0 and sigma > 0.")

    @classmethod
    def variance_preserving(cls, alpha_bar: float, time: float) -> "Level":
        """alpha^2 = alpha_bar, sigma^2 = 1 - alpha_bar."""
        return cls(alpha_bar**0.5, (1 - alpha_bar) ** 0.5, time)

    @classmethod
    def flow(cls, sigma: float, time: float) -> "Level":
        """alpha = 1 - sigma."""
        return cls(1 - sigma, sigma, time, is_flow=True)

    @property
    def weight(self) -> float:
        """w(t), between 0 and 1."""
        return self.sigma**2 / (self.alpha**2 + self.sigma**2)

    def noise(self, x: Tensor, eps: Tensor) -> Tensor:
        """x_t: particles x with noise eps at this level."""
        return self.alpha * x + self.sigma * eps

    def eps_from_denoised(self, x_t: Tensor, denoised: Tensor) -> Tensor:
        return (x_t - self.alpha * denoised) / self.sigma

    def denoised_from_eps(self, x_t: Tensor, eps: Tensor) -> Tensor:
        """Raises ValueError where alpha = 0: pure noise says nothing about the image."""
        return (x_t - self.sigma * eps) / self._signal

    @property
    def to_denoised(self) -> float:
        """sigma / alpha: a particle minus its residual against the drawn noise, times this, is its denoised estimate.

        Raises ValueError where alpha = 0, as `denoised_from_eps` does.
        """
        return self.sigma / self._signal

    @property
    def _signal(self) -> float:
        """alpha, where something can be divided by it."""
        if self.alpha == 0:
            raise ValueError("Level: got alpha = 0, where the noise says nothing about the image; use a lower level.")
        return self.alpha

    def eps_from_velocity(self, x_t: Tensor, velocity: Tensor) -> Tensor:
        p, q = self._velocity_scales
        return (q * x_t + self.alpha * velocity) / (self.alpha * p + self.sigma * q)

    def velocity_from_eps(self, x_t: Tensor, eps: Tensor) -> Tensor:
        p, q = self._velocity_scales
        return p * eps - q * self.denoised_from_eps(x_t, eps)

    @property
    def _velocity_scales(self) -> tuple[float, float]:
        return (1.0, 1.0) if self.is_flow else (self.alpha, self.sigma)
