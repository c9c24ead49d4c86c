"""Keep from tests the files by which a step of a CI job speaks to the steps behind it.

Whoever writes to the file that `GITHUB_ENV` or `GITHUB_PATH` names sets variables, and so programs, of every
later step; a test has no business there. A project whose tests are meant to hands the variables over by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

FILE_VARIABLES = frozenset(
    {
        # GitHub Actions, and Gitea and Forgejo, which understand the same names
        "GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY",
        "FORGEJO_ENV", "FORGEJO_OUTPUT", "FORGEJO_PATH", "FORGEJO_STATE", "FORGEJO_STEP_SUMMARY",
        "GITEA_ENV", "GITEA_OUTPUT", "GITEA_PATH", "GITEA_STATE", "GITEA_STEP_SUMMARY",
        # a shell reads the file at its start: CircleCI passes variables from step to step by it
        "BASH_ENV",
        # Buildkite, Drone and Harness, TeamCity
        "BUILDKITE_ENV_FILE",
        "DRONE_OUTPUT", "DRONE_ENV", "HARNESS_OUTPUT_FILE", "HARNESS_OUTPUT_SECRET_FILE",
        "TEAMCITY_BUILD_PROPERTIES_FILE",
    }
)  # fmt: skip
"""Variables that name such a file, as the documentation of each system calls them."""


def without_ci_files(environ: Mapping[str, str], handed_over: Collection[str] = ()) -> dict[str, str]:
    """The environment of tests: without those variables, but for the ones that a setting hands over."""
    withheld = FILE_VARIABLES.difference(handed_over)
    return {name: value for name, value in environ.items() if name not in withheld}
