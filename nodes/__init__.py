"""The nodes: thin files that say what is wired together. The method is in csd/, the work with ComfyUI in host/.

particles   ParticleSplit, ParticleMerge, with their layout
samplers    CSDEditSampler, CSDSampler, with their report
options     kernel, noise field, timesteps, update, baseline
trio        guider, sampler and sigmas for SamplerCustomAdvanced
state       a run that can be taken up again, and its file
vae         few images at a time
video       a range of a video as frames and back (footage: out of a file; clip: sizes, rate, sound)
flow        correspondence of frames by optical flow (motion: its estimation), of windows by overlap
views       view sets: load, save, correspondence (viewset: in memory; nerfstudio, transforms, picture_files: on disk)
compare     MultiDiffusion
demo        the embedded model and its painted scenes
extension   the list of all of them
"""
