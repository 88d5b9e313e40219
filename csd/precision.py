"""The floating type for sums that have to be exact: accumulate in it, then cast back."""

import torch


def accumulation_dtype(device: torch.device) -> torch.dtype:
    """float64 where the device has it, in which sums of equal float32 numbers are exact; else float32."""
    return torch.float32 if device.type == "mps" else torch.float64
