"""`python -m collaborative_score_distillation.dev.benchmarks.length`: memory and time against the number of windows.

Panoramas of more and more windows under the demo model's U-Net, twelve windows a step and four at once, each in a
process of its own. Beyond the latents nothing should grow. Clips are measured by `dev.benchmarks.memory`.
"""

import time
from statistics import median

import torch

from ..environment.in_process import boot_host
from ..evaluation.published import parser, publish
from .timing import apart, device, peak_bytes, settle, start_peak

COUNTS = (12, 48, 192, 768)
SHORT = (3, 6)
CELLS, STRIDE = 16, 8
PER_STEP, AT_ONCE, STEPS = 12, 4, 6
LATENTS = 6  # particles, source, theta, image conditions: copies of the latents that a run may hold


def measure(count: int) -> dict:
    """In this process: seconds of a step, bytes beyond the model, and those that the latents account for."""
    boot_host()
    from ...csd.baseline import ImageConditional
    from ...csd.guidance import Guidance
    from ...host.demo_model import load_demo_model
    from ...host.distiller import Distiller
    from ...host.guider import CSDGuider
    from ...media.layout import plan
    from .model import prompt

    pixels, stride = 8 * CELLS, 8 * STRIDE
    layout = plan((pixels, pixels + (count - 1) * stride), (pixels, pixels), pixels - stride, (False, False), 8, 1)
    model, *_ = load_demo_model()
    held = start_peak()
    latents = torch.randn(count, 4, CELLS, CELLS, generator=torch.Generator().manual_seed(count))
    guider = CSDGuider(model, Guidance(5.0, 1.2), ImageConditional(), layout, AT_ONCE)
    guider.set_conds(prompt(model, 1, latents), prompt(model, 2, latents))
    ends = []

    def callback(*step):
        settle()
        ends.append(time.perf_counter())

    sigmas = torch.tensor([guider.levels.sigma(0.3)] * STEPS + [0.0])
    with torch.inference_mode():
        noise, distiller = torch.zeros_like(latents), Distiller(per_step=PER_STEP)
        guider.sample(noise, latents, distiller, sigmas, callback=callback, disable_pbar=True, seed=1)
    steps = [after - before for before, after in zip(ends, ends[1:])]
    own = LATENTS * latents.numel() * latents.element_size()
    return {"windows": count, "seconds a step": median(steps), "bytes": peak_bytes() - held, "latents": own}


def main() -> None:
    arguments = parser(__doc__).parse_args()
    rows = []
    for count in SHORT if arguments.short else COUNTS:
        rows.append(apart(measure, count))
        print(rows[-1], flush=True)
    figures = {"windows a step": PER_STEP, "at once": AT_ONCE, "device": device().type, "rows": rows}
    publish(arguments.output, "length", figures)


if __name__ == "__main__":
    main()
