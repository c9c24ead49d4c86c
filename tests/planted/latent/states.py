"""Places where tests leave something behind: how each is made dirty, seen to be clean, and put back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """Code with `{n}` for the number of the plant, so that no two plants meet."""

    name: str
    text_of_product: str
    """Text of `app_{n}.py`; empty where none is needed."""
    text_of_imports: str
    text_dirty: str
    text_clean: str
    """An expression that is true where nothing was left."""
    text_undo: str

    @property
    def needs_product(self) -> bool:
        """Whether there is a module of the product."""
        return bool(self.text_of_product)

    def product(self, number: int) -> str:
        """Text of the product's module."""
        return self._filled(self.text_of_product, number)

    def imports(self, number: int) -> str:
        """Imports of the test file."""
        return self._filled(self.text_of_imports, number)

    def dirty(self, number: int) -> str:
        """Statements that leave something behind."""
        return self._filled(self.text_dirty, number)

    def clean(self, number: int) -> str:
        """Whether nothing was left behind."""
        return self._filled(self.text_clean, number)

    def undo(self, number: int) -> str:
        """Statements that put it back."""
        return self._filled(self.text_undo, number)

    @staticmethod
    def _filled(text: str, number: int) -> str:
        return text.replace("{n}", str(number))


STATES = (
    State(
        "global",
        "MODE = 'plain'\n\n\ndef use(mode):\n    global MODE\n    MODE = mode\n",
        "import app_{n}",
        "app_{n}.use('fancy')",
        "app_{n}.MODE == 'plain'",
        "app_{n}.use('plain')",
    ),
    State("environment", "", "import os", "os.environ['APP_{n}'] = '1'", "'APP_{n}' not in os.environ", "os.environ.pop('APP_{n}', None)"),
    State("file", "", "import os", "open('left_{n}.txt', 'w').close()", "not os.path.exists('left_{n}.txt')", "if os.path.exists('left_{n}.txt'):\n    os.unlink('left_{n}.txt')"),
    State("registry", "KNOWN = {}\n", "import app_{n}", "app_{n}.KNOWN['x'] = 1", "not app_{n}.KNOWN", "app_{n}.KNOWN.clear()"),
    State("class-attribute", "class Client:\n    timeout = 3\n", "import app_{n}", "app_{n}.Client.timeout = 0", "app_{n}.Client().timeout == 3", "app_{n}.Client.timeout = 3"),
    State(
        "cache",
        "import functools\n\nSOURCE = ['a']\n\n\n@functools.lru_cache\ndef load():\n    return tuple(SOURCE)\n",
        "import app_{n}",
        "app_{n}.SOURCE[:] = ['b']\napp_{n}.load.cache_clear()\napp_{n}.load()",
        "app_{n}.load() == ('a',)",
        "app_{n}.SOURCE[:] = ['a']\napp_{n}.load.cache_clear()",
    ),
    State("logger", "", "import logging", "logging.getLogger('app{n}').setLevel(50)", "logging.getLogger('app{n}').level == 0", "logging.getLogger('app{n}').setLevel(0)"),
    State("module-function", "def rate():\n    return 3\n", "import app_{n}", "app_{n}.rate = lambda: 4", "app_{n}.rate() == 3", "import importlib\nimportlib.reload(app_{n})"),
    State("singleton", "class Box:\n    items = None\n\n\nBOX = Box()\n", "import app_{n}", "app_{n}.BOX.items = [1]", "app_{n}.BOX.items is None", "app_{n}.BOX.items = None"),
    State("temporary-file", "", "import os, tempfile", "open(os.path.join(tempfile.gettempdir(), 'left{n}'), 'w').close()", "not os.path.exists(os.path.join(tempfile.gettempdir(), 'left{n}'))", "path = os.path.join(tempfile.gettempdir(), 'left{n}')\nif os.path.exists(path):\n    os.unlink(path)"),
    State(
        "database",
        "import sqlite3\n\nDB = sqlite3.connect(':memory:', check_same_thread=False)\nDB.execute('create table rows (name text)')\n\n\ndef count():\n    return DB.execute('select count(*) from rows').fetchone()[0]\n",
        "import app_{n}",
        "app_{n}.DB.execute('insert into rows values (1)')",
        "app_{n}.count() == 0",
        "app_{n}.DB.execute('delete from rows')",
    ),
)  # fmt: skip
