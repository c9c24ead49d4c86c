"""Three layers of settings, which one wins, and what is said of a bad one."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.campaign.init.set_up import proposed_settings, settings_text
from triage.campaign.init.suite_facts import suite_facts
from triage.config import OTHER_VARIABLES, Settings, find_root, load, pair
from triage.errors import UsageError
from triage.lab.protocol import Setup
from triage.model.run import DEFAULT_TEST_TIMEOUT, Limits
from triage.process.api import ProcessRequest
from triage.recorder.settings import Settings as RecorderSettings

WORDS = st.text(string.ascii_letters + string.digits + "._-/ ='\"", min_size=1, max_size=12)


def settings(tmp_path, text="", environ=None, **flags):
    (tmp_path / "pyproject.toml").write_text(f"[tool.triage]\n{text}\n")
    return load(tmp_path, environ or {}, flags)


def test_each_layer_wins_over_the_one_before_and_says_so(tmp_path):
    text = "workers = 2\nchunk-seconds = 5\nrepeats = 6"
    environ = {"TRIAGE_WORKERS": "3", "TRIAGE_CHUNK_SECONDS": "7"}
    found = settings(tmp_path, text, environ, workers=4, chunks=None)
    assert (found.settings.workers, found.origins["workers"]) == (4, "flag")
    assert (found.settings.chunk_seconds, found.origins["chunk_seconds"]) == (7.0, "TRIAGE_CHUNK_SECONDS")
    assert (found.settings.repeats, found.origins["repeats"]) == (6, "pyproject.toml")
    assert (found.settings.chunks, found.origins["chunks"]) == (None, "default")


def test_the_canonical_environment_is_joined_layer_by_layer(tmp_path):
    text = '[tool.triage.env]\nA = "1"\nB = "2"'
    found = settings(tmp_path, text, {"TRIAGE_ENV": "B=3 'C=a b'"}, env={"D": "4"})
    assert found.settings.env == {"A": "1", "B": "3", "C": "a b", "D": "4"}
    assert settings(tmp_path, text, {"TRIAGE_ENV": '{"B": "x=y"}'}).settings.env == {"A": "1", "B": "x=y"}


@pytest.mark.parametrize("given", ["0", "none"])
def test_no_limit_can_be_said(tmp_path, given):
    assert settings(tmp_path, environ={"TRIAGE_TEST_TIMEOUT": given}).settings.limits.test_timeout is None
    assert settings(tmp_path, "test-timeout = 0").settings.limits.test_timeout is None
    assert settings(tmp_path).settings.limits.test_timeout == 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "wrokers = 2",
            r"'wrokers' from pyproject\.toml: there is no such setting; did you mean 'workers'\?",
        ),
        ("zzz = 2", "there is no such setting; 'triage config' lists them"),
        ("workers = 0", "'workers' from pyproject.toml: input should be greater than or equal to 1"),
        ('campaign = "../up"', "'campaign'"),
        ('redact = ["("]', "no regular expression"),
        ('redact = ["x*"]', "matches the empty text"),
        ("env = 3", "'env'"),
        ('isolation = "none"', "'isolation'"),
        ('executor = "; rm"', "'executor'"),
    ],
)
def test_a_bad_setting_is_one_line_with_its_place(tmp_path, text, said):
    with pytest.raises(UsageError, match=said) as caught:
        settings(tmp_path, text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"[tool.triage\n", b"\xff\xfe\x00", b"[tool]\ntriage = 3\n", b"tool = 3\n"]
)
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"pyproject\.toml.*bad-pyproject"):
        load(tmp_path, {}, {})


@pytest.mark.parametrize("name", ["SELECTORS", "PYTEST_ARGS", "REDACT", "ENV"])
def test_a_variable_that_no_shell_would_take_is_named(tmp_path, name):
    with pytest.raises(UsageError, match=rf"TRIAGE_{name}: .*quote it as for a shell"):
        settings(tmp_path, environ={f"TRIAGE_{name}": "'open"})


def test_a_misspelt_variable_is_not_passed_over_in_silence(tmp_path):
    environ = {"TRIAGE_WROKERS": "9", "TRIAGE_XYZZY": "s3cret", "TRIAGE_WORKERS": "2", "OTHER": "1"}
    assert settings(tmp_path, environ=environ).ignored == (
        "TRIAGE_WROKERS (did you mean TRIAGE_WORKERS?)",
        "TRIAGE_XYZZY ('triage config' lists them)",
    )
    assert settings(tmp_path, environ=dict.fromkeys(OTHER_VARIABLES, "x")).ignored == ()


@given(
    name=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True),
    value=st.text(st.characters(exclude_characters="\0")),
)
def test_a_pair_is_cut_at_its_first_sign_of_equality(name, value):
    assert pair(f"{name}={value}") == (name, value)


@pytest.mark.parametrize("text", ["", "A", "=1", "A=\0"])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(UsageError, match="bad-pair"):
        pair(text)


@given(words=st.lists(WORDS, max_size=4))
def test_lists_are_read_as_a_shell_would(words, tmp_path_factory):
    import shlex

    environ = {"TRIAGE_PYTEST_ARGS": shlex.join(words)}
    assert load(tmp_path_factory.getbasetemp(), environ, {}).settings.pytest_args == tuple(words)


@pytest.mark.parametrize("name", ["pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg"])
def test_the_root_is_the_nearest_folder_with_a_configuration(tmp_path, name):
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / name).touch()
    (tmp_path / "a" / name).mkdir()  # a folder of that name configures nothing
    assert find_root(deep) == tmp_path
    (deep.parent / "pytest.ini").touch()
    assert find_root(deep) == deep.parent


def test_what_a_suite_runs_under_is_what_was_set(tmp_path):
    made = settings(
        tmp_path, 'selectors = ["t"]\nworkers = 3\nmemory-bytes = 67108864\nlog-bytes = 5000'
    ).settings
    suite = made.suite("/x", (2, 5))
    assert (suite.root, suite.selectors, suite.workers, suite.shard) == ("/x", ("t",), 3, (2, 5))
    assert (suite.limits.memory_bytes, suite.limits.log_bytes) == (67108864, 5000)


def test_every_setting_can_come_from_the_environment(tmp_path):
    """A new setting whose type the environment cannot express would be half a setting."""
    shown = {
        "selectors": "a b", "pytest_args": "-x", "redact": "x+", "env": "A=1", "gradient_floors": '{"*": 1}',
        "campaign": "c", "python": "p", "chunk_manifest": "m", "executor": "dask", "isolation": "fresh",
        "gate": "strict", "store": "s", "templates": "t", "memory_bytes": "100000000", "log_bytes": "5000",
        "pytest_command": "pytest", "flaky": "warn", "fail_on": "fixed-open", "attribute": "true",
    }  # fmt: skip
    environ = {f"TRIAGE_{name.upper()}": shown.get(name, "7") for name in Settings.model_fields}
    found = load(tmp_path, environ, {})
    assert {name: found.origins[name] for name in Settings.model_fields} == {
        name: f"TRIAGE_{name.upper()}" for name in Settings.model_fields
    }


def test_default_test_timeout_has_one_value_and_one_name_on_its_way_to_the_process(tmp_path):
    """Setting, flag, limits, experiment, process and recorder: `test_timeout`, from one constant."""
    assert Settings().limits == Limits()
    assert Settings().test_timeout == DEFAULT_TEST_TIMEOUT
    written = settings_text(proposed_settings(tmp_path, suite_facts(tmp_path)))
    assert f"test-timeout = {DEFAULT_TEST_TIMEOUT:g} " in written
    holders = (Settings, Limits, Setup, ProcessRequest, RecorderSettings)
    fields = [name for holder in holders for name in getattr(holder, "model_fields", holder.__annotations__)]
    assert [name for name in fields if name.startswith("test")] == ["test_timeout"] * len(holders)
