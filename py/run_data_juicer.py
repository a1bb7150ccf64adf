"""`dj-process` with two guards: it installs nothing, and it starts without Ray.

Data-Juicer 1.6.1 runs pip when a module that it imports lazily is missing, and always imports its Ray
executors: a plain `dj-process` downloads ray (76 MB) into the environment on its first run. Here a missing
module is an error that names it. Recipes with `executor_type: ray` get the real modules.

    python py/run_data_juicer.py --config recipe.yaml
"""

import os
import sys
from pathlib import Path
from types import ModuleType

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


def main() -> None:
    """Run; a failure is one line of its own on the real standard error, wherever the logging threads are."""
    recipe = yaml.safe_load(Path(sys.argv[sys.argv.index("--config") + 1]).read_text(encoding="utf-8"))
    os.environ["LOGURU_DIAGNOSE"] = "NO"  # its value dumps touch lazy modules, and fail on those
    if not str(recipe.get("executor_type", "default")).startswith("ray"):
        leave_out_ray()
    refuse_installation()
    from data_juicer.tools.process_data import main as dj_process

    try:
        dj_process()
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        print(f"\nrun_data_juicer.py: {message}", file=sys.__stderr__, flush=True)
        os._exit(1)  # Data-Juicer's log sinks can fail while the interpreter shuts down


if __name__ == "__main__":
    main()
