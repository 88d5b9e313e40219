"""The nodes: thin files that say what is wired together.

The method is in csd/, files are read and written in media/, ComfyUI is met in host/.

particles   ParticleSplit, ParticleMerge
samplers    CSDEditSampler, CSDSampler
options     kernel, noise field, timesteps, update, baseline
velocity    the residual in velocity space
trio        guider, sampler and sigmas for SamplerCustomAdvanced
state       a run that can be taken up again
savings     fewer evaluations
vae         few images at a time
prompts     a prompt for each image of a set
video       a range of a video as frames and back
flow        correspondence of frames by optical flow, of windows by overlap
blend       pictures averaged along their correspondence
views       view sets: load, save, correspondence
compare     MultiDiffusion
demo        the embedded model and its painted scenes (demo_clip: painted clips; demo_views: painted view sets)
extension   the list of all of them
"""
