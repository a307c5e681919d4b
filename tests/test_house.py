"""The house stands: who imports whom is what docs/architecture.md says, and nothing heavy comes in unasked."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "espalier"
FILES = sorted(path.relative_to(HOUSE) for path in HOUSE.rglob("*.py"))


def may_import() -> dict[str, set[str]]:
    """By room, the rooms (`domain`) and single files of rooms (`store.people`) it may import."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = page.split("| room | may import |")[1].split("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines()[2:]]
    return {room.strip(" `"): set(re.findall(r"`([a-z_.]+)`", allowed)) for room, allowed in rows}


MAY_IMPORT = may_import()


def imports(path: Path) -> Iterator[str]:
    """All that a file imports, as `espalier.store.people.Person`, wherever in the file it stands."""
    for node in ast.walk(ast.parse((HOUSE / path).read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, names=names, level=0):
                yield from (f"{module}.{name.name}" for name in names)
            case ast.ImportFrom():
                pytest.fail(f"{path}:{node.lineno} is a relative import; name the room")


def room_of(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_room_imports_only_what_the_architecture_lets_it(path: Path) -> None:
    room = room_of(path)
    allowed = MAY_IMPORT.get(room, set()) | {room, "__version__"}
    ours = [target.split(".")[1:] for target in imports(path) if target.startswith("espalier.")]
    refused = {".".join(each[:2]) for each in ours if not {each[0], ".".join(each[:2])} & allowed}
    assert not refused, f"{path} may not import {', '.join(sorted(refused))}: see docs/architecture.md"


def test_every_room_is_entered_in_the_architecture() -> None:
    assert {room_of(path) for path in FILES} - {"__init__"} == set(MAY_IMPORT)


def test_rooms_import_one_way_only() -> None:
    """Each room may import only rooms whose rows stand above its own, so there is no circle."""
    above: set[str] = set()
    for room, allowed in MAY_IMPORT.items():
        assert {each.split(".")[0] for each in allowed} <= above, room
        above.add(room)


def test_every_right_is_used() -> None:
    used: dict[str, set[str]] = {room: set() for room in MAY_IMPORT}
    for path in FILES:
        parts = [target.split(".")[1:] for target in imports(path) if target.startswith("espalier.")]
        used.setdefault(room_of(path), set()).update(name for each in parts for name in (each[0], ".".join(each[:2])))
    unused = {room: allowed - used[room] for room, allowed in MAY_IMPORT.items() if allowed - used[room]}
    assert not unused, f"take these out of docs/architecture.md: {unused}"


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) == "domain"], ids=str)
def test_the_domain_needs_only_the_standard_library(path: Path) -> None:
    outside = {target.split(".")[0] for target in imports(path)} - sys.stdlib_module_names
    assert outside <= {"espalier"}


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) == "domain"], ids=str)
def test_the_domain_is_handed_time_and_chance(path: Path) -> None:
    text = (HOUSE / path).read_text("utf-8")
    assert not re.search(r"datetime\.now|utcnow|\btime\.\w*time\(|random\.(random|choice|shuffle|Random)\(\)", text)


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after this statement."""
    asked = f"{statement}; import sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_site_does_not_load_torch() -> None:
    loaded = loaded_by("import espalier.web.app")
    assert "fastapi" in loaded
    assert not loaded & {"torch", "transformers", "numpy", "pandas", "pyarrow"}


def test_the_package_alone_loads_next_to_nothing() -> None:
    assert not loaded_by("import espalier") & {"fastapi", "sqlalchemy", "pydantic", "torch"}


def test_the_command_line_answers_without_loading_the_site() -> None:
    assert not loaded_by("import espalier.cli") & {"fastapi", "uvicorn", "torch"}


def test_settings_of_training_are_checked_without_loading_torch() -> None:
    assert not loaded_by("import espalier.train.options, espalier.recipe.plan") & {"torch", "transformers"}


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("scripts/*.py")]), ids=lambda path: path.name
)
def test_benchmarks_and_scripts_ask_for_what_the_house_has(path: Path) -> None:
    """Nothing else runs them at every change."""
    tree = ast.parse(path.read_text("utf-8"))
    modules: dict[str, str] = {}  # those that are imported whole, by the name that they have here
    asked: list[tuple[str, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("espalier"):
            for each in node.names:
                if file_of(f"{node.module}.{each.name}"):
                    modules[each.asname or each.name] = f"{node.module}.{each.name}"
                else:
                    asked.append((node.module, each.name))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            asked.append((modules[node.value.id], node.attr))
    assert [(module, name) for module, name in asked if name not in names_in(module)] == []


def file_of(module: str) -> Path | None:
    place = ROOT / "src" / Path(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def names_in(module: str) -> set[str]:
    """What stands at the outermost level of a module."""
    file = file_of(module)
    assert file, f"there is no {module}"
    names: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Import(names=given) | ast.ImportFrom(names=given):
                names |= {each.asname or each.name for each in given}
            case ast.Assign(targets=targets):
                names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names
