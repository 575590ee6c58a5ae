"""Run Spin on an exported model: an independent count of the states.

Spin and a C compiler are needed for this only. `explore(export(system, initial))` stores exactly
the states of the compiled system, and takes its transitions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmspec.lang.context import ModelError

#: How the generated verifier is compiled. Without NOREDUCE Spin would leave states out.
OPTIONS = ("-O1", "-DSAFETY", "-DNOREDUCE", "-DNOFAIR")

#: Spin drops variables that are never read unless told not to, and takes minutes to look for
#: statements that it could merge: a step is one already. Arithmetic is modulo 2**32.
GENERATE = ("-o1", "-o2", "-o3")
_GCC = ("-w", "-fwrapv")


class SpinError(ModelError):
    """Spin is missing, or could not finish the search."""


@dataclass(frozen=True)
class Explored:
    """What Spin found.

    states, transitions: comparable with ours; Spin itself counts one transition more, which
    leads to the initial state. errors: assertions that failed, each as Spin words it.
    vector: bytes of a state. cpu: seconds of each stage: `spin`, `gcc`, `pan`.
    """

    states: int
    transitions: int
    errors: tuple[str, ...]
    vector: int
    cpu: dict[str, float]


def available() -> bool:
    """Whether Spin and a C compiler are installed."""
    return shutil.which("spin") is not None and shutil.which("gcc") is not None


def explore(
    model: str,
    *,
    options: Sequence[str] = OPTIONS,
    depth: int = 100_000,
    memory: int = 4096,
    table: int = 18,
    directory: Path | None = None,
) -> Explored:
    """Search a model exhaustively; stops at the first error.

    options: for the C compiler. depth: of the first attempt, raised as needed. memory: megabytes
    at most. table: logarithm of the hash table's size. directory: where to leave the files.
    """
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            raise SpinError(f"{tool} is not installed; on Debian: apt install spin gcc")
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        return _Run(directory, options, memory, table).explore(model, depth)
    with tempfile.TemporaryDirectory(prefix="mmspec-spin-") as made:
        return _Run(Path(made), options, memory, table).explore(model, depth)


class _Run:
    def __init__(self, directory: Path, options: Sequence[str], memory: int, table: int) -> None:
        self.directory = directory
        self.options = tuple(options)
        self.memory = memory
        self.table = table
        self.cpu: dict[str, float] = {}

    def explore(self, model: str, depth: int) -> Explored:
        (self.directory / "model.pml").write_text(model, encoding="utf-8")
        said = self._call("spin", ["spin", "-a", *GENERATE, "model.pml"])
        if "error" in said.lower() or not (self.directory / "pan.c").exists():
            raise SpinError(f"spin does not accept the model:\n{said[:2000]}")
        self._compile(())
        while True:
            said = self._call("pan", ["./pan", f"-m{depth}", f"-w{self.table}", "-E"])
            short = re.search(r"-DVECTORSZ=(?:N with N>)?(\d+)", said)
            if short is not None:
                self._compile((f"-DVECTORSZ={2 * int(short[1])}",))
            elif "max search depth too small" in said:
                depth *= 10
            else:
                return self._read(said)

    def _compile(self, more: Sequence[str]) -> None:
        limit = f"-DMEMLIM={self.memory}"
        self._call("gcc", ["gcc", *self.options, *_GCC, limit, *more, "-o", "pan", "pan.c"])
        if not (self.directory / "pan").exists():
            raise SpinError(f"gcc does not accept what spin generated, in {self.directory}")

    def _call(self, stage: str, command: Sequence[str]) -> str:
        path = self.directory / f"{stage}.out"
        with path.open("w") as out:
            process = subprocess.Popen(
                command, cwd=self.directory, stdout=out, stderr=subprocess.STDOUT
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu[stage] = self.cpu.get(stage, 0.0) + used.ru_utime + used.ru_stime
        return path.read_text(errors="replace")

    def _read(self, said: str) -> Explored:
        states = re.search(r"(\d+) states, stored", said)
        transitions = re.search(r"(\d+) transitions", said)
        vector = re.search(r"State-vector (\d+) byte", said)
        errors = re.search(r"errors: (\d+)", said)
        if states is None or transitions is None or vector is None or errors is None:
            raise SpinError(f"the search did not end as expected:\n{said[:2000]}")
        lines = re.findall(r"^pan:\d+: (.*?)(?: \(at depth \d+\))?$", said, re.MULTILINE)
        if int(errors[1]) == 0 and ("Search not completed" in said or lines):
            raise SpinError(f"the search was not completed: {'; '.join(lines) or said[:500]}")
        return Explored(
            int(states[1]), int(transitions[1]) - 1, tuple(lines), int(vector[1]), self.cpu
        )
