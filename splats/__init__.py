"""Scenes of Gaussian splats. Free of ComfyUI.

splats       the splats themselves (harmonics: their colours by direction)
projection   splats as a camera sees them
render       pictures of them (tiles: which splats a tile shows; blend: what they add up to)
accelerated  the same by gsplat or gswarp, where one is installed and runs
path         cameras on a path through others (orbit: around an object, and words for what they see)
viewpoint    a camera and what it looks at, and others around that (viewer: as 3D viewers describe it)
upright      half a turn, between worlds where y is up and those where y is down
ply          splats as files
unproject    splats out of views with depth
scene        splats as a scene of the method
fit          splats fitted to pictures (density: splits some, and leaves some out)
edit         a scene edited in the loop
around       a scene seen from all around, for a text
"""
