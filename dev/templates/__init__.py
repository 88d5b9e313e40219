"""Templates written as code so that they stay alike: `make templates`.

graph      a workflow as the page saves it, built node by node
families   real models: their loaders, their prompts, their settings
sets       what is edited with a real model: a panorama, a video, a view set
simple     the templates of the simple nodes
embedded   all other templates with the embedded models
parts      what these share: words, masks, windows, the sampler, the results
canvas     one wide or large picture: regions, 360 degrees, a part, inpainting
sequences  clips, views of a scene, a series of pictures
from_text  pictures from text alone
scenes     scenes of splats, with the embedded model and with others
text_to_3d a scene of splats from a text
card       the pictures of templates in the templates browser
shown      runs templates with the embedded model, and makes their cards of what comes out
studio     small graphs that show what a node does
help       the pictures of the help pages, made of them
write      all of them into workflows/, with their cards
"""
