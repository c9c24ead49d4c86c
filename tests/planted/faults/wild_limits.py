"""Hangs, crashes, limits, networks, files and history in packages of usual shapes."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant

PLANTS: tuple[Plant, ...] = (
    plant(
        "umask-group", "tests/test_u.py::test_mode", "resource", culprit="umask",
        files={
            "tests/conftest.py": """
                import os
                os.umask(0o077)
            """,
            "tests/test_u.py": """
                import os
                def test_mode(tmp_path):
                    p = tmp_path / "f"
                    p.write_text("x")
                    assert os.stat(p).st_mode & 0o777 == 0o644
            """,
        },
    ),
    plant(
        "requests-session", "tests/test_api.py::TestClient::test_ping", "network", culprit="api.example.test",
        files={
            "client.py": """
                import http.client
                def ping(host):
                    c = http.client.HTTPConnection(host, timeout=2)
                    c.request("GET", "/ping")
                    return c.getresponse().status
            """,
            "tests/test_api.py": """
                import client
                class TestClient:
                    def test_ping(self):
                        assert client.ping("api.example.test") == 200
            """,
        },
    ),
    plant(
        "fixture-moved-cwd", "tests/deep/test_rel.py::TestRel::test_schema", "working-directory",
        "missing-file",
        culprit="schema.json",
        files={
            "tests/deep/data/schema.json": '{"v": 2}',
            "tests/deep/conftest.py": """
                import json, pytest
                @pytest.fixture
                def schema():
                    with open("data/schema.json") as f:
                        return json.load(f)
            """,
            "tests/deep/test_rel.py": """
                class TestRel:
                    def test_schema(self, schema):
                        assert schema["v"] == 2
            """,
        },
    ),
    plant(
        "first-bad-in-class", "tests/test_fmt.py::TestMoney::test_euro", "first-bad-commit",
        history=tuple(
            {"src/fmt/__init__.py": f"# {n}\ndef money(x):\n    return f'{{x:.{2 if n < 4 else 1}f}} EUR'\n",
             "tests/conftest.py": "import sys\nsys.path.insert(0, 'src')\n",
             "tests/test_fmt.py": "from fmt import money\nclass TestMoney:\n    def test_euro(self):\n"
                                  "        assert money(1.5) == '1.50 EUR'\n"}
            for n in range(7)
        ),
        files={
            "src/fmt/__init__.py": """
                # 9
                def money(x):
                    return f'{x:.1f} EUR'
            """,
            "tests/conftest.py": """
                import sys
                sys.path.insert(0, 'src')
            """,
            "tests/test_fmt.py": "from fmt import money\nclass TestMoney:\n    def test_euro(self):\n"
                                 "        assert money(1.5) == '1.50 EUR'\n",
        },
    ),
    plant(
        "asyncio-never", "tests/test_a.py::test_event", "timeout", settings="test-timeout = 3\n",
        culprit="svc.py",
        files={
            "svc.py": """
                import asyncio
                async def wait():
                    e = asyncio.Event()
                    await e.wait()
            """,
            "tests/test_a.py": """
                import asyncio, svc
                def test_event():
                    asyncio.run(svc.wait())
            """,
        },
    ),
    plant(
        "deleted-data-in-package", "tests/test_d.py::test_table", "missing-file", culprit="table.csv",
        history=({
            "pkg/__init__.py": """
                from pathlib import Path
                TABLE = Path(__file__).parent / 'data' / 'table.csv'
            """,
            "pkg/data/table.csv": """
                a,1
                b,2
            """,
            "tests/test_d.py": """
                import pkg
                def test_table():
                    assert 'b,2' in pkg.TABLE.read_text()
            """,
        },),
        files={
            "pkg/__init__.py": """
                from pathlib import Path
                TABLE = Path(__file__).parent / 'data' / 'table.csv'
            """,
            "tests/test_d.py": """
                import pkg
                def test_table():
                    assert 'b,2' in pkg.TABLE.read_text()
            """,
        },
    ),
)  # fmt: skip
