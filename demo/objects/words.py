"""What the model of objects is told: a colour, a kind, and from where it is seen."""

from ...splats.orbit import SECTORS, all_view_words, seen_from
from .kinds import COLOURS, KINDS


def named(kind: str, colour: str) -> str:
    """ "a red car", "an orange mug"."""
    return f"a{'n' if colour[0] in 'aeiou' else ''} {colour} {kind}"


def all_prompts() -> list[str]:
    """Every object that the model knows, in every view."""
    objects = [named(kind, colour) for kind in KINDS for colour in COLOURS]
    views = [view for words in SECTORS for view in all_view_words(words)]
    return [seen_from(name, view) for name in objects for view in dict.fromkeys(views)]
