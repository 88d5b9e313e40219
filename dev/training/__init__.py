"""How the demo model is trained: data, the autoencoder, the editing model, checkpoints, measurements."""
