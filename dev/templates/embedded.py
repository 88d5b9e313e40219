"""All templates that run on the embedded model as they open, except those of the simple nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import canvas, from_text, scenes, sequences, text_to_3d
from .graph import Graph

TEMPLATES: Mapping[str, Callable[[Graph], None]] = {
    **canvas.TEMPLATES,
    **sequences.TEMPLATES,
    **scenes.TEMPLATES,
    **from_text.TEMPLATES,
    **text_to_3d.TEMPLATES,
}
