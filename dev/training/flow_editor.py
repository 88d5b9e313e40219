"""The sharp editing model: the host's U-Net and text model as a rectified flow, trained together on latents.

x_t = (1 - t) x + t noise, and the velocity noise - x is predicted. Half of the complete samples are bridges, as in
`editor.py`: x is a mixture of source and target, and the velocity (x_t - target) / t leads to the target.
"""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .checkpoint import RUNS
from .clock import Clock
from .editor import AVERAGE_DECAY, BRIDGES, DROP_BOTH, DROP_IMAGE, DROP_TEXT, DROP_WORD, Editor, draw_wording
from .flow_latents import LatentSource, Pairs
from .publish import publish_flow_editor
from .setup import half_precision

CHECKPOINT = RUNS / "flow_editor.safetensors"
WINDOWS, STYLED = 26, 6  # of a batch
PEAK_RATE = 1e-3
LOWEST_BRIDGE = 0.05  # of the noise levels of bridges, which are evenly drawn up to 0.95


def new_editor() -> Editor:
    from ...host.flow_demo_model import build_flow_unet

    return Editor(build_flow_unet())


def velocity_loss(model: nn.Module, pairs: Pairs) -> torch.Tensor:
    """Mean squared error of the velocity; that of a bridge counts as an error of the picture does, twice."""
    count, dice = len(pairs.source), torch.rand(len(pairs.source))
    no_text = dice < DROP_TEXT + DROP_BOTH
    no_image = (dice >= DROP_TEXT) & (dice < DROP_TEXT + DROP_BOTH + DROP_IMAGE)
    wordings = ["" if drop else draw_wording(subject) for drop, subject in zip(no_text.tolist(), pairs.subjects)]
    bridged = ~(no_text | no_image) & (torch.rand(count) < BRIDGES)
    level = torch.where(bridged, LOWEST_BRIDGE + 0.9 * torch.rand(count), torch.sigmoid(0.2 + torch.randn(count)))
    level = level.clamp(0.01, 0.999)
    t = level.view(-1, 1, 1, 1)
    mixture = torch.rand(count).sqrt() * bridged
    start = torch.lerp(pairs.target, pairs.source, mixture.view(-1, 1, 1, 1))
    noise = torch.randn_like(start)
    velocity = noise - pairs.target + (1 - t) / t * (start - pairs.target)
    source = pairs.source * ~no_image.view(-1, 1, 1, 1)
    with half_precision(start.device):
        context = model.contexts(wordings, DROP_WORD)
        predicted = model((1 - t) * start + t * noise, source, level * 1000, context)
    errors = (predicted.float() - velocity).square().mean(dim=(1, 2, 3))
    return (torch.where(bridged, (2 * level**2).clamp(max=1), 1) * errors).mean()


def train(minutes: float) -> None:
    """Train for `minutes` in all, resuming where a checkpoint is; every checkpoint's average is published."""
    source = LatentSource()
    model = new_editor().requires_grad_(True)
    model.unet.to(memory_format=torch.channels_last)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    clock = Clock(CHECKPOINT, model, average, optimiser, minutes, PEAK_RATE, publish_flow_editor)
    while clock.running():
        clock.step_with(velocity_loss(model, source.draw(WINDOWS, STYLED)))
    clock.finish()
