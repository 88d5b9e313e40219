"""The embedded demo model: its weights, what it paints, and its instructions. Does not import ComfyUI.

painter        painted scenes, clips and dioramas in several looks
objects        painted objects, seen from all around
instructions   the wordings that the model was trained on, by look or style
motion         the true motion between the frames of a painted clip
views          the true cameras and depth of a painted diorama
cost           how much memory a painting takes
patches        the autoencoder of the sharp model
patch_edit     the network of patches beside its U-Net
settings       how it is used in templates and evaluations
preview        features of a latent, from which a linear map makes a preview
"""
