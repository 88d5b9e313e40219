"""How good edits are: contenders, measures, and the demos that print them."""
