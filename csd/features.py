"""A kernel on features of the particles: of a perceptual network, of decoded pictures, of whatever `net` makes.

    k(x_j, x_i) = k_0(f(x_j), f(x_i))

Its repulsion is that of k_0, carried back by the network's vector-Jacobian product, or left out. This is the only
place of the method that needs autograd. It leaves inference mode for it, so `net` may hold no weights that were
loaded under inference mode.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .kernel import Gram, Kernel


@dataclass(frozen=True)
class Features:
    """net     particles [n, C, h, w] -> features [n, ...]
    kernel    the kernel on them
    repels    whether the repulsion is carried back; costs a backward pass of the network
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
