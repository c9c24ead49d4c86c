"""Edit one function of a source, named by the classes around it and its own name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import libcst as cst


class OneTestEditor(cst.CSTTransformer):
    """Finds the function and leaves everything else as it is; `edited` says what becomes of it."""

    def __init__(self, names: Sequence[str]) -> None:
        """`names` are those of the classes, outermost first, then that of the function."""
        super().__init__()
        self._names = list(names)
        self._stack: list[str] = []
        self._is_of_derived_class = False
        """Whether one of the classes around the function has a base, as a `TestCase` has."""

    @abstractmethod
    def edited(self, function: cst.FunctionDef) -> cst.FunctionDef:
        """The function with the edit."""

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._stack.append(node.name.value)
        if node.bases and node.name.value in self._names:
            self._is_of_derived_class = True

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._stack.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._stack.append(node.name.value)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        is_meant = self._stack == self._names
        self._stack.pop()
        return self.edited(updated_node) if is_meant else updated_node
