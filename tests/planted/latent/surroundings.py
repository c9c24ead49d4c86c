"""Test bodies that depend on surroundings, time, chance or numbers, and decoys that only look so."""

from __future__ import annotations

Shape = tuple[str, str, str, tuple[str, ...], str]
"""Group, name, `modules --- body`, kinds that are right, a part of the culprit."""

SHAPES: tuple[Shape, ...] = (
    ("zone", "local-hour", "datetime --- assert datetime.datetime.fromtimestamp(0).hour == 0", ("clock",), "TZ="),
    ("zone", "local-day", "time --- assert time.localtime(0).tm_mday == 1", ("clock",), "TZ="),
    ("zone", "mktime", "time --- assert time.mktime((1970, 1, 2, 0, 0, 0, 0, 0, 0)) == 86400", ("clock",), "TZ="),
    ("home", "is-there", "pathlib --- assert pathlib.Path.home().is_dir()", ("environment-variable",), "HOME"),
    ("home", "expanduser", "os --- assert os.path.isdir(os.path.expanduser('~'))", ("environment-variable",), "HOME"),
    ("home", "writes", "os --- open(os.path.join(os.environ['HOME'], '.apprc'), 'w').close()", ("environment-variable",), "HOME"),
    ("temporary", "no-blank", "tempfile --- assert ' ' not in tempfile.gettempdir()", ("environment-variable",), "TMPDIR"),
    ("temporary", "shell", "os tempfile --- assert os.system('ls -d ' + tempfile.gettempdir() + ' > /dev/null') == 0", ("environment-variable",), "TMPDIR"),
    ("ci", "behaves-otherwise", "os --- assert os.environ.get('CI') != 'true' or os.environ.get('GITHUB_ACTIONS') != 'true'", ("environment-variable",), "CI"),
    ("terminal", "width", "shutil --- assert shutil.get_terminal_size().columns >= 80", ("environment-variable",), "COLUMNS"),
    ("terminal", "colour", "os --- assert 'FORCE_COLOR' not in os.environ", ("environment-variable",), "FORCE_COLOR"),
    ("folder", "relative", "os --- assert os.path.exists('pytest.ini')", ("working-directory",), "folder"),
    ("folder", "cwd-name", "os --- assert os.path.isdir(os.path.join(os.getcwd(), 'tests'))", ("working-directory",), "folder"),
    ("umask", "group-bit", "os tempfile --- path = os.path.join(tempfile.mkdtemp(), 'x')\nopen(path, 'w').close()\nassert os.stat(path).st_mode & 0o040", ("resource",), "umask"),
    ("umask", "world-bit", "os tempfile --- path = os.path.join(tempfile.mkdtemp(), 'd')\nos.mkdir(path)\nassert not os.stat(path).st_mode & 0o002", ("resource",), "umask"),
    ("descriptors", "many-files", "os --- opened = [open(os.devnull) for _ in range(80)]\nassert len(opened) == 80\n[each.close() for each in opened]", ("resource",), "descriptors"),
    ("processors", "two", "os --- assert os.cpu_count() >= 2", ("resource",), "processor"),
    ("processors", "affinity", "os --- assert len(os.sched_getaffinity(0)) > 1", ("resource",), "processor"),
    ("calendar", "next-year", "datetime --- today = datetime.date.today()\nassert today.replace(year=today.year + 1) > today", ("clock",), "February"),
    ("calendar", "next-month", "datetime --- today = datetime.date.today()\nassert today.replace(month=today.month % 12 + 1)", ("clock",), "month"),
    ("calendar", "same-year", "datetime --- now = datetime.datetime.now()\nassert (now + datetime.timedelta(seconds=30)).year == now.year", ("clock",), "December"),
    ("expiry", "certificate", "datetime --- assert datetime.date.today() < datetime.date(2029, 6, 1)", ("clock",), "years"),
    ("expiry", "token", "time --- assert time.time() < 2_000_000_000", ("clock",), "years"),
    ("expiry", "next-year", "datetime --- assert datetime.datetime.now() < datetime.datetime(2027, 3, 1)", ("clock",), ""),
    # what hash('alpha') is with the seeds 1 and 2, of 64: by chance it is that in one process of 64
    ("hash", "string", "--- assert hash('alpha') % 64 != 29", ("seed",), "PYTHONHASHSEED"),
    ("hash", "bucket", "--- assert hash('beta') % 64 != 52", ("seed",), "PYTHONHASHSEED"),
    # the first numbers of the seeds 0 and 1
    ("seed", "coin", "random --- assert not 0.844 < random.random() < 0.845", ("seed",), "random seed"),
    ("seed", "choice", "random --- assert random.randrange(1000) != 137", ("seed",), "random seed"),
    ("listing", "last-first", "os --- names = os.listdir('tests')\nassert names != sorted(names, reverse=True)", ("missing-file",), "listed"),
    ("listing", "walk", "os --- names = [e.name for e in os.scandir('tests')]\nassert names != sorted(names, reverse=True)", ("missing-file",), "listed"),
    ("network", "own-address", "socket --- with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:\n    probe.connect(('192.0.2.1', 9))", ("network",), "network"),
    ("network", "status", "socket --- with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:\n    assert probe.connect_ex(('192.0.2.1', 9)) == 0", ("network",), "network"),
    ("disk", "written-in-time", "os tempfile time --- began = time.monotonic()\nplace = tempfile.mkdtemp()\nfor number in range(5):\n    open(os.path.join(place, str(number)), 'w').close()\nassert time.monotonic() - began < 0.4", ("resource",), "disk"),
    ("disk", "moved-in-time", "os tempfile time --- path = os.path.join(tempfile.mkdtemp(), 'x')\nopen(path, 'w').close()\nbegan = time.monotonic()\nfor number in range(4):\n    os.replace(path, path)\nassert time.monotonic() - began < 0.35", ("resource",), "disk"),
    ("seen-by-somebody", "standard-output", "sys --- assert not sys.stdout.isatty()", ("resource",), "terminal"),
    ("seen-by-somebody", "descriptor", "os --- assert not os.isatty(1)", ("resource",), "terminal"),
    ("two-processes", "port", "socket time --- with socket.socket() as own:\n    own.bind(('127.0.0.1', 47391))\n    own.listen()\n    time.sleep(0.2)", ("resource",), "two processes"),
    ("two-processes", "lock-file", "os time --- open('one.lock', 'x').close()\ntime.sleep(0.2)\nos.unlink('one.lock')", ("resource",), "two processes"),
    ("names", "imports", "json os --- names = list(globals())\nassert names.index('json') < names.index('os')", ("order-dependent",), "names"),
    ("names", "variables", "os json sys --- first = next(name for name in sys.modules[__name__].__dict__ if name in ('os', 'json'))\nassert first == 'os'", ("order-dependent",), "names"),
)  # fmt: skip

DECOYS: tuple[tuple[str, str], ...] = (
    ("patched-variable", "import os\n\n\ndef test_it(monkeypatch):\n    monkeypatch.setenv('APP', '1')\n    assert os.environ['APP'] == '1'\n"),
    ("patched-folder", "import os\n\n\ndef test_it(monkeypatch, tmp_path):\n    monkeypatch.chdir(tmp_path)\n    assert os.getcwd() == str(tmp_path.resolve())\n"),
    ("own-seed", "import random\n\n\ndef test_it():\n    assert random.Random(4).random() < 0.5\n"),
    ("sorted-listing", "import os\n\n\ndef test_it(tmp_path):\n    for name in 'ba':\n        (tmp_path / name).touch()\n    assert sorted(os.listdir(tmp_path)) == ['a', 'b']\n"),
    ("set-as-set", "def test_it():\n    assert {'b', 'a', 'c'} == {'a', 'b', 'c'}\n"),
    ("fixed-day", "import datetime\n\n\ndef test_it():\n    day = datetime.date(2024, 2, 28)\n    assert (day + datetime.timedelta(days=1)).day == 29\n"),
    ("home-with-default", "import os\n\n\ndef test_it():\n    assert os.environ.get('HOME', '/tmp').startswith('/')\n"),
    ("list-in-fixture", "import pytest\n\n\n@pytest.fixture\ndef seen():\n    return []\n\n\ndef test_it(seen):\n    seen.append(1)\n    assert seen == [1]\n"),
    ("restored-global", "import decimal\n\n\ndef test_it():\n    with decimal.localcontext() as context:\n        context.prec = 3\n        assert str(decimal.Decimal(1) / 3) == '0.333'\n"),
    ("monotonic", "import time\n\n\ndef test_it():\n    began = time.monotonic()\n    assert time.monotonic() >= began\n"),
    ("utc", "import datetime\n\n\ndef test_it():\n    assert datetime.datetime.fromtimestamp(0, datetime.timezone.utc).hour == 0\n"),
    ("temporary-folder", "def test_it(tmp_path):\n    (tmp_path / 'x').write_text('1')\n    assert [p.name for p in tmp_path.iterdir()] == ['x']\n"),
    ("module-fixture", "import pytest\n\n\n@pytest.fixture(scope='module')\ndef box():\n    yield [1]\n\n\ndef test_it(box):\n    assert box == [1]\n"),
    ("thread-joined", "import threading\n\n\ndef test_it():\n    found = []\n    thread = threading.Thread(target=found.append, args=(1,))\n    thread.start()\n    thread.join()\n    assert found == [1]\n"),
    ("any-port", "import socket\n\n\ndef test_it():\n    with socket.socket() as own:\n        own.bind(('127.0.0.1', 0))\n        own.listen()\n"),
    ("terminal-or-none", "import sys\n\n\ndef test_it():\n    assert sys.stdout.isatty() in (True, False)\n"),
    ("names-sorted", "import json\nimport os\n\n\ndef test_it():\n    names = sorted(globals())\n    assert names.index('json') < names.index('os')\n"),
    ("own-lock", "import os\n\n\ndef test_it(tmp_path):\n    (tmp_path / 'one.lock').touch(exist_ok=False)\n    os.unlink(tmp_path / 'one.lock')\n"),
)  # fmt: skip
