"""The method as a library, without ComfyUI."""
