"""What all tests share."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", 'slow: more than a second; leave out with -m "not slow"')
    config.addinivalue_line("markers", "long: minutes; only run if asked for, with -m long")
