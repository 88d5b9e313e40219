"""What a sampler says of settings that are out of the range of its model. The run goes on."""

import logging

from .presets import Preset
from .progress import say


def about(preset: Preset, guidance: float, settings, count: int) -> str:
    """Says on the page and in the log what will hardly work, and what to set instead. Returns it; empty: all is well.

    settings   with step_size and particles_per_step
    count      how many particles there are
    """
    sentences = []
    if guidance > preset.most_guidance:
        sentences.append(
            f"guidance {guidance:g} is high for this model ({preset.label}): pictures break above about "
            f"{preset.most_guidance:g}; try {preset.guidance:g}."
        )
    if settings.step_size > preset.most_step:
        usual = max(pace.step_size for pace in preset.paces.values())
        sentences.append(
            f"step_size {settings.step_size:g} is large for this model ({preset.label}): pictures break above about "
            f"{preset.most_step:g}; try {usual:g}."
        )
    if settings.particles_per_step > count:
        sentences.append(f"particles_per_step {settings.particles_per_step} is more than there are; all {count} move.")
    text = " ".join(sentences)
    if text:
        logging.warning("Settings: %s", text)
        say(text)
    return text
