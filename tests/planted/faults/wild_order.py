"""Order in packages of usual shapes: singletons, class fixtures, databases, stubs, reloads."""

from __future__ import annotations

from tests.planted.faults.api import Plant, plant


def _fill(count: int, start: int = 0) -> str:
    """So many tests that do nothing, indented as the texts here."""
    return "".join(
        f"\n                def test_fill_{start + k}():\n                    assert {k} >= 0\n"
        for k in range(count)
    )


PLANTS: tuple[Plant, ...] = (
    plant(
        "singleton-among-thirty", "tests/test_service.py::TestService::test_default_region",
        "order-dependent",
        culprit="tests/test_admin.py::test_switch_region",
        files={
            "src/cloudy/__init__.py": "",
            "src/cloudy/registry.py": """
                class Registry:
                    _instance = None

                    def __init__(self):
                        self.region = "eu"
                        self.handlers = {}

                    @classmethod
                    def get(cls):
                        if cls._instance is None:
                            cls._instance = cls()
                        return cls._instance
            """,
            "tests/conftest.py": """
                import sys, pathlib
                sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "src"))
                import pytest
                @pytest.fixture
                def registry():
                    from cloudy.registry import Registry
                    return Registry.get()
            """,
            "tests/test_admin.py": _fill(14) + """
                def test_switch_region(registry):
                    registry.region = "us"
                    assert registry.region == "us"
            """ + _fill(14, 14),
            "tests/test_service.py": """
                class TestService:
                    def test_has_handlers(self, registry):
                        assert registry.handlers == {}

                    def test_default_region(self, registry):
                        assert registry.region == "eu"
            """,
        },
    ),
    plant(
        "three-together", "tests/test_z.py::test_quota", "order-dependent", culprit="test_b",
        files={
            "quota.py": """
                USED = {}
                def use(name, n):
                    USED[name] = USED.get(name, 0) + n
                def left():
                    return 10 - sum(USED.values())
            """,
            "tests/test_a.py": """
                import quota
                def test_a():
                    quota.use("a", 3)
                def test_b():
                    quota.use("b", 3)
                def test_c():
                    quota.use("c", 3)
            """ + _fill(5),
            "tests/test_z.py": """
                import quota
                def test_quota():
                    quota.use("z", 2)
                    assert quota.left() >= 0
            """,
        },
    ),
    plant(
        "class-fixture-leak", "tests/unit/test_render.py::TestRender::test_plain", "order-dependent",
        culprit="TestTheme::test_dark",
        files={
            "theme.py": """
                CURRENT = {"name": "light", "colours": ["white"]}
            """,
            "tests/integration/test_theme.py": """
                import pytest, theme
                class TestTheme:
                    @pytest.fixture(scope="class", autouse=True)
                    def dark(self):
                        theme.CURRENT["colours"].append("black")
                        yield
                    def test_dark(self):
                        assert "black" in theme.CURRENT["colours"]
            """ + _fill(4),
            "tests/unit/test_render.py": """
                import theme
                class TestRender:
                    def test_plain(self):
                        assert theme.CURRENT["colours"] == ["white"]
            """,
        },
    ),
    plant(
        "numpy-state", "tests/test_z.py::test_noise", "order-dependent", "seed",
        culprit="test_a.py::test_draws",
        files={
            "noise.py": """
                import numpy as np
                np.random.seed(7)
                def noisy(x):
                    return x + np.random.normal(0, 0.1)
            """,
            "tests/test_a.py": """
                import noise
                def test_draws():
                    for _ in range(5):
                        noise.noisy(0.0)
            """ + _fill(3),
            "tests/test_z.py": """
                import noise
                def test_noise():
                    assert noise.noisy(1.0) > 1.15
            """,
        },
    ),
    plant(
        "sqlite-rows", "tests/test_users.py::test_empty", "order-dependent",
        culprit="test_accounts.py::test_insert",
        files={
            "db.py": """
                import os, sqlite3, tempfile
                PATH = os.path.join(tempfile.gettempdir(), "app.sqlite")
                def connect():
                    c = sqlite3.connect(PATH)
                    c.execute("create table if not exists users (name text)")
                    return c
            """,
            "tests/test_accounts.py": """
                import db
                def test_insert():
                    with db.connect() as c:
                        c.execute("insert into users values ('ann')")
                    assert True
            """ + _fill(4),
            "tests/test_users.py": """
                import db
                def test_empty():
                    assert db.connect().execute("select count(*) from users").fetchone()[0] == 0
            """,
        },
    ),
    plant(
        "stub-module", "tests/test_z.py::test_real", "order-dependent", culprit="test_a.py::test_stubbed",
        files={
            "vendor_api.py": """
                def version():
                    return 3
            """,
            "tests/test_a.py": """
                import sys, types
                def test_stubbed():
                    fake = types.ModuleType("vendor_api")
                    fake.version = lambda: 0
                    sys.modules["vendor_api"] = fake
                    import vendor_api
                    assert vendor_api.version() == 0
            """ + _fill(3),
            "tests/test_z.py": """
                def test_real():
                    import vendor_api
                    assert vendor_api.version() == 3
            """,
        },
    ),
    plant(
        "reloaded-class", "tests/test_z.py::test_catches", "order-dependent",
        culprit="test_a.py::test_reload",
        files={
            "errs.py": """
                class Bad(Exception):
                    pass

                def fail():
                    raise Bad('x')
            """,
            "user.py": """
                from errs import Bad
                import errs

                def safe():
                    try:
                        errs.fail()
                    except Bad:
                        return 'safe'
            """,
            "tests/test_a.py": """
                import importlib, errs
                def test_reload():
                    importlib.reload(errs)
                    assert errs.Bad
            """ + _fill(3),
            "tests/test_z.py": """
                import user
                def test_catches():
                    assert user.safe() == "safe"
            """,
        },
    ),
    plant(
        "needs-two-setters", "tests/test_z.py::test_report", "order-dependent",
        culprit="test_a.py::test_load",
        files={
            "store.py": """
                DATA = {}
            """,
            "tests/test_a.py": """
                import store
                def test_load():
                    store.DATA["rows"] = [1, 2]
                def test_rates():
                    store.DATA["rate"] = 2
            """ + _fill(4),
            "tests/test_z.py": """
                import store
                def test_report():
                    assert sum(store.DATA["rows"]) * store.DATA["rate"] == 6
            """,
        },
    ),
    plant(
        "path-insert", "tests/test_z.py::test_config", "order-dependent",
        culprit="test_plugins.py::test_plugin_path",
        files={
            "tests/plugins/settings_mod.py": """
                NAME = 'plugin'
            """,
            "lib/settings_mod.py": """
                NAME = 'lib'
            """,
            "tests/conftest.py": """
                import pathlib, sys
                sys.path.append(str(pathlib.Path(__file__).parent.parent / "lib"))
            """,
            "tests/test_plugins.py": """
                import pathlib, sys
                def test_plugin_path():
                    sys.path.insert(0, str(pathlib.Path(__file__).parent / "plugins"))
                    assert sys.path[0].endswith("plugins")
            """ + _fill(2),
            "tests/test_z.py": """
                def test_config():
                    import settings_mod
                    assert settings_mod.NAME == "lib"
            """,
        },
    ),
    plant(
        "param-victim", "tests/test_z.py::test_price[usd]", "order-dependent",
        culprit="test_a.py::test_override",
        files={
            "fx.py": """
                RATES = {'usd': 1.1, 'gbp': 0.9}
            """,
            "tests/test_a.py": """
                import fx
                def test_override():
                    fx.RATES.update(usd=2.0)
                    assert fx.RATES["usd"] == 2.0
            """ + _fill(8),
            "tests/test_z.py": """
                import fx, pytest
                @pytest.mark.parametrize("name,rate", [("usd", 1.1), ("gbp", 0.9)], ids=["usd", "gbp"])
                def test_price(name, rate):
                    assert fx.RATES[name] == rate
            """,
        },
    ),
    plant(
        "failing-polluter", "tests/test_z.py::test_clean", "order-dependent",
        culprit="test_a.py::test_breaks",
        files={
            "st.py": """
                OPEN = []
            """,
            "tests/test_a.py": """
                import st
                def test_breaks():
                    st.OPEN.append("conn")
                    assert False, "dies before it closes"
            """ + _fill(4),
            "tests/test_z.py": """
                import st
                def test_clean():
                    assert st.OPEN == []
            """,
        },
    ),
)  # fmt: skip
