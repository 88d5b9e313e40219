"""CSDTextToSplats: a scene of splats from a text."""

from ..host.io import io, schema
from ..host.node import Node
from ..host.splats import SplatType, device, handed_on
from ..media.view_set import Views, numbered
from . import tooltips
from .options import Coupling, TimestepsType
from .reports import PLOTS, REPORT, reported, shown
from .samplers import Settings
from .splats import MOST_SPLATS, afford_fit
from .state import STATE
from .views import ViewsType

NAME = "CSD Text to 3D"
COMPARED = 4  # views in each step of an approach
DECODED, ENCODER = "decoded", "encoder"
TURN = 12  # cameras of the turntable that comes out


class TextToSplats(Node):
    @classmethod
    def define_schema(cls):
        return schema(
            "CSDTextToSplats",
            NAME,
            "Makes a scene of Gaussian splats from a text, by score distillation: in every step the scene is seen from "
            "a few sides, and moves to where the model finds these pictures more likely.",
            [
                io.Model.Input("model", tooltip="A model that makes pictures from text."),
                io.Clip.Input("clip", tooltip="Its text encoder. The prompt of each view says from where it is seen."),
                io.Vae.Input("vae", tooltip="Encodes and decodes the rendered views."),
                io.String.Input("text", default="a red car", multiline=True, tooltip="What to make: one object."),
                io.String.Input("negative_text", default="", multiline=True, tooltip="What the views should not show."),
                io.Combo.Input(
                    "view_words",
                    options=["four", "eight", "none"],
                    default="four",
                    tooltip="What a prompt says of its view. four: front, side or back view, or from above, as in "
                    "DreamFusion. eight: corners and left and right, too; for the demo model. none: nothing,"
                    " and the object may get several fronts.",
                ),
                io.Int.Input(
                    "seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True, tooltip=tooltips.SEED
                ),
                io.Int.Input(
                    "steps",
                    default=200,
                    min=1,
                    max=100_000,
                    tooltip="How often the scene is moved. The demo model takes some hundreds, large models some "
                    "thousands (paper: 10,000).",
                ),
                io.Float.Input(
                    "rate",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How far the first steps go; the last ones go a tenth as far. Lower it for long runs. It"
                    " is Adam's rate.",
                ),
                io.Float.Input("guidance", default=7.5, min=0.0, max=200.0, step=0.1, tooltip=tooltips.GUIDANCE),
                io.Float.Input("noise_low", default=0.02, min=0.0, max=1.0, step=0.01, tooltip=tooltips.NOISE_LOW),
                io.Float.Input("noise_high", default=0.98, min=0.0, max=1.0, step=0.01, tooltip=tooltips.NOISE_HIGH),
                io.Int.Input("views_per_step", default=4, min=1, max=64, tooltip="How many sides each step sees."),
                io.Int.Input(
                    "side",
                    default=96,
                    min=32,
                    max=2048,
                    step=8,
                    tooltip="Side of the square views in pixels. 96 for the demo model, 512 for Stable Diffusion 1.5.",
                ),
                io.Int.Input(
                    "splats",
                    default=1000,
                    min=1,
                    max=MOST_SPLATS,
                    tooltip="How many splats the grey cloud has that the scene begins as.",
                ),
                io.Int.Input(
                    "most",
                    default=2000,
                    min=0,
                    max=MOST_SPLATS,
                    tooltip="How many splats there may be at the end. They are split where detail is missing, and "
                    "faint ones go. 0: neither.",
                ),
                Coupling.Input(
                    "coupling",
                    optional=True,
                    tooltip="How the views of a step influence each other, from CSD Kernel. If not connected: the "
                    "paper's kernel over whole views. `independent` is score distillation sampling (SDS).",
                ),
                TimestepsType.Input("timesteps", optional=True, tooltip=tooltips.TIMESTEPS),
                STATE,
                io.Int.Input(
                    "approach",
                    default=0,
                    min=0,
                    max=1000,
                    optional=True,
                    tooltip="How many steps the splats take towards the pictures that the model asks for, before it is "
                    "asked again. More: clearer, with fewer evaluations; try 5, with 16 views_per_step. 0: one step "
                    "along their directions, as in the paper.",
                ),
                io.Int.Input(
                    "draws",
                    default=1,
                    min=1,
                    max=64,
                    optional=True,
                    tooltip="How often each view is noised and predicted in a step; the mean counts. More: shapes are "
                    "decided by what the model always sees, not by chance. Evaluations grow with it.",
                ),
                io.Float.Input(
                    "elevation_low",
                    default=-10.0,
                    min=-90.0,
                    max=90.0,
                    step=1.0,
                    optional=True,
                    tooltip="Degrees above the horizon from which views are taken, at least.",
                ),
                io.Float.Input(
                    "elevation_high",
                    default=60.0,
                    min=-90.0,
                    max=90.0,
                    step=1.0,
                    optional=True,
                    tooltip="The same, at most. Prompts say *from above* from 50 degrees on.",
                ),
                io.Combo.Input(
                    "gradient",
                    options=[DECODED, ENCODER],
                    default=DECODED,
                    optional=True,
                    tooltip="How directions of latents become directions of pictures. decoded: as what they change in "
                    "decoded pictures. encoder: by the gradient of the VAE's encoder, as in the paper; objects of the "
                    "demo model come out worse. Only without `approach`.",
                ),
            ],
            [
                SplatType.Output(
                    "splat", display_name="splat", tooltip="The scene. It stands upright in 3D viewers, and faces them."
                ),
                ViewsType.Output(
                    "views", display_name="views", tooltip="Cameras once around it, for CSD Render Splats."
                ),
                REPORT,
                PLOTS,
            ],
            group="3D",
            search_aliases=["text to 3d", "dreamfusion", "sds", "gaussian splatting", "3dgs", "dreamgaussian"],
        )

    @classmethod
    def run(
        cls, model, clip, vae, text, negative_text, view_words, rate, views_per_step, side, splats, most, guidance,
        coupling=None, approach=0, draws=1, elevation_low=-10.0, elevation_high=60.0, gradient=DECODED,
        **settings,
    ):  # fmt: skip
        from ..csd.stein import Stein
        from ..host.text_to_scene import distilled, encoded, prompts_of_views
        from ..host.vae import of_pictures
        from ..splats.around import FROM_A_CLOUD, Around, cloud
        from ..splats.density import during
        from ..splats.fit import Fitting
        from ..splats.orbit import all_view_words
        from ..splats.upright import turned

        choice = Settings(step_size=rate, particles_per_step=0, particles_at_once=views_per_step, **settings)
        _refuse(coupling, elevation_low, elevation_high, gradient, approach)
        afford_fit(max(splats, most), views_per_step, (side, side), "lower `side`, `views_per_step` or `most`")
        prompts = prompts_of_views(clip, text, view_words), encoded(clip, negative_text)
        moves = choice.steps * max(approach, 1)
        density = during(moves, most) if most else None
        found, record = distilled(
            NAME, model, *prompts, choice, guidance,
            vae=of_pictures(vae),
            around=Around((side, side), views_per_step, elevation_low, elevation_high, words=view_words),
            start=cloud(splats, choice.seed).to(device()),
            words=all_view_words(view_words),
            fitting=Fitting(moves, min(views_per_step, COMPARED), rate=rate, density=density, rates=FROM_A_CLOUD),
            couple=coupling or Stein(),
            approach=approach,
            draws=draws,
            adjoint=gradient == ENCODER,
        )  # fmt: skip
        return io.NodeOutput(handed_on(turned(found)), turntable(side), *reported(NAME, record), ui=shown(record))


def _refuse(coupling, lowest: float, highest: float, gradient: str, approach: int) -> None:
    """ValueError for inputs that do not go together."""
    if coupling is not None and coupling.correspondence is not None:
        raise ValueError(
            "coupling: got one along a correspondence, expected one over whole views, for the cameras are others "
            "in each step; remove the correspondence from CSD Kernel."
        )
    if lowest > highest:
        raise ValueError(
            f"elevation_low: got {lowest:g} degrees, expected at most elevation_high, {highest:g}; lower it."
        )
    if gradient == ENCODER and approach:
        raise ValueError(
            f"gradient: got `encoder` with an approach of {approach} steps, which follows decoded pictures; choose "
            "`decoded`, or set approach to 0."
        )


def turntable(side: int) -> Views:
    """Cameras once around, a little above the middle. The last one stands where the first one does."""
    from ..splats.orbit import orbit
    from ..splats.upright import turned_cameras

    azimuth = [360 * number / TURN for number in range(TURN + 1)]
    cameras = turned_cameras(orbit(azimuth, [15.0] * len(azimuth), (side, side)))
    return Views(cameras, None, None, numbered(len(azimuth)))
