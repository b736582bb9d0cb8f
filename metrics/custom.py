"""Metrics of an operator: Python classes in a module or file of theirs, beside the catalog's own.

A source is a module's name (`acme.metrics`), a file (`/etc/evalhub/acme.py`), or an entry point
of the group `evalhub.metrics` that names a module or a class.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Iterable, Sequence
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from metrics.base import Family, Metric
from metrics.catalog import known_metrics, register, sample_of
from metrics.nested import inner_metrics

GROUP = "evalhub.metrics"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_loaded: set[str] = set()


class CustomMetricError(Exception):
    """A source of metrics cannot be used; the message is for the operator."""


def load_all(sources: Iterable[str]) -> list[type[Metric]]:
    """Load and register the metrics of sources and entry points; once, however often asked."""
    classes = [metric for source in sources for metric in load(source)]
    for point in entry_points(group=GROUP):
        try:
            found = point.load()
        except Exception as exc:
            raise CustomMetricError(
                f"The entry point {point.name} cannot be loaded: {exc}"
            ) from exc
        classes += _classes(found, f"The entry point {point.name}")
    for metric in classes:
        check(metric)
        register(metric)
        _loaded.add(metric.name)
    return classes


def load(source: str) -> list[type[Metric]]:
    """Return the metrics of a module or a file, without registering them."""
    try:
        module = _from_file(Path(source)) if source.endswith(".py") else _import(source)
    except CustomMetricError:
        raise
    except Exception as exc:
        said = f"{type(exc).__name__}: {exc}"
        raise CustomMetricError(f"{source} cannot be loaded. {said}") from exc
    return _classes(module, source)


def loaded() -> list[type[Metric]]:
    """Return the operator's metrics that stand in the catalog."""
    return [metric for name, metric in known_metrics().items() if name in _loaded]


def is_custom(metric: Metric) -> bool:
    """Say whether a metric, or one inside it, is an operator's."""
    return metric.name in _loaded or any(map(is_custom, inner_metrics(metric)))


def place_of(exc: BaseException) -> str:
    """Return file and line of the last step into an operator's code, else of the last one."""
    steps = traceback.extract_tb(exc.__traceback__)
    homes = {inspect.getfile(metric) for metric in loaded()}
    step = next((one for one in reversed(steps) if one.filename in homes), steps[-1])
    return f"{Path(step.filename).name}, line {step.lineno}"


def code_digest(metric: type[Metric]) -> str:
    """Return the SHA-256 of the file that defines a metric: part of a run's environment."""
    return hashlib.sha256(Path(inspect.getfile(metric)).read_bytes()).hexdigest()


def check(metric: type[Metric]) -> None:
    """Refuse a class that cannot stand in the catalog."""
    where = f"{Path(inspect.getfile(metric)).name}, class {metric.__name__},"
    missing = [name for name in ("name", "version", "title", "summary", "formula", "needs")
               if not getattr(metric, name, None)]  # fmt: skip
    if missing or getattr(metric, "family", None) is None:
        raise CustomMetricError(
            f"{where} lacks {', '.join(missing) or 'family'}. Begin the name of a class that is "
            "only a base of others with an underscore."
        )
    if not _NAME.fullmatch(metric.name):
        raise CustomMetricError(
            f"{where} has a bad name: {metric.name!r} is not up to 64 of a-z, 0-9 and _, a letter "
            "first."
        )
    other = known_metrics().get(metric.name, metric)
    if (other.__module__, other.__qualname__) != (metric.__module__, metric.__qualname__):
        raise CustomMetricError(
            f"{where} takes a name that is taken: there is a metric {metric.name!r} already."
        )
    if not isinstance(metric.version, int) or metric.version < 1:
        raise CustomMetricError(f"{where} needs a version, a whole number from 1.")
    try:
        sample_of(metric)
    except Exception as exc:
        said = f"{type(exc).__name__}: {exc}"
        raise CustomMetricError(f"{where} cannot be made with its defaults. {said}") from exc
    if metric.family is Family.CORPUS:
        raise CustomMetricError(
            f"{where} is of the family CORPUS: a metric of your own is the mean or a quantile of "
            "its outputs' values. One that is computed from sums over the run belongs into "
            "EvalHub's own catalog."
        )


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    path = path.expanduser().absolute()
    if not path.is_file():
        raise CustomMetricError(f"There is no file {path}.")
    name = f"evalhub_custom_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look their module up while it is made
    try:
        SourceFileLoader(name, str(path)).exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _classes(found: object, source: str) -> list[type[Metric]]:
    """Return a class, or the concrete metrics that a module itself defines, in their order."""
    values: Sequence[object] = list(vars(found).values()) if inspect.ismodule(found) else [found]
    home = found.__name__ if inspect.ismodule(found) else None
    # A class whose name begins with an underscore is a base of others.
    classes = [
        value
        for value in values
        if isinstance(value, type) and issubclass(value, Metric) and not inspect.isabstract(value)
        and home in (None, value.__module__) and not value.__name__.startswith("_")
    ]  # fmt: skip
    if not classes:
        raise CustomMetricError(
            f"{source} defines no metric: a class made from metrics.base.Metric."
        )
    return classes
