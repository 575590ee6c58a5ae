"""From LLVM text to machine code in this process, by llvmlite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm

from mmspec.compiler import cache


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
        name = cache.key_of((text, str(thorough))) + ".o"
        data = cache.read(name)
        if data is None:
            data = _compile(text, _target(2 if thorough else 0), thorough)
            cache.write(name, data)
        self._load(data)

    @classmethod
    def made_once(cls, name: str, text: Callable[[], str], thorough: bool = False) -> NativeModule:
        """Machine code of a text that depends on this package's source only."""
        key = cache.key_of((name, cache.sources())) + ".o"
        data = cache.read(key)
        if data is not None:
            return cls.from_object(data)
        made = cls(text(), thorough)
        cache.write(key, made.data)
        return made

    @classmethod
    def from_object(cls, data: bytes) -> NativeModule:
        """Machine code that was compiled before."""
        made = cls.__new__(cls)
        made._load(data)
        return made

    def _load(self, data: bytes) -> None:
        self.data = data
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
