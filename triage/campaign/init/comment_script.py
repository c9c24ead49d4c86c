"""Put a comment on a pull or merge request, or change the one that is there: `comment.py SERVICE FILE`.

The pipelines of `triage init --ci` carry this file as it is. So it imports Python's library alone, and holds
no backslash, which Groovy would read.

COMMENTS is the address of the comments: `.../merge_requests/3/notes` (gitlab), `.../pullRequests/3/threads`
(azure), or that of the request itself, as Jenkins has it in CHANGE_URL (change). TOKEN may write there. The
first line of FILE is hidden and says whose comment it is: the earlier one begins with the same line.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

PAGE = 100
"""Comments asked for at once, the most that GitHub and GitLab give."""
MOST_PAGES = 50
SECONDS = 30


def main(service: str, file: str) -> None:
    """Change the earlier comment where there is one that may be changed; write a new one else."""
    with open(file, encoding="utf-8") as opened:
        text = opened.read()
    comments = os.environ["COMMENTS"]
    if service == "change":
        found = of_change(comments)
        if found is None:
            print(f"no comment: {comments} is no pull request of GitHub and no merge request of GitLab")
            return
        service, comments = found
    earlier = earlier_comment(service, comments, marker=text.splitlines()[0])
    if earlier is not None:
        try:
            call(service, earlier, "PUT" if service == "gitlab" else "PATCH", body(service, text))
        except HTTPError as error:
            if error.code not in (403, 404):
                raise
        else:
            print("changed the comment of an earlier run")
            return
    new = body(service, text)
    call(service, comments, "POST", {"status": "active", "comments": [new]} if service == "azure" else new)
    print("wrote a comment")


def of_change(url: str) -> tuple[str, str] | None:
    """Service and address of the comments of a request, by the address at which people see it."""
    parts = urlsplit(url)
    site, path = f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
    if "/-/merge_requests/" in path:
        project, _, number = path.partition("/-/merge_requests/")
        return "gitlab", f"{site}/api/v4/projects/{quote(project, safe='')}/merge_requests/{number}/notes"
    if "/pull/" in path:
        project, _, number = path.partition("/pull/")
        api = "https://api.github.com" if parts.netloc == "github.com" else f"{site}/api/v3"
        return "github", f"{api}/repos/{project}/issues/{number}/comments"
    return None


def earlier_comment(service: str, comments: str, marker: str) -> str | None:
    """Address of the comment that begins with the marker."""
    if service == "azure":
        base, _, query = comments.partition("?")
        for thread in call(service, comments)["value"]:
            for comment in thread.get("comments") or ():
                if (comment.get("content") or "").startswith(marker):
                    return f"{base}/{thread['id']}/comments/{comment['id']}?{query}"
        return None
    # GitHub has all comments of a repository beside each other
    base = comments if service == "gitlab" else f"{comments.rsplit('/', 2)[0]}/comments"
    for page in range(1, MOST_PAGES + 1):
        found = call(service, f"{comments}?per_page={PAGE}&page={page}")
        for comment in found:
            if (comment.get("body") or "").startswith(marker):
                return f"{base}/{comment['id']}"
        if len(found) < PAGE:
            break
    return None


def body(service: str, text: str) -> dict[str, str]:
    """A comment as the service takes it."""
    return {"commentType": "text", "content": text} if service == "azure" else {"body": text}


def call(service: str, url: str, method: str = "GET", data: dict[str, Any] | None = None) -> Any:
    """Ask the service; give its answer."""
    token = os.environ["TOKEN"]
    own = {"PRIVATE-TOKEN": token} if service == "gitlab" else {"Authorization": f"Bearer {token}"}
    sent = None if data is None else json.dumps(data).encode()
    request = Request(url, sent, {"Content-Type": "application/json", **own}, method=method)
    with urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
