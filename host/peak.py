"""How much memory a run has taken at most."""

import psutil
import torch


class Peak:
    """Most bytes since it was made: of the device, where torch counts them (CUDA, XPU), or else of this process.

    What a process holds has to be looked at from time to time.
    """

    def __init__(self, device: torch.device):
        self.device, self._held = device, 0
        module = torch.get_device_module(device)
        self._counter = module if hasattr(module, "max_memory_allocated") else None
        if self._counter is not None:
            self._counter.reset_peak_memory_stats(device)

    def look(self) -> None:
        if self._counter is None:
            self._held = max(self._held, psutil.Process().memory_info().rss)

    @property
    def most(self) -> int:
        return self._held if self._counter is None else self._counter.max_memory_allocated(self.device)
