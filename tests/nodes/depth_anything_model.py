"""The host's own Depth Anything 3, small, with random weights that say known angles of view."""

import importlib

import pytest
import torch

ANGLES = (0.7, 0.9)
"""Radians from the top of a picture to the bottom, and from its left to its right."""
CONFIG = {
    **{"backbone_name": "vits", "out_layers": (5, 7, 9, 11), "cat_token": True, "has_cam_dec": True},
    **{"alt_start": 4, "qknorm_start": 4, "rope_start": 4},
    **{"head_type": "dualdpt", "head_dim_in": 768, "head_output_dim": 2, "head_use_sky_head": False},
    **{"head_features": 16, "head_out_channels": (8, 8, 8, 8)},
}


def made(host):
    """The model as its loader gives it. Skips the test where the host has none."""
    if "DA3Inference" not in host.nodes.NODE_CLASS_MAPPINGS:
        pytest.skip("this ComfyUI has no Depth Anything 3")
    network = importlib.import_module("comfy.ldm.depth_anything_3.model").DepthAnything3Net
    operations = importlib.import_module("comfy.ops").disable_weight_init
    weights = network(**CONFIG, device="cpu", dtype=torch.float32, operations=operations).state_dict()
    generator = torch.Generator().manual_seed(0)
    random = {name: 0.05 * torch.randn(part.shape, generator=generator) for name, part in weights.items()}
    random |= {name: torch.ones_like(part) for name, part in weights.items() if "norm" in name and "weight" in name}
    random["cam_dec.fc_fov.0.weight"] = torch.zeros_like(random["cam_dec.fc_fov.0.weight"])
    random["cam_dec.fc_fov.0.bias"] = torch.tensor(ANGLES)
    return importlib.import_module("comfy.sd").load_diffusion_model_state_dict(random)
