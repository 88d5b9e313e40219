"""Train the embedded demo model: `make demo-model`. Interrupt it and start it again as you like.

The autoencoder comes first, then the latents of the training pictures, then the editing model, and at last the decoder
again. The encoder stays as it is then, and so the editing model still fits it. Every stage leaves its result in
`dev/training/runs`. Finished stages are not repeated. The sharp model has stages of its own: `sharp-autoencoder`,
`sharp-latents` and `sharp-editor`, each with its `--minutes` in all. The model of objects has `object-pictures` and
`objects`. `--stage` runs one stage alone. `--stage score`
measures the published weights.
"""

import argparse

import torch

from ..environment.in_process import boot_host

SHARES = {"autoencoder": 0.38, "editor": 0.54, "decoder": 0.08}  # of the minutes
STAGES = ("all", "autoencoder", "latents", "decoder", "editor", "score")
SHARP_STAGES = ("sharp-autoencoder", "sharp-latents", "sharp-editor")
OBJECT_STAGES = ("object-pictures", "objects")
SCENES, PHOTOGRAPHS, OBJECTS = 400, 450, 2400


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=STAGES + SHARP_STAGES + OBJECT_STAGES, default="all")
    parser.add_argument("--minutes", type=float, default=105.0, help="for everything, or for the one stage")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads, if not all")
    parser.add_argument("--compile", action="store_true", help="compile the U-Net of the sharp model or of objects")
    return parser.parse_args()


def run_stage(stage: str, minutes: float) -> None:
    from . import autoencoder, stages
    from .score import print_scores

    if stage == "autoencoder":
        autoencoder.train(autoencoder.new_autoencoder().to(stages.pick_device()), minutes)
    elif stage == "latents":
        stages.freeze()
        stages.prepare_latents(SCENES, PHOTOGRAPHS)
    elif stage == "decoder":
        stages.train_decoder(minutes)
    elif stage == "editor":
        stages.train_editor(minutes)
    else:
        print_scores()


def run_sharp_stage(stage: str, minutes: float, compiled: bool) -> None:
    from ...host.flow_demo_model import load_autoencoder
    from . import flow_editor, flow_latents, patch_autoencoder
    from .publish import publish_patches

    if stage == "sharp-autoencoder":
        patch_autoencoder.train(minutes)
        publish_patches(patch_autoencoder.averaged_autoencoder())
    elif stage == "sharp-latents":
        flow_latents.prepare(load_autoencoder())
    else:
        flow_editor.train(minutes, compiled)


def run_object_stage(stage: str, minutes: float, compiled: bool) -> None:
    from . import object_model, object_pictures

    if stage == "object-pictures":
        object_pictures.prepare(OBJECTS)
    else:
        object_model.train(minutes, compiled)


def run_all(minutes: float) -> None:
    from . import stages

    shares = {stage: share * minutes for stage, share in SHARES.items()}
    if not stages.FROZEN.exists():
        run_stage("autoencoder", shares["autoencoder"])
    if not stages.LATENTS.exists():
        run_stage("latents", 0)
    for stage in ("editor", "decoder", "score"):
        run_stage(stage, shares.get(stage, 0))


def main() -> None:
    options = arguments()
    if options.threads:
        torch.set_num_threads(options.threads)
    boot_host()
    if options.stage == "all":
        run_all(options.minutes)
    elif options.stage in SHARP_STAGES:
        run_sharp_stage(options.stage, options.minutes, options.compile)
    elif options.stage in OBJECT_STAGES:
        run_object_stage(options.stage, options.minutes, options.compile)
    else:
        run_stage(options.stage, options.minutes)


if __name__ == "__main__":
    main()
