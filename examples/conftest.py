"""Have `mmspec_check`."""

pytest_plugins = ["mmspec.pytest_plugin"]
