"""A kernel that compares features of the particles: of a perceptual network, for instance, or of a decoder.

    k(x_j, x_i) = k_0(f(x_j), f(x_i))

Its repulsion is that of k_0, carried back to the particles by the vector-Jacobian product of f. It can be left out.
Only this file needs autograd. It leaves inference mode, so `net` must not hold weights that were made in it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .kernel import Gram, Kernel


@dataclass(frozen=True)
class Features:
    """The kernel of the features.

    net       particles [n, C, h, w] -> features [n, ...]
    kernel    the kernel that compares them
    repels    whether the repulsion is carried back, which takes a backward pass of the network
    """

    net: Callable[[Tensor], Tensor]
    kernel: Kernel
    repels: bool = True

    def __call__(self, x: Tensor) -> Gram:
        if not self.repels:
            K, _ = self.kernel(self.net(x).detach())
            return Gram(K, torch.zeros_like(x, dtype=K.dtype))
        with torch.inference_mode(False), torch.enable_grad():
            features, back = torch.func.vjp(self.net, x.clone())[:2]
            K, repulsion = self.kernel(features.detach())
            (carried,) = back(repulsion.to(features))
        return Gram(K, carried.detach().to(K))
