"""The environment that everything runs in, ComfyUI in it, and a client that talks to it."""
