"""From LLVM text to machine code in this process, by llvmlite; objects are cached on disk.

The cache holds relocatable objects keyed by the text, the llvmlite version and the processor. It is
read as machine code, so it lives in a directory that only its owner may write.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm


def cache_directory() -> Path | None:
    """Where objects are kept: `$MMSPEC_CACHE`, or the user's cache; None if that is empty."""
    setting = os.environ.get("MMSPEC_CACHE")
    if setting is not None:
        return Path(setting) if setting else None
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "mmspec"


def _target(level: int) -> Any:
    """A code generator; an execution engine takes the one it is given for its own."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        opt=level,
        jit=True,
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
    )


class NativeModule:
    """Machine code of one LLVM module. `address(name)` gives a function's address.

    thorough: optimise fully (the search loops); otherwise only what is cheap and pays (models).
    """

    def __init__(self, text: str, thorough: bool = False) -> None:
        key = hashlib.sha256(
            "\0".join(
                (
                    text,
                    str(thorough),
                    llvmlite.__version__,
                    llvm.get_host_cpu_name(),
                    llvm.get_host_cpu_features().flatten(),
                )
            ).encode()
        ).hexdigest()
        data = _read(key)
        self.cached = data is not None
        if data is None:
            data = _compile(text, _target(2 if thorough else 0), thorough)
            _write(key, data)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target(0))
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function starts."""
        found = int(self._engine.get_function_address(name))
        if not found:
            raise KeyError(name)
        return found


def _compile(text: str, machine: Any, thorough: bool) -> bytes:
    module = llvm.parse_assembly(text)
    options = llvm.create_pipeline_tuning_options(speed_level=2 if thorough else 1)
    builder = llvm.create_pass_builder(machine, options)
    if thorough:
        builder.getModulePassManager().run(module, builder)
    else:
        passes = llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, builder)
    return bytes(machine.emit_object(module))


def _read(key: str) -> bytes | None:
    directory = cache_directory()
    if directory is None:
        return None
    path = directory / f"{key}.o"
    try:
        if path.stat().st_uid != os.getuid():
            return None
        data = path.read_bytes()
    except OSError:
        return None
    # the checksum guards against truncation: a damaged object must not be executed
    if len(data) < 32 or hashlib.sha256(data[32:]).digest() != data[:32]:
        return None
    return data[32:]


def _write(key: str, data: bytes) -> None:
    directory = cache_directory()
    if directory is None:
        return
    with contextlib.suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=directory)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.replace(name, directory / f"{key}.o")
