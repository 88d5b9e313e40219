"""What ComfyUI is told: the list of nodes."""

from ..host.io import ComfyExtension
from .before_after import Compare
from .blend import Blend
from .cameras import CameraOfView, ViewsFromCamera
from .compare import MultiDiffusion
from .demo import DemoModel, DemoScene
from .demo_clip import DemoClip
from .demo_views import DemoViews
from .depth_anything import ViewsFromDA3
from .flow import CanvasCorrespondence, OpticalFlow
from .options import BaselineOptions, KernelOptions, NoiseOptions, TimestepOptions, UpdateOptions
from .particles import ParticleMerge, ParticleSplit
from .perception import PerceptualKernel
from .picture_set import PictureSetLoad
from .preset import PresetOptions
from .prompts import PromptOfEach
from .samplers import CSDEditSampler, CSDSampler
from .savings import SavingsOptions
from .simple import ConsistentEditPanorama, ConsistentEditSet
from .splat_edit import EditSplats
from .splat_files import LoadSplats, SaveSplats
from .splats import FitSplats, RenderSplats, SplatsFromViews
from .state import StateOptions
from .text_to_3d import TextToSplats
from .tones import TonesOptions
from .trio import DistillationGuider, DistillationSampler, DistillationSigmas
from .vae import VAEBatch
from .velocity import VelocityOptions
from .video import VideoFrameBatch, VideoRestore
from .views import ViewCorrespondence, ViewSetLoad, ViewSetSave

NODES = [
    ParticleSplit,
    ParticleMerge,
    CSDEditSampler,
    CSDSampler,
    KernelOptions,
    NoiseOptions,
    TimestepOptions,
    UpdateOptions,
    BaselineOptions,
    SavingsOptions,
    DistillationGuider,
    DistillationSampler,
    DistillationSigmas,
    MultiDiffusion,
    DemoModel,
    DemoScene,
    VideoFrameBatch,
    VideoRestore,
    OpticalFlow,
    Blend,
    CanvasCorrespondence,
    StateOptions,
    VAEBatch,
    ViewSetLoad,
    ViewSetSave,
    ViewCorrespondence,
    DemoClip,
    DemoViews,
    VelocityOptions,
    PromptOfEach,
    SplatsFromViews,
    FitSplats,
    RenderSplats,
    LoadSplats,
    SaveSplats,
    EditSplats,
    ConsistentEditPanorama,
    ConsistentEditSet,
    TonesOptions,
    PresetOptions,
    TextToSplats,
    Compare,
    PictureSetLoad,
    PerceptualKernel,
    ViewsFromCamera,
    CameraOfView,
    ViewsFromDA3,
]


class CollaborativeScoreDistillation(ComfyExtension):
    async def get_node_list(self):
        return NODES
