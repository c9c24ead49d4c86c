"""Plants of variables, files and limits: a value that only some file names, a golden file elsewhere."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.planted.faults.api import Plant, plant

_HONEST = ("unknown", "product-defect", "test-defect")
_V = "tests/test_v.py::test_it"
_TOKEN = hashlib.sha256(b"gr33n-door").hexdigest()
_GUARDED = {
    "vault.py": f"""
        import hashlib, os
        def is_open():
            token = os.environ.get("VAULT_WORD", "").encode()
            return hashlib.sha256(token).hexdigest() == "{_TOKEN}"
    """,
    "tests/test_v.py": "import vault\ndef test_it():\n    assert vault.is_open()\n",
}


def _variable(name: str, culprit: str, files: dict[str, str], **more: Any) -> Plant:
    return plant(name, _V, "environment-variable", culprit=culprit, files=files, **more)


def _golden(name: str, culprit: str, files: dict[str, str], *kinds: str, **more: Any) -> Plant:
    test = """
        import pathlib
        HERE = pathlib.Path(__file__).parent
        def test_it():
            assert (HERE / "data" / "golden.txt").read_text() == "alpha\\nbeta\\n"
    """
    return plant(
        name, "tests/test_g.py::test_it", *(kinds or ("missing-file",)), culprit=culprit,
        files={"tests/test_g.py": test, **files}, **more,
    )  # fmt: skip


_WIDGET = {
    "app.py": "import os\ndef mode():\n    return os.environ.get('WIDGET_MODE', 'slow')\n",
    "tests/test_v.py": "import app\ndef test_it():\n    assert app.mode() == 'fast'\n",
}

PLANTS: tuple[Plant, ...] = (
    _variable("variable-as-asserted", "WIDGET_MODE", _WIDGET),
    _variable("variable-other-than-asserted", "WIDGET_MODE", _WIDGET, env={"WIDGET_MODE": "medium"}),
    _variable("variable-in-ci", "VAULT_WORD", {
        **_GUARDED, ".github/workflows/ci.yml": "jobs:\\n  test:\\n    env:\\n      VAULT_WORD: gr33n-door\\n"
        .replace("\\n", "\n"),
    }),
    _variable("variable-in-tox", "VAULT_WORD", {
        **_GUARDED, "tox.ini": "[testenv]\nsetenv =\n    VAULT_WORD = gr33n-door\ncommands = pytest\n",
    }),
    _variable("variable-in-dotenv", "VAULT_WORD", {**_GUARDED, ".env.example": "VAULT_WORD='gr33n-door'\n"}),
    _variable("variable-in-readme", "VAULT_WORD", {
        **_GUARDED, "README.md": "# Vault\n\nRun `export VAULT_WORD=gr33n-door` first.\n",
    }),
    _variable("variable-empty", "NAME_PREFIX", {
        "app.py": "import os\ndef name(n):\n    return os.environ.get('NAME_PREFIX', 'x-') + n\n",
        "tests/test_v.py": "import app\ndef test_it():\n    assert app.name('bolt') == 'bolt'\n",
    }),
    _variable("variable-by-helper", "GEAR_MODE", {
        "app.py": """
            import os
            PREFIX = "GEAR_"
            def option(name, default):
                return os.getenv(PREFIX + name, default)
            def gears():
                return {"low": 1, "high": 5}[option("MODE", "low")]
        """,
        "tests/test_v.py": "import app\ndef test_it():\n    assert app.gears() == 5\n",
    }),
    plant("two-needed", _V, "environment-variable", culprit="B_LEVEL", files={
        "app.py": """
            import os
            def ready():
                return os.environ.get("A_SWITCH") == "on" and os.environ.get("B_LEVEL") == "full"
        """,
        "tests/test_v.py": "import app\ndef test_it():\n    assert app.ready()\n",
    }),
    plant("two-kinds-needed", _V, "environment-variable", "working-directory", "missing-file", files={
        "tests/conf/app.ini": "mode=exact\n",
        "tests/test_v.py": """
            import os
            def test_it():
                there = os.path.exists("app.ini")
                assert there and os.environ.get("EXACT_MODE") == "on"
        """,
    }, culprit="EXACT_MODE"),
    plant("decoy-two-variables", _V, *_HONEST, decoy=True, files={
        "tests/test_v.py": """
            import os
            def test_it():
                a, b = os.environ.get("A_SWITCH", "off"), os.environ.get("B_LEVEL", "low")
                assert len(a) + len(b) > 4000
        """,
    }),
    plant("decoy-documented-variable", _V, *_HONEST, decoy=True, files={
        **{k: v.replace("==", "!=").replace("return", "return 0 and") for k, v in _GUARDED.items()},
        ".env": "VAULT_WORD=gr33n-door\n",
    }),
    _golden("golden-renamed", "golden.txt", {"tests/data/expected.txt": "alpha\nbeta\n"}, history=(
        {"tests/data/golden.txt": "alpha\nbeta\n", "tests/test_g.py": ""},
    )),
    _golden("golden-other-case", "golden.txt", {"tests/data/Golden.TXT": "alpha\nbeta\n"}),
    _golden("golden-other-branch", "golden.txt", {"x": "1\n"}, branches={
        "data": {"tests/data/golden.txt": "alpha\nbeta\n"},
    }),
    _golden("golden-generated", "golden.txt", {
        "tools/make_golden.py": """
            import pathlib
            TARGET = pathlib.Path(__file__).parent.parent / "tests" / "data" / "golden.txt"
            if __name__ == "__main__":
                TARGET.parent.mkdir(exist_ok=True)
                TARGET.write_text("".join(f"{word}\\n" for word in ("alpha", "beta")))
        """,
    }),
    _golden("golden-crlf", "golden.txt", {
        "tests/data/golden.txt": "alpha\r\nbeta\r\n",
        "tests/test_g.py": """
            def test_it():
                assert open("tests/data/golden.txt", "rb").read() == b"alpha\\nbeta\\n"
        """,
    }, "test-defect", "missing-file"),
    plant("cwd-moved-by-conftest", "tests/test_g.py::test_it", "working-directory", files={
        "golden.txt": "x",
        "tests/conftest.py": "import os\nos.chdir(os.path.dirname(__file__))\n",
        "tests/test_g.py": "def test_it():\n    assert open('golden.txt').read() == 'x'\n",
    }, culprit="golden.txt"),
    plant("decoy-file-wanted-gone", "tests/test_g.py::test_it", *_HONEST, decoy=True, files={
        "tests/test_g.py": """
            import os
            def test_it():
                assert not os.path.exists("tests/data/old.txt")
                assert open("tests/test_g.py").read() == "old"
        """,
    }),
    plant("memory", "tests/test_m.py::test_it", "resource", culprit="memory", files={
        "tests/conftest.py": """
            import resource
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (700 * 2**20, hard))
        """,
        "tests/test_m.py": "def test_it():\n    assert len(bytearray(800 * 2**20)) > 0\n",
    }),
    plant("threads-refused", "tests/test_m.py::test_it", "resource", files={
        "tests/conftest.py": """
            import resource
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20, hard))
        """,
        "tests/test_m.py": """
            import threading
            def test_it():
                go = threading.Event()
                many = [threading.Thread(target=go.wait) for _ in range(100)]
                try:
                    for thread in many:
                        thread.start()
                finally:
                    go.set()
        """,
    }),
    plant("disk-full", "tests/test_m.py::test_it", "resource", files={
        "tests/test_m.py": """
            def test_it():
                with open("/dev/full", "w") as out:
                    out.write("x")
        """,
    }),
    plant("file-too-large", "tests/test_m.py::test_it", "resource", culprit="file size", files={
        "tests/conftest.py": """
            import resource
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
        """,
        "tests/test_m.py": """
            def test_it(tmp_path):
                (tmp_path / "big").write_bytes(b"x" * 2**21)
        """,
    }),
    plant("decoy-says-memory", "tests/test_m.py::test_it", *_HONEST, "resource", decoy=True, files={
        "tests/test_m.py": """
            def test_it():
                raise MemoryError("pool of 3 buffers is used up")
        """,
    }),
)  # fmt: skip
