"""How the sharp demo model is used in templates and in evaluations."""

from types import MappingProxyType

SHARP_EDIT = MappingProxyType(
    {"steps": 3, "guidance": 1.0, "image_guidance": 1.0, "step_size": 1.0, "noise_low": 0.0, "noise_high": 0.85}
)
"""Inputs of CSD Edit Sampler; docs/decisions/how-many-steps.md says why."""

SCENE_ROUNDS = MappingProxyType({"rounds": 3, "fit_steps": 96})
"""Inputs of CSD Edit Splats: after each step of the edit the splats follow."""
