"""CSDEditSplats: a scene of splats edited in the loop."""

from functools import partial
from time import perf_counter

from torch import Tensor

from ..csd.baseline import ImageConditional
from ..csd.guidance import Guidance
from ..csd.presets import BALANCED_STEP_SIZE, BALANCED_STEPS
from ..host import progress
from ..host.io import io, schema
from ..host.node import Node
from ..host.record import Record
from ..host.run import run
from ..host.splats import SplatType, handed_on, received
from ..host.vae import of_pictures, pictures
from . import tooltips
from .options import BaselineChoice, BaselineType
from .reports import PLOTS, REPORT, reported, shown
from .samplers import SAVINGS, STAGES, Settings, range_inputs, step_inputs
from .splats import EVERYTHING, GEOMETRY, WHAT, afford_fit
from .state import StateType
from .views import ViewsType, pinhole

NAME = "CSD Edit Splats"


class EditSplats(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDEditSplats",
            NAME,
            "Edits a scene of Gaussian splats by Collaborative Score Distillation: in every round its views take some "
            "steps together, and the splats follow.",
            [
                io.Model.Input("model", tooltip=tooltips.MODEL),
                io.Conditioning.Input("positive", tooltip="The instruction, with the pictures of the views."),
                io.Conditioning.Input("negative", tooltip="The same pictures with an empty or a negative prompt."),
                io.Vae.Input("vae", tooltip="Encodes and decodes the rendered views."),
                SplatType.Input("splat", tooltip="The scene; it is not changed."),
                ViewsType.Input("views", tooltip="From where the scene is seen and edited. Masks count."),
                *step_inputs(BALANCED_STEP_SIZE, guidance=7.5, steps=BALANCED_STEPS),
                io.Float.Input(
                    "image_guidance",
                    default=1.5,
                    min=0.0,
                    max=50.0,
                    step=0.1,
                    tooltip=tooltips.IMAGE_GUIDANCE,
                ),
                *range_inputs(0.02, 0.5),
                io.Int.Input(
                    "rounds",
                    default=4,
                    min=1,
                    max=1000,
                    tooltip="The steps are shared out among so many rounds; after each the splats follow. 1: the "
                    "views are edited first, and the splats fitted to them at the end.",
                ),
                io.Int.Input(
                    "fit_steps",
                    default=60,
                    min=1,
                    max=100_000,
                    tooltip="How many steps the splats are fitted for in each round.",
                ),
                io.Float.Input(
                    "rate",
                    default=0.2,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How far a step of the fit goes, as in CSD Fit Splats.",
                ),
                WHAT,
                *STAGES,
                BaselineType.Input("baseline", optional=True, tooltip=tooltips.BASELINE),
                SAVINGS,
                StateType.Input(
                    "state",
                    optional=True,
                    tooltip="From CSD State File: after each round the scene is kept in a file, and a run that was "
                    "stopped goes on from there.",
                ),
            ],
            [
                SplatType.Output("edited", display_name="splat", tooltip="The edited scene."),
                REPORT,
                PLOTS,
            ],
            search_aliases=["gaussian splatting", "3dgs", "instruct nerf2nerf", "instruct gs2gs", "scene edit"],
            group="3D",
        )

    @classmethod
    def run(
        cls, model, positive, negative, vae, splat, views, guidance, image_guidance, rounds, fit_steps, rate, what,
        baseline=None, **settings,
    ):  # fmt: skip
        from ..host import scene_rounds
        from ..splats.edit import Codec, edits
        from ..splats.fit import Fitting
        from ..splats.scene import SplatScene

        pinhole(views)
        started = perf_counter()
        choice, whole = baseline or BaselineChoice(ImageConditional()), Settings(**settings)
        whole.check(NAME)
        links, parts = (model, positive, negative), whole.rounds(rounds)
        moves = _Moves(links, Guidance(guidance, image_guidance), choice, parts)
        fitting = Fitting(fit_steps, rate=rate, fixed=() if what == EVERYTHING else GEOMETRY)
        scene, each, splats = SplatScene(views.cameras, views.names), of_pictures(vae), received(splat)
        afford_fit(len(splats), views.count, views.size, "take fewer or smaller views, or a scene of fewer splats")
        codec = Codec(each.encode, lambda latents: pictures(each.decode(latents)))
        begun = partial(edits, splats, scene, codec, moves, len(parts), fitting, views.masks, progress.steps)
        depends = {
            **{name: value for name, value in vars(whole).items() if name not in ("state", "particles_at_once")},
            **dict(zip(("positive prompt", "negative prompt"), links[1:])),
            **{"rounds": len(parts), "fitting": fitting, "splats": splats.tree, "cameras": views.cameras},
            **{"masks": views.masks, "guidance": moves.guidance, "baseline": choice, "vae": vae},
        }
        found = scene_rounds.last(begun, scene_rounds.keeper(whole.state, model, depends), moves)
        took = f"{perf_counter() - started:.0f} s in all, with the fits of the splats in {len(parts)} rounds."
        return io.NodeOutput(handed_on(found), *reported(NAME, moves.record, [took]), ui=shown(moves.record))


class _Moves:
    """The steps of each round, by the sampler of the views; and the record of all of them."""

    def __init__(self, links: tuple, guidance: Guidance, choice: BaselineChoice, parts: list[Settings]):
        self.links, self.guidance, self.choice, self.parts = links, guidance, choice, parts
        self.record = Record()

    def __call__(self, source: Tensor, latents: Tensor, number: int) -> Tensor:
        part, latent = self.parts[number], {"samples": source}
        model, positive, negative = self.links
        moved, record = run(NAME, model, positive, negative, latent, self.guidance, self.choice, part, begin=latents)
        self.record = self.record.followed_by(record)
        progress.say(f"Round {number + 1} of {len(self.parts)}: the splats follow the views.")
        return moved["samples"]
