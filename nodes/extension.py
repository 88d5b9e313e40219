"""What ComfyUI is told: the list of nodes."""

from .compare import MultiDiffusion
from .demo import DemoModel, DemoScene
from .host.io import ComfyExtension
from .options import BaselineOptions, KernelOptions, NoiseOptions, TimestepOptions, UpdateOptions
from .particles import ParticleMerge, ParticleSplit
from .samplers import CSDEditSampler, CSDSampler
from .state import StateOptions
from .trio import DistillationGuider, DistillationSampler, DistillationSigmas
from .vae import VAEBatch
from .video import VideoFrameBatch, VideoRestore

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
    DistillationGuider,
    DistillationSampler,
    DistillationSigmas,
    MultiDiffusion,
    DemoModel,
    DemoScene,
    VideoFrameBatch,
    VideoRestore,
    StateOptions,
    VAEBatch,
]


class CollaborativeScoreDistillation(ComfyExtension):
    async def get_node_list(self):
        return NODES
