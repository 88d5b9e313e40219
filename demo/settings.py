"""How the sharp demo model is used in templates and in evaluations: the inputs of CSD Edit Sampler."""

from types import MappingProxyType

SHARP_EDIT = MappingProxyType(
    {"steps": 8, "guidance": 1.0, "image_guidance": 1.0, "step_size": 1.0, "noise_low": 0.0, "noise_high": 0.85}
)
