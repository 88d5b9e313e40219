"""Collaborative Score Distillation (arXiv 2307.04787): the method, on tensors alone.

A set of images is edited or made together. Each image is a particle of a Stein variational
gradient descent; a frozen diffusion model gives the scores. One step runs through five stages,
and each stage is a file (or two) that can be read and exchanged by itself:

    SPLIT    parameterization, windows, frames    theta -> particles x
    SCORE    guidance, baseline, score            x -> noised particles x_t, noise residual r
    COUPLE   kernel, stein; aligned               x_t, r -> direction, one for each particle
    MERGE    parameterization                     directions -> gradient, in the shape of theta
    UPDATE   update                               theta, gradient -> theta

`level` and `noise` say how particles are noised, `timesteps` and `batches` which level and which
particles a step takes, `bank` lets several steps share them, `distill` is the loop and `presets` names
complete settings. What particles
show of one another is a `correspondence` (`geometry` for views with cameras); `aligned` couples along
it and `carried` moves noise along it.

Notation, the same in every file:

    theta   [B, C, H, W]   what is optimised: a canvas, or a batch of frames
    x       [n, C, h, w]   the particles of this step (a further axis before h is welcome)
    x_t     [n, C, h, w]   alpha * x + sigma * eps, the particle at a noise level
    index   n integers     which of the N particles x holds
    eps     [n, C, h, w]   the drawn noise; eps_hat the predicted one
    r       [n, C, h, w]   residual = eps_hat - baseline; descending along it raises the likelihood
    K       [n, n]         K[j, i] = k(x_t^j, x_t^i)
    pairs   [P, 2]         particles (i, j): i looks at its partner j
    place   [P, h, w, 2]   where j shows what i shows in each cell: (x, y) in cells of j, float
    valid   [P, h, w]      1 where j does show it, 0 where not

Signs: everything called gradient or direction is descended. Space: particles live in the scaled
latent space of the model, and x_t in the scaling in which the model receives it, which keeps the
variance near one for eps- and v-models; kernels are measured there.

Nothing in here imports ComfyUI, moves tensors between devices, prints, or needs autograd.
"""
