"""ControlNets whose hints belong to particles.

A ControlNet keeps the hint of its last call. So the particles of each call get a copy of their own, which shares the
weights of the network. A chain is copied once and shared by the prompts that shared it before. Otherwise the host could
not batch these prompts. Hints that go through a VAE are encoded once in a run, each by itself.
"""

from copy import copy

from torch import Tensor

from .rows import Rows, has_rows, take_rows
from .vae import HintVAE


def _copied_chain(net, make, chains: dict):
    """Applies `make` to each ControlNet of a chain and links the results in the same way.

    chains   results so far, by the id of the ControlNet: the same one gets the same copy
    """
    if net is None:
        return None
    if id(net) not in chains:
        made = make(net)
        made.set_previous_controlnet(_copied_chain(net.previous_controlnet, make, chains))
        chains[id(net)] = made
    return chains[id(net)]


def fit(fit, name: str, net, chains: dict):
    """The chain with hints that fit the particles: split with the canvas or matched to them."""

    def make(net):
        fitted = net.copy()
        if fitted.vae is not None:
            fitted.vae = HintVAE(net.vae)
        if isinstance(net.cond_hint_original, Tensor):
            fitted.cond_hint_original = fit.image(name, net.cond_hint_original)
        fitted.extra_concat_orig = [
            extra if extra.numel() == 1 else fit.image(f"{name} (extra)", extra) for extra in net.extra_concat_orig
        ]
        return fitted

    return _copied_chain(net, make, chains)


def take(net, rows: Rows, count: int, chains: dict):
    """The chain for the particles `rows`, with their hints. It needs no `pre_run`: the original has had it."""

    def make(net):
        part, hint = copy(net), net.cond_hint_original
        if isinstance(hint, Tensor):
            part.cond_hint_original = take_rows(hint, rows, count)
            if isinstance(net.vae, HintVAE):
                part.vae = net.vae.of_rows(rows if has_rows(hint, count) else (0,))
        part.extra_concat_orig = [take_rows(extra, rows, count) for extra in net.extra_concat_orig]
        clones = getattr(net, "multigpu_clones", None)  # of newer hosts: the same ControlNet on other GPUs
        if clones:
            part.multigpu_clones = {device: _copied_chain(clone, make, chains) for device, clone in clones.items()}
        return part

    return _copied_chain(net, make, chains)
