"""How the page gets into the package: built once from its sources, compressed, carried by wheel and sdist."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from supervisor.web.page import build_page
from supervisor.web.page.build_page import MADE_FROM, PAGE, STATIC, PageNotBuilt, compress, digest, is_up_to_date

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / PAGE / "src").mkdir(parents=True)
    (tmp_path / STATIC).mkdir()
    (tmp_path / PAGE / "src" / "main.ts").write_text("one")
    (tmp_path / STATIC / MADE_FROM).write_text(digest(tmp_path / PAGE))
    return tmp_path


def test_a_page_that_was_made_from_these_sources_is_not_built_again(root: Path) -> None:
    assert is_up_to_date(root)


@pytest.mark.parametrize("change", ["content", "new file", "other name"])
def test_a_change_of_the_sources_is_seen(root: Path, change: str) -> None:
    source = root / PAGE / "src" / "main.ts"
    if change == "content":
        source.write_text("two")
    elif change == "new file":
        (root / PAGE / "index.html").write_text("")
    else:
        source.rename(source.with_name("other.ts"))
    assert not is_up_to_date(root)


def test_tests_and_installed_packages_are_no_sources(root: Path) -> None:
    (root / PAGE / "src" / "main.test.ts").write_text("test")
    (root / PAGE / "node_modules" / "vite").mkdir(parents=True)
    (root / PAGE / "node_modules" / "vite" / "index.js").write_text("vite")
    assert is_up_to_date(root)


def test_without_static_there_is_no_page(tmp_path: Path) -> None:
    assert not is_up_to_date(tmp_path)


def test_a_file_is_kept_once_and_its_octets_do_not_depend_on_the_hour(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    made = []
    for _ in range(2):
        path.write_text("let a;")
        compress(path)
        made.append((tmp_path / "a.js.gz").read_bytes())
    assert not path.exists()
    assert made[0] == made[1] == gzip.compress(b"let a;", 9, mtime=0)


def test_a_build_that_fails_says_what_to_do(root: Path) -> None:
    (root / PAGE / "package.json").write_text("{}")
    with pytest.raises(PageNotBuilt, match=r"npm run in supervisor/web/page ended with 1.*; check that npm's registry"):
        build_page.npm(root / PAGE, ["run", "--silent", "build"], 60)


def test_no_node_is_needed_but_that_of_the_wheel(root: Path) -> None:
    (root / PAGE / "package.json").write_text('{"scripts": {"build": "node -e 0"}}')
    only_a_shell = root / "bin"
    only_a_shell.mkdir()
    (only_a_shell / "sh").symlink_to("/bin/sh")
    words = (
        f"from supervisor.web.page import build_page as b; b.npm(b.Path({str(root / PAGE)!r}), ['run', 'build'], 60)"
    )
    done = subprocess.run(
        [sys.executable, "-c", words],
        env={"PATH": str(only_a_shell), "HOME": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_build_that_hangs_says_what_to_do(root: Path) -> None:
    (root / PAGE / "package.json").write_text('{"scripts": {"build": "node -e 0"}}')
    with pytest.raises(PageNotBuilt, match="took longer than 0 s"):
        build_page.npm(root / PAGE, ["run", "--silent", "build"], 0.001)


@pytest.mark.parametrize("builder", [WheelBuilder, SdistBuilder])
def test_wheel_and_sdist_carry_the_page_and_need_no_node(
    builder: type[WheelBuilder] | type[SdistBuilder], tmp_path: Path
) -> None:
    building = builder(str(ROOT))
    assert building.config.dependencies == [], "the page in static/ is older than its sources"
    (made,) = building.build(directory=str(tmp_path))
    if made.endswith(".whl"):
        names = set(zipfile.ZipFile(made).namelist())
        assert not any(name.startswith(f"{PAGE}/") for name in names)
    else:
        with tarfile.open(made) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        assert f"{PAGE}/src/main.tsx" in names
    there = {f"{path.relative_to(ROOT)}" for path in (ROOT / STATIC).rglob("*") if path.is_file()}
    assert there <= names
    assert f"{STATIC}/index.html" in there


def test_the_lock_file_names_no_host_to_fetch_from() -> None:
    lock = (ROOT / PAGE / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_the_page_is_small() -> None:
    """All that a browser loads, as it travels; the contract says 350 KiB."""
    sizes = {path.name: path.stat().st_size for path in (ROOT / STATIC).rglob("*") if path.suffix in (".gz", ".html")}
    assert sum(sizes.values()) <= 350 * 1024, sizes
