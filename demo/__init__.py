"""The embedded demo model: painted scenes, styles, instructions, training."""
