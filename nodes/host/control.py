"""ControlNets whose hints belong to particles.

A ControlNet keeps the hint it was last asked about, so every model call gets copies of its own,
which share the network's weights. Chains are copied once and shared between the prompts that share
them, or the host could not batch those prompts.
"""

from torch import Tensor

from .rows import Rows, take_rows


def _copy_chain(net, change, chains: dict):
    """A copy of a chain of ControlNets with `change` applied to each; the same copy for the same chain."""
    if net is None:
        return None
    if id(net) not in chains:
        copy = net.copy()
        change(copy)
        copy.set_previous_controlnet(_copy_chain(net.previous_controlnet, change, chains))
        chains[id(net)] = copy
    return chains[id(net)]


def fit(fit, name: str, net, chains: dict):
    """The chain with hints that fit the particles: split with the canvas or matched to them."""

    def change(copy):
        if isinstance(copy.cond_hint_original, Tensor):
            copy.cond_hint_original = fit.image(name, copy.cond_hint_original)
        copy.extra_concat_orig = [
            extra if extra.numel() == 1 else fit.image(f"{name} (extra)", extra) for extra in copy.extra_concat_orig
        ]

    return _copy_chain(net, change, chains)


def take(net, rows: Rows, count: int, model, chains: dict):
    """The chain for one model call, with the hints of the particles `rows`, ready to run."""

    def change(copy):
        if isinstance(copy.cond_hint_original, Tensor):
            copy.cond_hint_original = take_rows(copy.cond_hint_original, rows, count)
        copy.extra_concat_orig = [take_rows(extra, rows, count) for extra in copy.extra_concat_orig]

    known = id(net) in chains
    copy = _copy_chain(net, change, chains)
    if not known:
        copy.pre_run(model, model.model_sampling.percent_to_sigma)
    return copy


def clean_up(chains: dict) -> None:
    for copy in chains.values():
        copy.cleanup()
