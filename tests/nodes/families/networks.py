"""Settings that make the networks of the host's families small: one block, heads of 16 numbers, prompts of width 16."""

from ..conftest import UNET, WIDTH

SDXL = {**UNET, "adm_in_channels": 2816, "num_classes": "sequential"}
STREAMS = {
    "context_in_dim": WIDTH,
    "hidden_size": 32,
    "mlp_ratio": 2.0,
    "num_heads": 2,
    "depth": 1,
    "depth_single_blocks": 1,
}
LAYERS = {"attention_head_dim": 16, "num_attention_heads": 2, "num_layers": 1}
FLUX = {
    "image_model": "flux",
    **STREAMS,
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": 2,
    "vec_in_dim": WIDTH,
    "axes_dim": [4, 6, 6],
    "theta": 10000,
    "qkv_bias": True,
    "guidance_embed": True,
    "txt_ids_dims": [],
}
WAN = {
    "image_model": "wan2.1",
    "model_type": "t2v",
    "dim": 32,
    "ffn_dim": 32,
    "freq_dim": 16,
    "text_dim": WIDTH,
    "num_heads": 2,
    "num_layers": 1,
}
LUMINA = {
    "image_model": "lumina2",
    "patch_size": 2,
    "in_channels": 16,
    "dim": 32,
    "n_layers": 1,
    "n_refiner_layers": 1,
    "n_heads": 2,
    "n_kv_heads": 2,
    "multiple_of": 8,
    "ffn_dim_multiplier": 1.0,
    "qk_norm": True,
    "cap_feat_dim": WIDTH,
    "axes_dims": [4, 6, 6],
    "axes_lens": [300, 64, 64],
}
Z_IMAGE = {"dim": 256, "n_heads": 16, "n_kv_heads": 16, "z_image_modulation": True, "pad_tokens_multiple": 32}
QWEN = {
    "image_model": "qwen_image",
    **LAYERS,
    "joint_attention_dim": WIDTH,
    "axes_dims_rope": [4, 6, 6],
}
SD3 = {
    "patch_size": 2,
    "in_channels": 16,
    "depth": 1,
    "adm_in_channels": WIDTH,
    "context_embedder_config": {
        "target": "torch.nn.Linear",
        "params": {"in_features": WIDTH, "out_features": 64},
    },
    "pos_embed_max_size": 16,
    "num_patches": 256,
    "pos_embed_scaling_factor": None,
    "context_size": WIDTH,
}
OMNIGEN = {
    "image_model": "omnigen2",
    "in_channels": 16,
    "hidden_size": 32,
    "num_layers": 1,
    "num_refiner_layers": 1,
    "num_attention_heads": 2,
    "num_kv_heads": 2,
    "multiple_of": 8,
    "axes_dim_rope": [4, 6, 6],
    "axes_lens": [300, 64, 64],
    "text_feat_dim": WIDTH,
}
LTXV = {
    "image_model": "ltxv",
    **LAYERS,
    "in_channels": 128,
    "cross_attention_dim": 32,
    "caption_channels": WIDTH,
}
FLUX2 = {
    **FLUX,
    "image_model": "flux2",
    "in_channels": 128,
    "out_channels": 128,
    "patch_size": 1,
    "vec_in_dim": None,
    "axes_dim": [4, 4, 4, 4],
    "theta": 2000,
    "qkv_bias": False,
    "global_modulation": True,
    "mlp_silu_act": True,
    "ops_bias": False,
    "default_ref_method": "index",
    "ref_index_scale": 10.0,
    "txt_ids_dims": [3],
}
CHROMA = {
    "image_model": "chroma",
    **STREAMS,
    "in_channels": 64,
    "out_channels": 64,
    "patch_size": 2,
    "axes_dim": [4, 6, 6],
    "theta": 10000,
    "qkv_bias": True,
    "in_dim": 64,
    "out_dim": 32,
    "hidden_dim": 32,
    "n_layers": 1,
    "vec_in_dim": None,
    "txt_ids_dims": [],
}
AURA = {
    "in_channels": 4,
    "out_channels": 4,
    "dim": 32,
    "n_layers": 2,
    "n_double_layers": 1,
    "n_heads": 2,
    "global_conddim": 32,
    "cond_seq_dim": WIDTH,
    "max_seq": 256,
}
HIDREAM = {
    "image_model": "hidream",
    **LAYERS,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_single_layers": 1,
    "caption_channels": [WIDTH, WIDTH],
    "text_emb_dim": WIDTH,
    "num_routed_experts": 2,
    "num_activated_experts": 1,
    "axes_dims_rope": [4, 6, 6],
    "max_resolution": [32, 32],
    "llama_layers": [0, 1],
}
HUNYUAN_IMAGE = {
    "image_model": "hunyuan_video",
    **STREAMS,
    "in_channels": 64,
    "out_channels": 64,
    "patch_size": [1, 1],
    "vec_in_dim": None,
    "axes_dim": [8, 8],
    "theta": 256,
    "qkv_bias": True,
    "guidance_embed": False,
    "byt5": False,
    "meanflow": False,
    "meanflow_sum": False,
    "use_cond_type_embedding": False,
    "vision_in_dim": None,
}
