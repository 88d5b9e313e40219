"""Painted objects, seen from all around: houses, trees, cars, balloons and mugs.

shapes   where rays meet simple solids
parts    solids at their places, in colours
kinds    the five kinds out of parts
paint    pictures of them
words    what a prompt says of them
"""
