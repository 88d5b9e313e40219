"""Where sums have to be exact: accumulate wide, cast back."""

import torch


def accumulation_dtype(device: torch.device) -> torch.dtype:
    """float64 where the device has it: sums of equal float32 numbers are then exact."""
    return torch.float32 if device.type == "mps" else torch.float64
