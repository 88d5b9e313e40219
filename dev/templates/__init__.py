"""The templates of real models and of the simple nodes, written as code so that they stay alike: `make templates`.

graph      a workflow as the page saves it, built node by node
sets       the parts that all templates of a set share: panorama, video
simple     the templates of the simple nodes
families   the parts that depend on the model
card       their pictures in the templates browser
write      all of them into workflows/, with their cards
"""
