"""The nodes: thin files that connect the parts.

The method is in csd/. Files are read and written in media/. Everything that touches ComfyUI's internals is in host/.

simple      a whole edit in one node (wiring: the single nodes that it turns into)
particles   CSD Particle Split, CSD Particle Merge
samplers    CSD Edit Sampler, CSD Sampler
options     kernel, noise field, timesteps, update, baseline
tones       what looks alike changes alike
perception  a kernel that compares what a network sees
preset      settings that fit the model
velocity    the residual in velocity space
trio        guider, sampler and sigmas for SamplerCustomAdvanced
state       a run that can be stopped and resumed
savings     fewer evaluations
vae         a few images at a time
prompts     a prompt for each image of a set
video       a stretch of a video as frames, and back
flow        correspondence of frames by optical flow, of windows by overlap
blend       pictures averaged along their correspondence
views       view sets: load, save, correspondence (cameras: from and to ComfyUI's 3D nodes;
            depth_anything: cameras and depth by Depth Anything 3)
picture_set pictures of a folder
splats      splats: from views, fitted, rendered (splat_files: loaded, saved; splat_edit: edited; text_to_3d:
            made from a text)
compare     MultiDiffusion (before_after: two pictures with a line between them)
demo        the embedded model and its painted scenes (demo_clip: painted clips; demo_views: painted view sets)
reports     what sampler nodes hand out about a run
tooltips    texts that several nodes share
extension   the list of all of them
"""
