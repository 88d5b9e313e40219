"""CSD Tones in the real samplers: alone, behind another coupling, and in a file of states."""

import torch

DEFAULTS = {"strength": 1.0, "spread": 0.15, "block": 1}
KERNEL = {
    "kernel": "independent",
    "bandwidth": "median",
    "fixed_bandwidth": 1000.0,
    "normalization": "row",
    "repulsion": 1.0,
}


def tones(host, **changes):
    return host.run("CSDTones", **{**DEFAULTS, **changes})[0]


def test_the_node_makes_the_coupling(host, ext):
    module, stein = host.module("csd.tones"), ext.csd.stein
    assert tones(host) == module.Tones()
    first = stein.Stein(repulsion=0.5)
    assert tones(host, strength=0.5, spread=0.3, block=4, coupling=first) == module.Tones(first, 0.5, 0.3, 4)


def test_without_strength_images_stay_independent(host, model, edit):
    alone = edit(model, coupling=host.run("CSDKernel", **KERNEL)[0])
    assert torch.equal(edit(model, coupling=tones(host, strength=0.0)), alone)


def test_images_that_look_alike_everywhere_change_alike(host, model, edit, case):
    """Still frames with noise of their own: apart, their colours part; with tones, all have the same mean."""
    same = {"samples": case.latents[:1].expand(4, -1, -1, -1)}
    noise = host.run("CSDNoiseField", field="independent")[0]
    apart, together = (
        edit(model, latent=same, noise=noise, coupling=coupling, layout=None, steps=1)
        for coupling in (tones(host, strength=0.0), tones(host, spread=10.0))
    )
    assert spread(apart) > 3 * spread(together)


def spread(latents: torch.Tensor) -> float:
    """How far the mean colours of images lie apart."""
    return float(latents.mean((2, 3)).std(0).mean())
