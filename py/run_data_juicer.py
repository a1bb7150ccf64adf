"""`dj-process` with three guards: it installs nothing, starts without Ray, and ends when it cannot log.

Data-Juicer 1.6.1 runs pip when a module that it imports lazily is missing, and always imports its Ray
executors: a plain `dj-process` downloads ray (76 MB) into the environment on its first run. Here a missing
module is an error that names it. Recipes with `executor_type: ray` get the real modules. Its logging threads
report a full disk to themselves, and wait for ever; here that ends the process.

    python py/run_data_juicer.py --config recipe.yaml
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import yaml

RAY_ONLY = {
    "data_juicer.core.executor.ray_executor": "RayExecutor",
    "data_juicer.core.executor.ray_executor_partitioned": "PartitionedRayExecutor",
    "data_juicer.core.ray_analyzer": "RayAnalyzer",
    "data_juicer.core.ray_exporter": "RayExporter",
    "data_juicer.core.tracer.ray_tracer": "RayTracer",
}


def leave_out_ray() -> None:
    """Put empty modules where Data-Juicer imports its Ray executors from."""
    for name, attribute in RAY_ONLY.items():
        module = ModuleType(name)
        setattr(module, attribute, type(attribute, (), {}))
        sys.modules[name] = module


def refuse_installation() -> None:
    """Make a missing package an ImportError instead of a download."""
    from data_juicer.utils.lazy_loader import LazyLoader

    def refuse(cls: type, package: str, pip_args: object = None) -> None:
        raise ImportError(f"this recipe needs the Python package {package}; add it to env/requirements.in")

    LazyLoader._install_package = classmethod(refuse)


def fail(error: BaseException | None) -> NoReturn:
    """End with one line of its own on the real standard error, wherever the logging threads are."""
    message = " ".join(f"{type(error).__name__}: {error}".split())
    with suppress(OSError):
        print(f"\nrun_data_juicer.py: {message}", file=sys.__stderr__, flush=True)
    os._exit(1)  # Data-Juicer's log sinks can fail while the interpreter shuts down


def end_when_the_log_fails() -> None:
    """Make an error of a log sink the end of the process."""
    from loguru._error_interceptor import ErrorInterceptor

    def stop(interceptor: object, record: object = None, *, exception: BaseException | None = None) -> None:
        fail(exception or sys.exc_info()[1])

    ErrorInterceptor.print = stop


def main() -> None:
    """Run the recipe."""
    recipe = yaml.safe_load(Path(sys.argv[sys.argv.index("--config") + 1]).read_text(encoding="utf-8"))
    os.environ["LOGURU_DIAGNOSE"] = "NO"  # its value dumps touch lazy modules, and fail on those
    if not str(recipe.get("executor_type", "default")).startswith("ray"):
        leave_out_ray()
    refuse_installation()
    end_when_the_log_fails()
    from data_juicer.tools.process_data import main as dj_process

    try:
        dj_process()
    except Exception as error:
        fail(error)


if __name__ == "__main__":
    main()
