"""Draw `docs/report.png`, the picture of the HTML report in the README: `python docs/picture.py [REPORT]`.

Without REPORT it is that of `triage demo --many`, which takes a minute or two. Needs Playwright and Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1120, 690
MOST_BYTES = 150_000
"""It comes along with every clone."""


def main(arguments: list[str]) -> None:
    """Draw the report that is named, or that of the demonstration."""
    if arguments:
        draw(Path(arguments[0]).resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "parcels"
        triage = [sys.executable, "-m", "triage"]
        subprocess.run([*triage, "demo", "--many", str(project)], check=True, stdout=subprocess.DEVNULL)
        report = project / "report.html"
        subprocess.run([*triage, "--root", str(project), "report", "--html", str(report)], check=True)
        draw(report)


def draw(report: Path) -> None:
    """Take the first view of a report: its causes, the first of them opened."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.goto(report.as_uri())
        page.wait_for_selector("#app[data-ready]")
        PICTURE.write_bytes(page.screenshot())
        browser.close()
    size = PICTURE.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{PICTURE} has {size} bytes, more than {MOST_BYTES}")
    print(f"{PICTURE}: {size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
