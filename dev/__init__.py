"""Development: nothing in here ships to users.

environment   the virtual environment, ComfyUI in it, and a client that talks to it
evaluation    how good edits are: contenders, measures, and the demos that print them
benchmarks    speed, memory and quality, compared with the authors' method
campaign      hostile graphs, files and faults
training      how the embedded model was made
examples      the method as a library. Not at the top level: ComfyUI takes a folder `examples` there for templates
"""
