"""Moved to `mmspec.checker`."""

from mmspec.checker import *  # noqa: F403
