"""The model of objects: the host's U-Net and text model as a rectified flow, trained together from text alone.

x_t = (1 - t) x + t noise. Pictures stand over a plain background of any colour, so that the background of a rendered
scene can be drawn for every step. Most prompts say from which of eight sides the object is seen, some from which of
four, and some do not say it.
"""

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...demo.objects.words import all_prompts, named
from ...demo.patches import PatchAutoencoder
from ...splats.orbit import seen_from, view_words
from .checkpoint import RUNS
from .clock import Clock
from .editor import Editor
from .object_pictures import Pictures, load
from .publish import publish_objects
from .setup import half_precision

CHECKPOINT = RUNS / "object_model.safetensors"
BATCH = 24
PEAK_RATE = 1.5e-3
AVERAGE_DECAY = 0.995
DROP_TEXT = 0.10
WORDS = {"eight": 0.65, "four": 0.25, "none": 0.10}  # how precisely prompts tell the view
LEVELS = (0.02, 0.999)
LEAST_WEIGHT = 0.25  # noise levels below it do not count more than this one


def new_model() -> Editor:
    from ...host.object_demo_model import build_object_unet

    return Editor(build_object_unet(), all_prompts())


def draw_prompts(pictures: Pictures, index: torch.Tensor) -> list[str]:
    """A prompt for each of some pictures; some are empty."""
    shares = torch.tensor(list(WORDS.values()))
    choices = torch.multinomial(shares, len(index), replacement=True).tolist()
    prompts = []
    for number, choice, dropped in zip(index.tolist(), choices, (torch.rand(len(index)) < DROP_TEXT).tolist()):
        kind, colour, azimuth, elevation = pictures.prompt(number)
        text = seen_from(named(kind, colour), view_words(azimuth, elevation, list(WORDS)[choice]))
        prompts.append("" if dropped else text)
    return prompts


def draw_backgrounds(count: int) -> torch.Tensor:
    """Colours ``[B, 3]`` in 0..1: greys, most of them tinted a little."""
    grey = torch.rand(count, 1)
    return (grey + 0.12 * torch.randn(count, 3)).clamp(0, 1)


def flow_loss(model: Editor, autoencoder: PatchAutoencoder, pictures: Pictures) -> torch.Tensor:
    """Mean squared error of the clean latent, divided by the noise level: between that of the picture and of v."""
    index = torch.randint(len(pictures.painted), (BATCH,))
    with torch.no_grad():
        x = autoencoder.encode(pictures.over(index, draw_backgrounds(BATCH)))
    level = torch.sigmoid(0.3 + 1.2 * torch.randn(BATCH)).clamp(*LEVELS)
    t = level.view(-1, 1, 1, 1)
    noisy = torch.lerp(x, torch.randn_like(x), t)
    with half_precision(noisy.device):
        context = model.contexts(draw_prompts(pictures, index))
        velocity = model.unet(noisy, level * 1000, context=context)
    errors = (velocity.float() - (noisy - x) / t.clamp(min=0.05)).square() * t.clamp(min=0.05) ** 2
    return (errors / t.clamp(min=LEAST_WEIGHT)).mean()


def train(minutes: float, compiled: bool = False) -> None:
    """Train for `minutes` in all, resuming where a checkpoint is; every checkpoint's average is published.

    `compiled` takes minutes at the start and makes steps shorter; it needs a C++ compiler.
    """
    from ...host.flow_demo_model import load_autoencoder

    pictures, autoencoder = load(), load_autoencoder()
    model = new_model().requires_grad_(True)
    model.unet.to(memory_format=torch.channels_last)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-3)
    if compiled:
        model.unet.compile()
    clock = Clock(CHECKPOINT, model, average, optimiser, minutes, PEAK_RATE, publish_objects)
    while clock.running():
        clock.step_with(flow_loss(model, autoencoder, pictures))
    clock.finish()
