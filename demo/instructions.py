"""The instructions that the demo model knows, in several wordings each.

The first wording is the recommended one. Words that do not occur here share one row of the embedding table.
"""

INSTRUCTIONS: dict[str, tuple[str, ...]] = {
    "summer": ("make it summer", "turn it into summer", "as a summer day", "make it look like summer"),
    "winter": ("make it winter", "turn it into winter", "make it snowy", "add snow", "a winter landscape in snow"),
    "autumn": ("make it autumn", "turn it into autumn", "make it fall", "with autumn colours", "make it autumnal"),
    "sunset": ("make it a sunset", "turn it into a sunset", "make it sunset", "at sunset", "make it evening"),
    "night": ("make it night", "turn it into night", "at night", "make it a night scene", "make it dark with stars"),
    "monochrome": ("make it black and white", "turn it black and white", "make it monochrome", "in black and white"),
    "sepia": ("make it sepia", "turn it sepia", "make it an old photograph", "in sepia"),
    "sketch": ("make it a pencil sketch", "turn it into a pencil drawing", "make it a drawing", "as a pencil sketch"),
    "watercolour": ("make it a watercolour", "turn it into a watercolor", "make it a watercolor painting"),
    "golden": ("make it golden hour", "turn it into golden hour", "in golden light", "make the light golden"),
    "fog": ("make it foggy", "turn it into a foggy day", "in fog", "add fog"),
    "oil": ("make it an oil painting", "turn it into an oil painting", "as an oil painting"),
    "cartoon": ("make it a cartoon", "turn it into a cartoon", "as a cartoon"),
}


SHARP_ALONE = ("golden", "fog", "oil", "cartoon")  # subjects that the first model has not seen


def known_instructions(model: str = "sharp") -> list[str]:
    """The recommended wording of every instruction that a demo model knows, "first" or "sharp"."""
    left_out = SHARP_ALONE if model == "first" else ()
    return [wordings[0] for subject, wordings in INSTRUCTIONS.items() if subject not in left_out]


def all_wordings() -> list[str]:
    """Every wording the model was trained on."""
    return [wording for wordings in INSTRUCTIONS.values() for wording in wordings]
