"""The sharp editing model: the host's U-Net and text model as a rectified flow, trained together on latents.

x_t = (1 - t) x + t noise. The network sees x_t and the source and predicts the change from source to target. An empty
instruction changes nothing: its target is the source. So the difference between the predictions with and without an
instruction is the edit itself, at every noise level.

Most samples are bridges, as in `editor.py`: x is the source, or a mixture of source and target. Without them the
network learns to denoise x_t, which shows the target, and hardly looks at source and instruction: after 1,800 steps
without enough bridges it was worse than a linear map of the source. Distillation in velocity space also meets pictures
on the far side of the target, so the mixture reaches beyond it.

Some landscapes have no source. So the model also paints pictures from text alone.
"""

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .checkpoint import RUNS
from .clock import Clock
from .editor import AVERAGE_DECAY, DROP_WORD, Editor, draw_wording
from .flow_latents import LatentSource, Pairs
from .publish import publish_flow_editor
from .setup import half_precision, silence

CHECKPOINT = RUNS / "flow_editor.safetensors"
BATCH = {  # in this order
    **{"landscapes": 13, "tall": 4, "clips": 3, "dioramas": 3},
    **{"scenes": 1, "photographs": 6, "leaves": 4},
}
PEAK_RATE = 1e-3
DROP_TEXT = 0.18
DROP_IMAGE = 0.5  # of the landscapes, which are as high as a window: only they make whole pictures
BRIDGES, FROM_SOURCE = 0.75, 0.5  # of the samples with a source; of the bridges, those that begin at the source
LEAST_MIXTURE = -0.5  # of the source, in the other bridges: below zero lies beyond the target
LEVELS = (0.05, 0.999)  # of noise; those of bridges are evenly drawn


def new_editor() -> Editor:
    from ...host.flow_demo_model import build_flow_unet

    editor = Editor(build_flow_unet())
    silence(editor.unet.patch_edit.colours, editor.unet.patch_edit.outward)
    return editor


def channel_weights() -> torch.Tensor:
    """Weights ``[16, 1, 1]`` of mean 1, half of them even, half what an error of the latent is in pixels.

    The even half keeps details. The other half keeps tone: nine tenths of a picture's error are in three channels.
    """
    from ...host.flow_demo_model import load_autoencoder

    in_pixels = load_autoencoder().linear.weight.square().sum(dim=(1, 2, 3))
    return (0.5 + 0.5 * in_pixels / in_pixels.mean()).view(-1, 1, 1)


def velocity_loss(model: Editor, pairs: Pairs, weights: torch.Tensor) -> torch.Tensor:
    """Weighted mean squared error of the velocity, times t^2, which is that of the picture."""
    count = len(pairs.source)
    no_image = (torch.arange(count) < BATCH["landscapes"]) & (torch.rand(count) < DROP_IMAGE)
    no_text = torch.rand(count) < DROP_TEXT
    wordings = ["" if drop else draw_wording(subject) for drop, subject in zip(no_text.tolist(), pairs.subjects)]
    target = torch.where((no_text & ~no_image).view(-1, 1, 1, 1), pairs.source, pairs.target)
    bridged = ~no_image & (torch.rand(count) < BRIDGES)
    level = torch.where(bridged, torch.rand(count), torch.sigmoid(0.2 + torch.randn(count))).clamp(*LEVELS)
    t = level.view(-1, 1, 1, 1)
    between = LEAST_MIXTURE + (1 - LEAST_MIXTURE) * torch.rand(count)
    mixture = torch.where(torch.rand(count) < FROM_SOURCE, 1, between) * bridged
    start = torch.lerp(target, pairs.source, mixture.view(-1, 1, 1, 1))
    noisy = (1 - t) * start + t * torch.randn_like(start)
    with half_precision(start.device):
        context = model.contexts(wordings, DROP_WORD)
        velocity = model(noisy, pairs.source * ~no_image.view(-1, 1, 1, 1), level * 1000, context)
    return (weights * t**2 * (velocity.float() - (noisy - target) / t).square()).mean()


def train(minutes: float, compiled: bool = False) -> None:
    """Train for `minutes` in all, resuming where a checkpoint is; every checkpoint's average is published.

    `compiled` takes three minutes at the start and makes steps a quarter shorter; it needs a C++ compiler.
    """
    source, weights = LatentSource(), channel_weights()
    model = new_editor().requires_grad_(True)
    model.unet.to(memory_format=torch.channels_last)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    if compiled:
        model.unet.compile()
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    clock = Clock(CHECKPOINT, model, average, optimiser, minutes, PEAK_RATE, publish_flow_editor)
    while clock.running():
        clock.step_with(velocity_loss(model, source.draw(**BATCH), weights))
    clock.finish()
