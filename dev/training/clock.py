"""The loop around an optimiser: a budget of minutes, the learning rate, checkpoints, progress in the terminal."""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from .checkpoint import load_checkpoint, save_checkpoint
from .setup import Network, learning_rate

SAVE_SECONDS = 120


class Clock:
    """Counts the seconds that a model was trained, over interruptions, and steps its optimiser.

    `publish`, where given, is called with the averaged model whenever a checkpoint is written.
    """

    def __init__(
        self,
        path: Path,
        model: nn.Module,
        average: AveragedModel,
        optimiser: torch.optim.Optimizer,
        minutes: float,
        peak: float,
        publish: Callable[[Network], None] | None = None,
    ):
        self.path, self.model, self.average, self.optimiser = path, model, average, optimiser
        self.budget, self.peak, self.publish = minutes * 60, peak, publish
        self.step, before = load_checkpoint(path, model, average, optimiser)
        torch.manual_seed(self.step)
        self.start = time.monotonic() - before
        self.saved, self.loss = time.monotonic(), None
        self.bar = tqdm(total=round(self.budget), initial=round(before), unit="s", mininterval=10, desc=path.stem)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    def running(self) -> bool:
        return self.seconds < self.budget

    def step_with(self, loss: torch.Tensor) -> None:
        """One step down the gradient of `loss`."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.peak, self.step, self.seconds / self.budget)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.model)
        self.step += 1
        self._tell(loss.item())

    def _tell(self, loss: float) -> None:
        self.loss = loss if self.loss is None else 0.99 * self.loss + 0.01 * loss
        self.bar.update(round(self.seconds) - self.bar.n)
        self.bar.set_postfix(step=self.step, loss=f"{self.loss:.4f}", refresh=False)
        if time.monotonic() - self.saved > SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        save_checkpoint(self.path, self.model, self.average, self.optimiser, self.step, self.seconds)
        if self.publish is not None:
            self.publish(self.average.module)
        self.saved = time.monotonic()

    def finish(self) -> None:
        self.save()
        self.bar.close()
        loss = "no step was taken" if self.loss is None else f"loss {self.loss:.4f}"
        print(f"{self.path.stem}: {self.step} steps in {self.seconds / 60:.1f} minutes, {loss}", flush=True)
