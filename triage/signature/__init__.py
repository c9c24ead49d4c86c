"""From a failure to `algorithm/version:hash`."""
