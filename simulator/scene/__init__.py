"""The scene: all that an image depends on, as small tensors and a frozen plan, and what is said of it."""
