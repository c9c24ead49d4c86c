"""One file a command; compose.py names concrete stores and executors."""
