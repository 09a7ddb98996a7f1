"""triton_models is data and recipes, no package of ours: its files are loaded by their paths."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[3] / "triton_models"


def engine(module: str) -> ModuleType:
    """Return a module of the package `engine`, whose modules import one another."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return importlib.import_module(f"engine.{module}")


def load(file: str) -> ModuleType:
    """Return the module at `file` under triton_models, under a name of its own."""
    path = ROOT / file
    name = "by_path_" + "_".join(path.relative_to(ROOT).with_suffix("").parts)
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def importable(folder: Path) -> None:
    """Let the packages in `folder` be imported by their names, as in the processes that run them."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
