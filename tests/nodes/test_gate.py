"""Every input of every node refuses what its schema does not allow: a link like a widget, one place for all."""

import math
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope="module")
def gate(host):
    return host.module("host.gate")


@pytest.fixture(scope="module")
def inputs(ext):
    """(display name, input) of all nodes."""
    schemas = [node.GET_SCHEMA() for node in ext.extension.NODES]
    return [
        (node, schema.display_name, spec)
        for node, schema in zip(ext.extension.NODES, schemas)
        for spec in schema.inputs
    ]


def kind(spec):
    return str(spec.get_io_type())


def wild(spec):
    """Values that an input must not let in."""
    image, latent = torch.zeros(1, 8, 8, 3), {"samples": torch.zeros(1, 4, 8, 8)}
    table = {
        "INT": lambda: [spec.min - 1, spec.max + 1, 10**30, math.nan, math.inf, 1.5, "7", True, [1], image],
        "FLOAT": lambda: [spec.min - 0.1, spec.max * 1.01 + 0.1, math.nan, -math.inf, "1", False, {}, image],
        "BOOLEAN": lambda: ["yes", 2, 0.5, image],
        "STRING": lambda: [7, b"a", ["a"], image],
        "COMBO": lambda: ["no such choice", "", 0, ["a"], image],
        "IMAGE": lambda: [latent, image[0], image[..., :1], image[..., :2], image[:0], image * math.nan, "a", [image]]
        + [image.byte(), image.bool()],
        "MASK": lambda: [latent, image, torch.zeros(0, 8, 8), torch.zeros(8), "a"],
        "LATENT": lambda: [
            image,
            {},
            {"samples": image[0]},
            {"samples": torch.zeros(0, 4, 8, 8)},
            {"samples": torch.full((1, 4, 8, 8), math.inf)},
            {**latent, "noise_mask": torch.full((1, 8, 8), math.nan)},
            {**latent, "noise_mask": "a"},
        ],
        "CONDITIONING": lambda: [image, "a", [1], [[image]], {}],
        "MODEL": lambda: [image, "a"],
        "VAE": lambda: [image, "a"],
        "IMAGE,LATENT,MASK": lambda: ["a", 7, image[:0], {"samples": image[0]}, image[..., :2]],
        "VIDEO,IMAGE": lambda: ["a", latent, image[0], image[:0]],
        "CSD_LAYOUT": lambda: [image, "a", {}],
        "CSD_VIEWS": lambda: [image, "a", {}],
        "CSD_CLIP": lambda: [image, "a", {}],
        "SPLAT": lambda: [image, "a", {}],
        "CSD_STATE": lambda: [image, "a", {}],
    }
    return table.get(kind(spec), list)()


def good(spec):
    """Values at the ends of what an input allows."""
    table = {
        "INT": lambda: [spec.min, spec.max, float(spec.default)],
        "FLOAT": lambda: [spec.min, spec.max, spec.default],
        "BOOLEAN": lambda: [True, False],
        "COMBO": lambda: list(spec.options),
        "STRING": lambda: ["", "a"],
        "IMAGE": lambda: [torch.zeros(1, 1, 1, 3), torch.zeros(2, 3, 4, 4)],
        "LATENT": lambda: [{"samples": torch.zeros(1, 4, 1, 1)}, {"samples": torch.zeros(1, 16, 1, 2, 2)}],
        "IMAGE,LATENT,MASK": lambda: [torch.zeros(1, 1, 1, 3), torch.zeros(1, 1), {"samples": torch.zeros(1, 4, 1, 1)}],
    }
    return table.get(kind(spec), list)()


def test_no_input_lets_wild_values_in(gate, inputs):
    tried = 0
    for node, _, spec in inputs:
        if spec.id in getattr(node, "unchecked", ()):
            continue
        for value in wild(spec):
            tried += 1
            with pytest.raises(ValueError, match=f"^{gate.name(spec)}: got .*, expected "):
                gate.checked(spec, value)
    assert tried > 300


def test_every_input_lets_good_values_in(gate, inputs):
    for _, _, spec in inputs:
        for value in good(spec):
            assert gate.checked(spec, value) is not None


def test_open_inputs(gate, inputs):
    for _, _, spec in inputs:
        if spec.optional:
            assert gate.checked(spec, None) == getattr(spec, "default", None)
        else:
            with pytest.raises(ValueError, match="got nothing, expected .*; connect it"):
                gate.checked(spec, None)


def test_an_open_widget_has_its_default(host):
    open_, default = (host.run("CSDBaseline", baseline="image", drawn_noise=value)[0] for value in (None, 0.0))
    assert open_ == default


def test_whole_numbers_arrive_whole(gate, ext):
    spec = next(spec for spec in ext.particles.ParticleSplit.GET_SCHEMA().inputs if spec.id == "overlap")
    assert gate.checked(spec, 8.0) == 8 and isinstance(gate.checked(spec, 8.0), int)


IMAGE = torch.zeros(1, 64, 64, 3)
LATENT = {"samples": torch.zeros(1, 4, 8, 8)}
SPLIT = {"window_width": 64, "window_height": 64, "overlap": 0, "wrap": "none", "multiple": 8}
VIDEO = {"rate": 24.0, "start": 0, "stride": 1, "count": 0, "size": "source", "side": 512, "edge": "pad", "multiple": 8}
FLOW = {"neighbours": 2, "anchors": 2, "accuracy": "fast", "tolerance": 0.05}
KERNEL = {
    "kernel": "rbf",
    "bandwidth": "median",
    "fixed_bandwidth": 1.0,
    "normalization": "row",
    "repulsion": 1.0,
}
DISTIL = {"step_size": 1.0, "particles_per_step": 0}
LINKS = {
    "a multiple of nothing": ("CSDVideoFrameBatch", {"video": IMAGE, **VIDEO, "multiple": 0}, "multiple: got 0"),
    "a rate of almost nothing": ("CSDVideoFrameBatch", {"video": IMAGE, **VIDEO, "rate": 1e-9}, "rate: got 1e-09"),
    "an unknown size": ("CSDVideoFrameBatch", {"video": IMAGE, **VIDEO, "size": "x"}, "size: got 'x', expected one of"),
    "an unknown edge": ("CSDVideoFrameBatch", {"video": IMAGE, **VIDEO, "edge": "x"}, "edge: got 'x', expected one of"),
    "neighbours without end": (
        "CSDOpticalFlow",
        {"frames": IMAGE, **FLOW, "neighbours": 10**9},
        "neighbours: got 1000",
    ),
    "a tolerance of NaN": ("CSDOpticalFlow", {"frames": IMAGE, **FLOW, "tolerance": math.nan}, "tolerance: got nan"),
    "a latent for frames": ("CSDOpticalFlow", {"frames": LATENT, **FLOW}, "frames: got a LATENT .*put a VAE Decode"),
    "one channel": (
        "CSDOpticalFlow",
        {"frames": IMAGE[..., :1], **FLOW},
        r"frames: got a tensor of shape \(1, 64, 64, 1",
    ),
    "an unknown wrap": ("CSDParticleSplit", {"whole": IMAGE, **SPLIT, "wrap": "x"}, "wrap: got 'x', expected one of"),
    "NaN to split": ("CSDParticleSplit", {"whole": IMAGE * math.nan, **SPLIT}, "whole: got NaN"),
    "a look that is none": ("CSDDemoScene", {"seed": 1, "look": "x", "width": 64, "height": 64}, "look: got 'x'"),
    "images at once": ("CSDVAEBatch", {"vae": IMAGE, "images_at_once": 1}, "vae: got a tensor .*expected a VAE"),
    "an unknown kernel": ("CSDKernel", {**KERNEL, "kernel": "x"}, "kernel: got 'x', expected one of"),
    "an unknown bandwidth": ("CSDKernel", {**KERNEL, "bandwidth": 7}, "bandwidth: got 7, expected one of"),
    "a repulsion of NaN": ("CSDKernel", {**KERNEL, "repulsion": math.nan}, "repulsion: got nan"),
    "a picture to go along": ("CSDKernel", {**KERNEL, "correspondence": IMAGE}, "correspondence: got a tensor"),
    "an unknown field": ("CSDNoiseField", {"field": ""}, "field: got '', expected one of"),
    "an unknown order": ("CSDTimesteps", {"order": 7}, "order: got 7, expected one of"),
    "an unknown optimizer": ("CSDUpdate", {"optimizer": "x", "decay": 0.9, "decay_every": 1}, "optimizer: got 'x'"),
    "a source that is no prompt": ("CSDBaseline", {"baseline": "source prompt", "source": [1]}, "source: got a list"),
    "an update that is none": ("CSDDistillation", {**DISTIL, "update": LATENT}, "update: got a LATENT"),
    "a coupling that is none": ("CSDDistillation", {**DISTIL, "coupling": IMAGE}, "coupling: got a tensor"),
    "savings that are none": ("CSDDistillation", {**DISTIL, "savings": "a"}, "savings: got 'a'"),
    "a name of numbers": ("CSDStateFile", {"name": 7, "every": 1, "resume": True}, "name: got 7, expected a text"),
}


@pytest.mark.parametrize("case", LINKS)
def test_links_are_checked_like_widgets(host, case):
    node_id, inputs, message = LINKS[case]
    name = host.node(node_id).GET_SCHEMA().display_name
    with pytest.raises(ValueError, match=f"^{name}: {message}") as refused:
        host.run(node_id, **inputs)
    assert "expected" in str(refused.value)


def test_a_latent_with_a_mask_of_nan(host):
    latent = {**LATENT, "noise_mask": torch.full((1, 8, 8), math.nan)}
    with pytest.raises(ValueError, match="CSD Particle Split: whole: got NaN or infinite numbers"):
        host.run("CSDParticleSplit", whole=latent, **SPLIT)


def test_blend_does_not_pass_nan_on(host):
    flow = host.run("CSDOpticalFlow", frames=torch.rand(2, 32, 32, 3), **FLOW)[0]
    for images, tolerance in ((torch.full((2, 32, 32, 3), math.nan), 0.3), (torch.rand(2, 32, 32, 3), math.nan)):
        with pytest.raises(ValueError, match="CSD Blend: (images: got NaN|tolerance: got nan)"):
            host.run("CSDBlend", images=images, correspondence=flow, strength=1.0, tolerance=tolerance)


def test_errors_of_the_memory_and_the_disk_name_the_node(host):
    named = host.module("host.errors").named
    with pytest.raises(MemoryError, match="a node: got no more memory .*expected room .*make less"), named("a node"):
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(ValueError, match="a node: got an error of the disk .*expected files"), named("a node"):
        Path("/no/such/file").read_bytes()
    with pytest.raises(RuntimeError, match="^something else$"), named("a node"):
        raise RuntimeError("something else")
