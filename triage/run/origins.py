"""Say whose code a file is: the product's, its tests' or a library's; paths as documents have them."""

from __future__ import annotations

import os

from triage.model.failure import Frame, Origin, origin_of


class Origins:
    """Says where code belongs: to the product, to its tests, to a library."""

    def __init__(self, root: str) -> None:
        """`root` is the suite's; what lies beneath it is the author's."""
        self.root = os.path.realpath(root)
        self.roots = tuple(dict.fromkeys((os.path.abspath(root), self.root)))
        """The root under each name that a text may quote: as it was given, and behind symbolic links."""
        self._relative_paths: dict[str, str] = {}
        """Resolving a path asks the file system, and each frame of each failure has one."""

    def relative(self, path: str) -> str:
        """Posix and relative beneath the root, absolute elsewhere."""
        known = self._relative_paths.get(path)
        if known is None:
            known = self._relative_paths[path] = self._resolve(path)
        return known

    def _resolve(self, path: str) -> str:
        if path.startswith("<"):  # no file: `<string>`, `<frozen importlib>`
            return path
        real = os.path.realpath(os.path.join(self.root, path))
        if real.startswith(self.root + os.sep):
            return os.path.relpath(real, self.root).replace(os.sep, "/")
        return path.replace(os.sep, "/")

    def of(self, path: str) -> Origin:
        """Whose code the file is."""
        return origin_of(self.relative(path), self.root)

    def frame(self, frame: Frame) -> Frame:
        """The frame with its path and origin as documents have them."""
        return frame.model_copy(update={"path": self.relative(frame.path), "origin": self.of(frame.path)})
