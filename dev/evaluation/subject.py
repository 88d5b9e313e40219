"""What an instruction asks for."""

from ...demo.instructions import INSTRUCTIONS


def subject_of(instruction: str) -> str | None:
    """The look or style that an instruction asks for, where the demo model knows it."""
    words = instruction.strip().lower().rstrip(".!")
    return next((subject for subject, wordings in INSTRUCTIONS.items() if words in wordings), None)
