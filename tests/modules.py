"""Modules made from text: kernel functions need a file, since the compiler reads their source."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from itertools import count
from pathlib import Path
from types import ModuleType

_numbers = count()


def load_module(path: Path, text: str) -> ModuleType:
    """Write a module to `path` and import it under a name of its own."""
    path.write_text(text)
    name = f"made_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # struct types look up their annotations in the module
    sys.modules[name] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        spec.loader.exec_module(module)
    return module
