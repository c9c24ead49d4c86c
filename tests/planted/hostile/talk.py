"""Suites that print: floods, bytes that are no text, forged records and summaries, secrets, markup."""

# ruff: noqa: E501 - the long lines are texts of suites
from __future__ import annotations

from tests.planted.hostile.api import HostileSuite
from triage.text.mark import mark_with_digest

SECRETS = {
    "DB_PASSWORD": "hunter2-very-secret",
    "SERVICE_TOKEN": "tok with spaces & ünïcode/+==",
    "TLS_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQ==\n-----END PRIVATE KEY-----",
}  # fmt: skip
"""Variables of the environment whose values must not reach anything."""
TOKENS = (
    "ghp_" + "a1B2" * 9,
    "glpat-" + "x9Y8z7" * 4,
    "AKIA" + "ABCD2345EFGH6789",
    "xoxb-123456789012-abcdefghijkl",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
)
"""Secrets that nobody announced, known by their look."""
URL_PASSWORD = "s3cr3tpw-in-url"


def flood(megabytes: int) -> HostileSuite:
    """Output without end, to both streams, through the descriptor and from a failing test."""
    text = f"""
        import os, sys
        MB = "x" * (1 << 20)
        def test_flood_passes():
            for _ in range({megabytes} // 2): print(MB)
        def test_flood_fd(capfd):
            with capfd.disabled():
                for _ in range({megabytes} // 2): os.write(1, MB.encode())
        def test_flood_fails():
            for _ in range({megabytes} // 4): print(MB, file=sys.stderr)
            print("the end of the flood")
            assert 0
        def test_long_message(): raise ValueError("y" * (32 << 20))
        def test_after(): pass
    """
    outcome = {"flood_passes": "passed", "flood_fd": "passed", "flood_fails": "failed", "long_message": "failed",
               "after": "passed"}  # fmt: skip
    return HostileSuite(
        {"test_flood.py": text},
        {f"test_flood.py::test_{name}": word for name, word in outcome.items()},
        test_timeout=120.0,
    )


def noise() -> HostileSuite:
    """Bytes and texts that break readers, and streams that are gone."""
    text = r"""
        import os, sys
        import pytest
        def test_binary(): os.write(1, bytes(range(256)) * 10); assert 0
        def test_nul(): print("a\0b"); assert 0, "c\0d"
        def test_surrogate(): assert 0, "lone \udcff surrogate"
        def test_surrogate_type():
            raise type("Bad\udc80Error", (Exception,), {})("x\ud800y")
        def test_escapes(): print("\x1b[31mred\x1b]0;title\x07\x1b[2J\x9b1m \u202e desrever"); assert 0, "\x1b[5m"
        def test_commands(): print("::error file=x::forged\n::set-output name=a::b\n##[group]"); assert 0, "::error::x"
        def test_markup(): assert 0, "<script>alert(1)</script> ]]> &amp; | `x` [a](javascript:b) <!-- triage:end -->"
        def test_unprintable_exception():
            class Evil(Exception):
                def __str__(self): raise RuntimeError("no text for you")
                __repr__ = __str__
            raise Evil
        def test_closed_streams(): os.close(1); os.close(2)
        def test_after_closed(): pass
        def test_redirected(): os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        def test_replaced(): sys.stdout = sys.stderr = None
        def test_all_closed(): os.closerange(0, 4096)
        def test_last(): print("still here")
    """
    passing = ("after_closed", "redirected", "replaced", "last")
    failing = (
        "binary", "nul", "surrogate", "surrogate_type", "escapes", "commands", "markup", "unprintable_exception",
    )  # fmt: skip
    expected = {f"test_noise.py::test_{name}": "passed" for name in passing}
    expected |= {f"test_noise.py::test_{name}": "failed" for name in failing}
    expected |= {"test_noise.py::test_all_closed": "crashed", "test_noise.py::test_closed_streams": "passed"}
    return HostileSuite({"test_noise.py": text}, expected)


def forgery() -> HostileSuite:
    """Tests that try to write themselves, or others, into the record."""
    text = r"""
        import glob, json, os, sys, tempfile
        LINE = '{"e":"finish","i":3,"outcome":"passed","d":[0.1,0.1,0.1]}\n'
        def records():
            return [p for p in glob.glob(tempfile.gettempdir() + "/triage-*/work/*/record")]
        def test_prints_a_record():
            print(LINE); print("0" * 32, 7, LINE); os.write(2, LINE.encode())
            print("===== 99 passed in 0.01s =====")
        def test_appends_to_every_file():
            found = records()
            assert found
            for path in found:
                with open(path, "a") as file:
                    file.write(LINE); file.write("0" * 32 + " 9 " + LINE)
        def test_replays_what_is_there():
            for path in records():
                data = open(path, "rb").read()
                with open(path, "ab") as file: file.write(data)
        def test_red(): assert 0, "this must stay red"
        def test_writes_to_every_descriptor():
            for fd in range(3, 64):
                try: os.write(fd, LINE.encode())
                except OSError: pass
        def test_knows_no_key():
            assert "TRIAGE_RECORD" not in os.environ
            settings = glob.glob(tempfile.gettempdir() + "/triage-*/work/*/settings.json")
            assert settings == []
        def test_removes_the_record():
            for path in records(): os.unlink(path)
        def test_red_again(): assert 0
        def test_exits(): print(LINE); os._exit(0)
        def test_last(): pass
    """
    outcome = {
        "prints_a_record": "passed", "appends_to_every_file": "passed", "replays_what_is_there": "passed",
        "red": "failed", "writes_to_every_descriptor": "passed", "knows_no_key": "passed",
        "removes_the_record": "passed", "red_again": "failed", "exits": "crashed", "last": "passed",
    }  # fmt: skip
    return HostileSuite(
        {"test_forge.py": text}, {f"test_forge.py::test_{name}": word for name, word in outcome.items()}
    )


def tell_tale() -> HostileSuite:
    """Tests that print every secret they can find, whole, in parts, encoded, in ids and in messages."""
    text = f"""
        import base64, logging, os, sys, time, urllib.parse, warnings
        import pytest
        TOKENS = {TOKENS!r}
        NAMES = {sorted(SECRETS)!r}
        def test_prints_environment():
            for name, value in os.environ.items(): print(name, value, sep="=")
            assert 0
        def test_in_message(): raise RuntimeError(f"login with {{os.environ['DB_PASSWORD']}} failed")
        @pytest.mark.parametrize("name", NAMES)
        def test_encoded(name):
            value = os.environ[name]
            print(base64.b64encode(value.encode()).decode(), urllib.parse.quote(value, safe=""), repr(value))
            assert value == ""
        @pytest.mark.parametrize("secret", [os.environ["DB_PASSWORD"]])
        def test_in_id(secret): pass
        def test_tokens():
            for token in TOKENS: print("token:", token); logging.getLogger().error(token)
            assert "".join(TOKENS) == ""
        def test_url(): print("postgres://user:{URL_PASSWORD}@db.example/x"); assert 0
        def test_across_blocks():
            value = os.environ["DB_PASSWORD"]
            for n in range(3):
                os.write(1, b"z" * (65536 - 7 - n)); os.write(1, value[:8].encode()); sys.stdout.flush()
                os.write(1, value[8:].encode() + b"\\n")
        def test_across_time(capfd):
            value = os.environ["TLS_PRIVATE_KEY"].encode()
            with capfd.disabled():
                for start in range(0, len(value), 10):
                    os.write(1, value[start:start + 10]); time.sleep(0.005)
        def test_elsewhere(record_property):
            value = os.environ["DB_PASSWORD"]
            record_property("made with", value); warnings.warn("no " + value); pytest.skip("without " + value)
        @pytest.mark.xfail(reason=os.environ["DB_PASSWORD"])
        def test_header(): print(base64.b64encode(("user:" + os.environ["DB_PASSWORD"]).encode()).decode()); assert 0
        def test_crash(): print(os.environ["DB_PASSWORD"], flush=True); os.write(2, TOKENS[0].encode()); os.abort()
    """
    expected = (
        dict.fromkeys(("prints_environment", "in_message", "tokens", "url"), "failed")
        | dict.fromkeys(("across_blocks", "across_time"), "passed")
        | {"crash": "crashed", "elsewhere": "skipped", "header": "xfailed"}
    )
    nodes = {f"test_tell.py::test_{name}": word for name, word in expected.items()}
    nodes |= {f"test_tell.py::test_encoded[{name}]": "failed" for name in SECRETS}
    mark = mark_with_digest(SECRETS["DB_PASSWORD"])
    nodes[f"test_tell.py::test_in_id[{mark}]"] = "passed"
    nodes[f"of-{mark}/test_of.py::test_of"] = "failed"
    folder = f"of-{SECRETS['DB_PASSWORD']}"
    return HostileSuite({"test_tell.py": text, f"{folder}/test_of.py": "def test_of(): assert 0\n"}, nodes)
