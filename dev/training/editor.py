"""The editing model: U-Net and text encoder, trained together on latents.

A noised latent of 16 x 16 cells shows its look up to very high noise levels. A model that sees only noised *targets*
learns to read the look from x_t and to ignore the instruction. But an edit that starts from the source depends on the
instruction. So half of the complete samples are bridges: x_t is a noised mixture of source and target, and the noise to
predict is the one that leads to the target, eps + alpha / sigma * (mixture - target).

Painted targets have many lights (`painter.light`), so the instruction leaves a choice. Edits that are made separately
choose differently. The extension makes them agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...demo.instructions import INSTRUCTIONS, all_wordings
from .checkpoint import RUNS
from .clock import Clock
from .latents import WindowGroup
from .setup import Network, half_precision, initialise, pick_device, silence

CHECKPOINT = RUNS / "editor.safetensors"
PEAK_RATE = 1e-3
AVERAGE_DECAY = 0.998
DROP_TEXT, DROP_IMAGE, DROP_BOTH = 0.05, 0.05, 0.05
DROP_WORD = 0.03
BRIDGES = 0.5
BATCHES = {"landscapes": (0.76, 32), "tall": (0.05, 14), "scenes": (0.06, 32), "photographs": (0.13, 32)}


def noise_scheduler() -> DDPMScheduler:
    """Stable Diffusion 1.5's noise levels."""
    return DDPMScheduler(1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")


def noised(scheduler: Any, x: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """x_t at timesteps ``[B]``. The scheduler's own type asks for a class of integers that torch never makes."""
    return scheduler.add_noise(x, noise, timesteps)


def draw_timesteps(bridged: torch.Tensor) -> torch.Tensor:
    """Any level; for what is bridged, those below 600, where the editing happens."""
    count = len(bridged)
    return torch.where(bridged, torch.randint(10, 600, (count,)), torch.randint(0, 1000, (count,)))


def level_weights(scheduler: DDPMScheduler, timesteps: torch.Tensor) -> torch.Tensor:
    """Weights ``[B]`` under which all noise levels have about the same say.

    Without weights, the lowest levels would dominate, as their noise is hard to predict; but little of an edit depends
    on them. The highest levels, where the instruction decides, would hardly count. 1 + 1/SNR measures errors of the
    velocity. It is cut at both ends.
    """
    kept = scheduler.alphas_cumprod.to(timesteps.device)[timesteps]
    ratio = kept / (1 - kept)
    return (1 + 1 / ratio).clamp(max=8) * (3 / ratio).clamp(max=1)


class Editor(nn.Module):
    """The host's U-Net and CLIP text model, with a table of only the tokens that the instructions use.

    `token_rows` ``[R]`` are their ids; the last row of `table` ``[R+1, width]`` stands for every other token.
    """

    token_rows: torch.Tensor
    unet: Network
    text: Network

    def __init__(self, unet: nn.Module | None = None, wordings: Sequence[str] | None = None):
        """Fresh weights, in the first model's U-Net and for all instructions, if nothing else is given."""
        super().__init__()
        from ...host.demo_model import CLIP_CONFIG, build_text_model, build_unet, tokenize

        sentences = {wording: tokenize(wording) for wording in ["", *(wordings or all_wordings())]}
        self.register_buffer("token_rows", torch.tensor(sorted({t for s in sentences.values() for t in s})))
        self.sentences = {w: torch.searchsorted(self.token_rows, torch.tensor(s)) for w, s in sentences.items()}
        self.end_row = int(torch.searchsorted(self.token_rows, CLIP_CONFIG["eos_token_id"]))
        self.table = nn.Parameter(torch.randn(len(self.token_rows) + 1, CLIP_CONFIG["hidden_size"]) * 0.3)
        self.unet = unet or build_unet()
        self.text = build_text_model()
        del self.text.text_model.embeddings.token_embedding
        self._initialise()

    def _initialise(self) -> None:
        initialise(self.unet)
        initialise(self.text)
        silence(self.unet.out[2])
        for module in self.unet.modules():
            if hasattr(module, "out_layers"):
                silence(module.out_layers[3])
            if hasattr(module, "transformer_blocks"):
                silence(module.proj_out)

    def contexts(self, wordings: list[str], drop_words: float = 0.0) -> torch.Tensor:
        """Text encodings ``[B, 77, width]``; some words may be replaced by the shared row."""
        from ...host.demo_model import encode_with_gradient

        distinct = sorted(set(wordings))
        rows = torch.stack([self.sentences[wording] for wording in distinct]).to(self.table.device)
        length = (rows == self.end_row).int().argmax(dim=1) + 1
        position = torch.arange(rows.shape[1], device=rows.device)
        word = (position[None] > 0) & (position[None] < length[:, None] - 1)
        unknown = word & (torch.rand(rows.shape, device=rows.device) < drop_words)
        rows = torch.where(unknown, len(self.token_rows), rows)
        encoded = encode_with_gradient(self.text, self.table[rows])
        return encoded[torch.tensor([distinct.index(wording) for wording in wordings], device=encoded.device)]

    def forward(self, noisy: torch.Tensor, source: torch.Tensor, timesteps: torch.Tensor, context: torch.Tensor):
        """Predict the noise ``[B, 4, h, w]``; `source` is the unscaled latent of the picture to edit, or zeros."""
        return self.unet(torch.cat([noisy, source], dim=1), timesteps, context=context)


@dataclass
class Batch:
    """Unscaled latents ``[B, 4, h, w]`` before and after an edit, and the instruction for it.

    `mixture` ``[B]`` says how much of the source stands in place of the target under the noise, 0..1.
    """

    source: torch.Tensor
    target: torch.Tensor
    wordings: list[str]
    mixture: torch.Tensor


def draw_batch(groups: dict[str, WindowGroup]) -> Batch:
    """A batch from one group, with some texts and sources dropped."""
    shares = torch.tensor([share for share, _ in BATCHES.values()])
    name = list(BATCHES)[int(torch.multinomial(shares, 1))]
    group, count = groups[name], BATCHES[name][1]
    windows = torch.randint(len(group.latents), (count,))
    sources = torch.multinomial(group.sources, count, replacement=True)
    targets = torch.multinomial(group.targets, count, replacement=True)
    wordings = [draw_wording(group.subjects[int(target)]) for target in targets]
    source, target = group.latents[windows, sources].float(), group.latents[windows, targets].float()
    dice = torch.rand(count)
    no_text = dice < DROP_TEXT + DROP_BOTH
    no_image = (dice >= DROP_TEXT) & (dice < DROP_TEXT + DROP_BOTH + DROP_IMAGE)
    wordings = ["" if drop else wording for drop, wording in zip(no_text.tolist(), wordings)]
    bridged = ~(no_text | no_image) & (torch.rand(count) < BRIDGES)
    return Batch(source * ~no_image.view(-1, 1, 1, 1), target, wordings, torch.rand(count) * bridged)


def draw_wording(subject: str) -> str:
    """The recommended wording half the time, else any."""
    wordings = INSTRUCTIONS[subject]
    return wordings[0] if torch.rand(()) < 0.5 else wordings[int(torch.randint(len(wordings), ()))]


def noise_loss(
    model: Editor, batch: Batch, scale: float, scheduler: DDPMScheduler, device: torch.device
) -> torch.Tensor:
    """Weighted mean squared error of the predicted noise; that of a bridge counts as an error of the picture does."""
    bridged = (batch.mixture > 0).to(device)
    timesteps = draw_timesteps(batch.mixture > 0).to(device)
    kept = scheduler.alphas_cumprod.to(device)[timesteps]
    target, source = (batch.target * scale).to(device), batch.source.to(device)
    start = torch.lerp(target, source * scale, batch.mixture.to(device).view(-1, 1, 1, 1))
    noise = torch.randn_like(target)
    leading = noise + (kept / (1 - kept)).sqrt().view(-1, 1, 1, 1) * (start - target)
    with half_precision(device):
        context = model.contexts(batch.wordings, DROP_WORD)
        predicted = model(noised(scheduler, start, noise, timesteps), source, timesteps, context)
    errors = (predicted.float() - leading).square().mean(dim=(1, 2, 3))
    return (torch.where(bridged, 1 - kept, level_weights(scheduler, timesteps)) * errors).mean()


def train_editor(
    minutes: float, groups: dict[str, WindowGroup], scale: float, publish: Callable[[Network], None]
) -> None:
    """Train for `minutes` in all, resuming where a checkpoint is; every checkpoint's average is published."""
    device, scheduler = pick_device(), noise_scheduler()
    model = Editor().to(device).requires_grad_(True)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    clock = Clock(CHECKPOINT, model, average, optimiser, minutes, PEAK_RATE, publish)
    while clock.running():
        clock.step_with(noise_loss(model, draw_batch(groups), scale, scheduler, device))
    clock.finish()
