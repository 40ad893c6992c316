"""Imports go one way, cores are pure, and workers are made of the standard library alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CORES = {"workers.errors", "workers.core", "supervisor.errors", "supervisor.core"}
BUNDLES = {"workers.bundle", "workers.journalfile", "workers.journalread", "workers.openat2", "workers.segments"}
RECORDING = {"workers.recorder", "workers.syncer", "workers.tail"}  # for who holds a bundle's lock
BASEMENT = {"supervisor.settings", "supervisor.store", "supervisor.records", "supervisor.logs"}

# What a layer may import beside itself. A module belongs to the longest name that it starts with; one that has no
# row here fails, so that a new layer is a decision and not an accident.
MAY_IMPORT: dict[str, set[str]] = {
    "workers.errors": set(),
    "workers.core": {"workers.errors"},
    "workers.adapters": {"workers.errors", "workers.core"},
    "workers.drivers": {"workers.errors", "workers.core"},
    "workers.bundle": {"workers.errors", "workers.core"},
    "workers.segments": {"workers.errors", "workers.core"},
    "workers.journalfile": {"workers.errors", "workers.core", "workers.segments"},
    "workers.journalread": {"workers.errors", "workers.core", "workers.segments"},
    "workers.openat2": set(),
    "workers": {"workers"},
    "supervisor": set(),
    "supervisor.errors": {"workers.errors"},
    "supervisor.core": {"workers.errors", "workers.core", "supervisor.errors"},
    "supervisor.boxfile": CORES,
    "supervisor.statedir": set(),
    "supervisor.serveoptions": set(),
    "supervisor.settings": CORES
    | {"supervisor.statedir", "supervisor.boxfile", "supervisor.store", "supervisor.records"},
    "supervisor.store": CORES,
    "supervisor.records": CORES,
    "supervisor.procfs": CORES,
    "supervisor.interfaces": set(),
    "supervisor.ownplace": CORES | {"supervisor.procfs", "workers.bundle"},
    "supervisor.statelock": CORES | {"workers.bundle"},
    "supervisor.logs": CORES,
    "supervisor.identity": CORES | BASEMENT,
    "supervisor.sessions": CORES | BUNDLES | BASEMENT,
    "supervisor.sessions.remotejournal": CORES | BUNDLES | RECORDING | {"supervisor.sessions"},
    "supervisor.sessions.standin": CORES | {"supervisor.sessions", "workers.orders"},
    "supervisor.client": CORES | {"supervisor.statedir"},
    "supervisor.web": CORES
    | BUNDLES
    | BASEMENT
    | {"supervisor.identity", "supervisor.sessions", "supervisor.procfs", "supervisor.interfaces"}
    | {"supervisor.statedir"},
    "supervisor.waysin": CORES | BASEMENT | {"supervisor.interfaces", "supervisor.web.certificates"},
    "supervisor.doctor": CORES | BASEMENT | {"supervisor.statedir", "supervisor.waysin"},
    "supervisor.foreground": {"supervisor.serveoptions"},
    "supervisor.limits": set(),
    "supervisor.readiness": set(),
    "supervisor.owndeeds": CORES | {"supervisor.identity", "supervisor.sessions"},
    "supervisor.ownscreen": {"supervisor", "workers"},
    "supervisor.pairingdrawing": CORES,
    "supervisor.statusdrawing": CORES | {"supervisor.cli", "supervisor.pairingdrawing"},
    "supervisor.statusscreen": CORES | {"supervisor.statusdrawing"},
    # The start and the end of a box: those of these files that put it together see everything.
    "supervisor.app": {"supervisor", "workers"},
    "supervisor.assembly": CORES | BUNDLES | BASEMENT | {"supervisor.sessions"},
    "supervisor.detached": CORES | {"supervisor.serveoptions"},
    "supervisor.projectchoice": CORES | BASEMENT | {"supervisor.sessions"},
    "supervisor.takeover": CORES
    | BASEMENT
    | {"supervisor.assembly", "supervisor.client", "supervisor.projectchoice", "supervisor.serveoptions"}
    | {"supervisor.sessions", "supervisor.web"},
    "supervisor.running": {"supervisor", "workers"},
    # A box in small, at the other end: it holds a session as a box does, and comes to the box as a client does.
    "supervisor.remote": CORES
    | {"supervisor.client", "supervisor.logs", "supervisor.sessions"}
    | {"workers.bundle", "workers.drivers", "workers.segments"},
    "supervisor.cli": CORES
    | {
        "supervisor.client",
        "supervisor.remote",
        "supervisor.statedir",
        "supervisor.serveoptions",
        "supervisor.ownplace",
    }
    | {"supervisor.app", "supervisor.detached", "supervisor.doctor", "supervisor.foreground", "supervisor.statelock"}
    | {"supervisor.statusscreen"},
    "supervisor.__main__": {"supervisor", "workers"},
}

PURE = ("workers.core", "workers.adapters", "supervisor.core")
IMPURE = {
    *("os", "time", "random", "socket", "trio", "subprocess", "secrets", "asyncio", "threading", "uuid"),
    *("pathlib", "select", "selectors", "fcntl", "signal", "tempfile", "shutil"),
}
CLOCKS = {"now", "utcnow", "today"}  # methods of datetime, whose import alone is harmless


def sources() -> dict[str, str]:
    """Source text of every module of the product, by dotted name."""
    found = {}
    for package in ("workers", "supervisor"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


def imports(module: str, source: str) -> Iterator[str]:
    """Every name that a module imports, also inside of functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports name their package in full"
            # `from workers import bundle` imports workers.bundle as much as `import workers.bundle` does.
            packages = {"workers", "supervisor"}
            yield from (f"{node.module}.{a.name}" if node.module in packages else str(node.module) for a in node.names)


def within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")


def layer_of(module: str) -> str:
    return max((layer for layer in MAY_IMPORT if within(module, layer)), key=len)


def strays(module: str, source: str) -> list[str]:
    layer = layer_of(module)
    allowed = MAY_IMPORT[layer] | {layer}
    # The bare packages hold a docstring each (below), so that whoever names one has imported nothing yet.
    ours = (n for n in imports(module, source) if n.startswith(("workers.", "supervisor.")))
    return [name for name in ours if not any(within(name, a) for a in allowed)]


def impurities(module: str, source: str) -> list[str]:
    found = [name for name in imports(module, source) if name.split(".")[0] in IMPURE]
    return found + [f"line {line}" for line in sorted(_impure_lines(ast.parse(source)))]


def _impure_lines(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield node.lineno
        elif isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id == "open") or (
                isinstance(called, ast.Attribute) and called.attr in CLOCKS
            ):
                yield node.lineno


MODULES = sources()


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_one_way(module: str) -> None:
    assert strays(module, MODULES[module]) == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith(PURE)])
def test_a_core_reads_no_clock_no_chance_and_no_file(module: str) -> None:
    assert impurities(module, MODULES[module]) == []


@pytest.mark.parametrize("module", [name for name in MODULES if within(name, "workers")])
def test_workers_need_nothing_but_the_standard_library(module: str) -> None:
    known = sys.stdlib_module_names | {"workers"}
    assert [n for n in imports(module, MODULES[module]) if n.split(".")[0] not in known] == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_its_job_and_is_short_enough_to_read(module: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[module])), "the first line of a module is its job"
    assert len(MODULES[module].splitlines()) <= 400


@pytest.mark.parametrize("package", ["workers", "supervisor"])
def test_a_package_itself_holds_nothing_that_matters(package: str) -> None:
    # PyPI's `supervisor`, installed beside this package, overwrites the file.
    assert [type(node) for node in ast.parse(MODULES[package]).body] == [ast.Expr]


def test_a_stray_import_is_found_wherever_it_hides() -> None:
    assert strays("workers.core.screen", "from workers.host import run") == ["workers.host"]
    assert strays("workers.host", "def f():\n    import supervisor.app") == ["supervisor.app"]
    assert strays("supervisor.core.access", "from supervisor import store") == ["supervisor.store"]
    assert strays("supervisor.web.api", "from workers.core.events import Event") == []


def test_an_impure_core_is_found() -> None:
    assert impurities("workers.core.screen", "import time\nasync def wait(): ...") == ["time", "line 2"]
    assert impurities("workers.core.screen", "def f():\n    open('x')\n    datetime.now()") == ["line 2", "line 3"]
    assert impurities("workers.core.screen", "import shutil") == ["shutil"]
