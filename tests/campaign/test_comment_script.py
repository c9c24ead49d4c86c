"""The comment of a pipeline is written once and changed by later runs: its shell, against a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from triage.campaign.init import comment_script
from triage.campaign.init.comment_script import of_change
from triage.campaign.init.pipelines import WORK, PipelineRequest, pipeline
from triage.campaign.init.suite_facts import suite_facts
from triage.documents.render import load_templates

TOKEN = "t0" + "k3n"
MARKER = "<!-- triage-comment: gate -->"
FOREIGN = 130
"""More than a page of comments of other people comes first."""
LISTS = {
    "gitlab": "/api/v4/projects/7/merge_requests/3/notes",
    "jenkins": "/api/v3/repos/o/r/issues/3/comments",
    "azure": "/_apis/git/repositories/x/pullRequests/3/threads",
}


class Forge(ThreadingHTTPServer):
    """As much of a forge as comments need."""

    def __init__(self, system: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.system = system
        self.texts = [f"comment {number}" for number in range(FOREIGN)]
        self.methods: list[str] = []
        self.is_refused = False
        """Whether it lets nobody change what is there."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def own(self) -> list[str]:
        return [text for text in self.texts if text.startswith(MARKER)]


class _Handler(BaseHTTPRequestHandler):
    server: Forge

    def answer(self) -> None:
        forge, parts = self.server, urlsplit(self.path)
        data = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        forge.methods.append(self.command)
        sent = self.headers.get("PRIVATE-TOKEN") or self.headers["Authorization"].removeprefix("Bearer ")
        assert sent == TOKEN
        is_azure = forge.system == "azure"
        assert not is_azure or parts.query == "api-version=7.1"
        item = re.fullmatch(r".*/comments/(\d+)|.*/notes/(\d+)", parts.path)
        if self.command == "GET":
            assert parts.path == LISTS[forge.system]
            self.reply(_threads(forge) if is_azure else _page(forge, parts.query))
        elif self.command == "POST":
            assert parts.path == LISTS[forge.system]
            forge.texts.append(data["comments"][0]["content"] if is_azure else data["body"])
            self.reply({})
        elif forge.is_refused:
            self.send_error(403)
        else:
            assert self.command == ("PUT" if forge.system == "gitlab" else "PATCH")
            assert item is not None
            forge.texts[int(item[1] or item[2])] = data["content" if is_azure else "body"]
            self.reply({})

    do_GET = do_POST = do_PUT = do_PATCH = answer

    def reply(self, document: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def log_message(self, *arguments: object) -> None:
        pass


def _page(forge: Forge, query: str) -> list[dict[str, object]]:
    asked = parse_qs(query)
    size, page = int(asked["per_page"][0]), int(asked["page"][0])
    rows = [{"id": number, "body": text} for number, text in enumerate(forge.texts)]
    return rows[(page - 1) * size : page * size]


def _threads(forge: Forge) -> dict[str, object]:
    threads = [
        {"id": 9, "comments": [{"id": number, "content": text}]} for number, text in enumerate(forge.texts)
    ]
    return {"value": [{"id": 8, "comments": None}, *threads]}


@pytest.fixture(params=LISTS)
def forge(request: pytest.FixtureRequest) -> Iterator[Forge]:
    server = Forge(request.param)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def comment_step(forge: Forge, root: Path) -> tuple[str, dict[str, str]]:
    """The script of the pipeline's step or job, and its variables as the system would fill them."""
    text = pipeline(PipelineRequest(system=forge.system, shards=2), suite_facts(root), load_templates())
    comments = forge.address + LISTS[forge.system]
    if forge.system == "gitlab":
        script = "\n".join(yaml.safe_load(text)["triage-comment"]["script"])
        return script, {"TOKEN": TOKEN, "COMMENTS": comments}
    if forge.system == "azure":
        (collect,) = (job for job in yaml.safe_load(text)["jobs"] if job["job"] == "collect")
        (step,) = (step for step in collect["steps"] if "pull request" in step.get("displayName", ""))
        assert step["env"]["COMMENTS"].endswith("threads?api-version=7.1")
        return step["bash"], {"TOKEN": TOKEN, "COMMENTS": f"{comments}?api-version=7.1"}
    script = text.split("sh label: 'Comment on the pull request', script: '''")[1].split("'''")[0]
    return script, {"CHANGE_URL": f"{forge.address}/o/r/pull/3", "TRIAGE_COMMENT_TOKEN": TOKEN}


def comment(script: str, variables: dict[str, str], root: Path, text: str) -> None:
    report = root / WORK / "report"
    report.mkdir(parents=True, exist_ok=True)
    (report / "comment.md").write_text(f"{MARKER}\n{text}\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    words = ["bash", "-e", "-c", textwrap.dedent(script)]
    environ = {**os.environ, "PATH": path, "no_proxy": "127.0.0.1", **variables}
    done = subprocess.run(words, cwd=root, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_comment_is_written_once_and_changed_by_later_runs(forge, tmp_path):
    script, variables = comment_step(forge, tmp_path)
    comment(script, variables, tmp_path, "1 failed; tab\t, quote ' and ü")
    assert forge.own == [f"{MARKER}\n1 failed; tab\t, quote ' and ü\n"]
    comment(script, variables, tmp_path, "all green")
    assert forge.own == [f"{MARKER}\nall green\n"]
    assert len(forge.texts) == FOREIGN + 1
    # one that belongs to somebody else, or is gone
    forge.is_refused = True
    comment(script, variables, tmp_path, "again")
    assert len(forge.own) == 2


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_the_token_goes_only_to_a_server_whose_certificate_is_trusted(tmp_path):
    """A forge with a certificate of the company's own: written where it is trusted, refused elsewhere."""
    certificate, key = tmp_path / "own-ca.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-keyout", key, "-out", certificate, "-subj", "/CN=forge", "-addext",
         "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    forge = Forge("gitlab")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    forge.socket = context.wrap_socket(forge.socket, server_side=True)
    threading.Thread(target=forge.serve_forever, daemon=True).start()
    text = tmp_path / "comment.md"
    text.write_text(f"{MARKER}\nred\n")
    command = [sys.executable, comment_script.__file__, "gitlab", str(text)]
    address = f"https://127.0.0.1:{forge.server_port}{LISTS['gitlab']}"
    environ = {"PATH": os.environ["PATH"], "TOKEN": TOKEN, "COMMENTS": address}
    refused = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert refused.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
    assert forge.methods == []
    assert TOKEN not in refused.stderr + refused.stdout
    trusting = {**environ, "SSL_CERT_FILE": str(certificate)}
    written = subprocess.run(command, env=trusting, capture_output=True, text=True, timeout=60)
    assert written.returncode == 0, written.stderr
    assert forge.own == [f"{MARKER}\nred\n"]
    forge.shutdown()
    forge.server_close()


def test_a_change_is_found_by_the_address_that_people_see():
    gitlab = of_change("https://gitlab.example/g/s/p/-/merge_requests/12")
    assert gitlab == ("gitlab", "https://gitlab.example/api/v4/projects/g%2Fs%2Fp/merge_requests/12/notes")
    github = of_change("https://github.com/o/r/pull/12")
    assert github == ("github", "https://api.github.com/repos/o/r/issues/12/comments")
    assert of_change("https://bitbucket.example/projects/P/repos/r/pull-requests/1") is None
