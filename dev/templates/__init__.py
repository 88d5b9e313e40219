"""Templates written as code so that they stay alike: `make templates`.

graph      a workflow as the page saves it, built node by node
sets       the parts that all templates of a set share: panorama, video
embedded   more templates with the embedded model: regions, 360 degrees, a part, a large picture
simple     the templates of the simple nodes
families   the parts that depend on the model
card       the pictures of templates in the templates browser
shown      runs templates with the embedded model, and makes their cards of what comes out
studio     small graphs that show what a node does
help       the pictures of the help pages, made of them
write      all of them into workflows/, with their cards
"""
