"""Scenes of Gaussian splats. Free of ComfyUI.

splats       the splats themselves (harmonics: their colours by direction)
projection   splats as a camera sees them
render       pictures of them (tiles: which splats a tile shows; blend: what they add up to)
ply          splats as files
"""
