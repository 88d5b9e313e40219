"""The embedded demo model: what it paints, what it understands, and its weights. Free of ComfyUI.

painter        painted scenes, clips and dioramas in several looks
instructions   the sentences that the model was trained on, by look or style
motion         the true motion between the frames of a painted clip
views          the true cameras and depth of a painted diorama
cost           how much memory a painting takes
patches        the autoencoder of the sharp model
preview        what the colours of a cheap preview depend on
"""
