"""Train the embedded demo model: `make demo-model`. Interrupt it and start it again as you like.

Four stages, each of which leaves its result in `demo/runs`: the autoencoder; the latents of the training pictures;
then, side by side on a CPU, the editing model and the decoder once more. Finished stages are not repeated.
"""

import argparse
import subprocess
import sys

import torch

from .training.host import boot_host

SHARES = {"autoencoder": 0.32, "decoder": 0.55, "editor": 0.60}  # of the minutes; the last two run side by side
STAGES = ("all", "autoencoder", "latents", "decoder", "editor", "score")
SCENES, PHOTOGRAPHS = 280, 450


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", choices=STAGES, default="all")
    parser.add_argument("--minutes", type=float, default=90.0, help="for everything, or for the one stage")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads of the one stage")
    return parser.parse_args()


def run_stage(stage: str, minutes: float) -> None:
    from .training import autoencoder, stages
    from .training.score import print_scores

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


def start(stage: str, minutes: float, *options: str) -> subprocess.Popen:
    """A stage as a process of its own, so that two can share the machine."""
    module = f"{__package__}.train"
    return subprocess.Popen([sys.executable, "-m", module, "--stage", stage, "--minutes", str(minutes), *options])


def wait(*processes: subprocess.Popen) -> None:
    if max(process.wait() for process in processes):
        sys.exit("A stage failed; its message is above. Start again to go on from the last checkpoint.")


def run_all(minutes: float) -> None:
    from .training.stages import FROZEN, LATENTS

    shares = {stage: share * minutes for stage, share in SHARES.items()}
    if not FROZEN.exists():
        wait(start("autoencoder", shares["autoencoder"]))
    if not LATENTS.exists():
        wait(start("latents", 0))
    one_each = [] if torch.cuda.is_available() else ["--threads", "1"]
    wait(start("editor", shares["editor"], *one_each), start("decoder", shares["decoder"], *one_each))
    wait(start("score", 0))


def main() -> None:
    options = arguments()
    if options.stage == "all":
        run_all(options.minutes)
        return
    if options.threads:
        torch.set_num_threads(options.threads)
    boot_host()
    run_stage(options.stage, options.minutes)


if __name__ == "__main__":
    main()
