"""Property tests try the same examples in every run, but for `make fuzz`."""

from __future__ import annotations

from hypothesis import settings


def test_only_the_fuzz_profile_draws_new_examples(request):
    profile = request.config.getoption("--hypothesis-profile")
    current = settings()
    assert current.derandomize is (profile != "fuzz")
    assert current.deadline is None
