"""`dj-process` with guards: it installs nothing, names bad records, tells how far it is, ends without a log.

Data-Juicer 1.6.1 runs pip when a module that it imports lazily is missing, and imports its Ray executors for
every recipe. Here a missing module is an error that names it, and Ray is imported for recipes with
`executor_type: ray`. Its logging threads report a full disk to themselves, and wait for ever; here that ends
the process. What becomes of a record that an operator raises on: bad_records.py. Progress of each operator
goes to standard error, a line every ten seconds.

    python py/run_data_juicer.py --config work/recipe.yaml
"""

import os
import re
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from pickle import PicklingError
from types import ModuleType
from typing import NoReturn

import psutil
import yaml

import bad_records
import cli
import faults
import spare_work

RAY_ONLY = {
    "data_juicer.core.executor.ray_executor": "RayExecutor",
    "data_juicer.core.executor.ray_executor_partitioned": "PartitionedRayExecutor",
    "data_juicer.core.ray_analyzer": "RayAnalyzer",
    "data_juicer.core.ray_exporter": "RayExporter",
    "data_juicer.core.tracer.ray_tracer": "RayTracer",
}
LESS_MEMORY = "lower SYNTH_BATCH_SIZE or SYNTH_PROCESSES"
SECONDS = 10  # between two lines of progress


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


def reason(error: BaseException | None) -> str:
    """What went wrong, on one line: of an error on Ray the one in the worker, which its log cannot pickle."""
    while isinstance(error, PicklingError) and error.__context__:
        error = error.__context__
    if error and (words := faults.told(error, LESS_MEMORY)):
        return words
    while type(error).__name__ == "DatasetGenerationError" and error.__cause__:
        error = error.__cause__
    message = f"{type(error).__name__}: {error}"
    if "RayTaskError" in type(error).__name__:
        causes = re.findall(r"^(?:\w+\.)*(\w*(?:Error|Exception|BadInput): .*)", str(error), re.MULTILINE)
        causes = [cause for cause in causes if not cause.startswith("UserCodeException")]
        message = causes[-1] if causes else message
    return " ".join(message.split())


def fail(error: BaseException | None) -> NoReturn:
    """End with one line of its own on the real standard error, wherever the logging threads are."""
    with suppress(OSError):
        print(f"\nrun_data_juicer.py: {reason(error)}", file=sys.__stderr__, flush=True)
    for child in psutil.Process().children(recursive=True):  # they would wait for work, and hold the log open
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(1)  # Data-Juicer's log sinks can fail while the interpreter shuts down


def end_when_the_log_fails() -> None:
    """Make an error of a log sink the end of the process."""
    from loguru._error_interceptor import ErrorInterceptor

    def stop(interceptor: object, record: object = None, *, exception: BaseException | None = None) -> None:
        fail(exception or sys.exc_info()[1])

    ErrorInterceptor.print = stop


def progress_line(name: str, done: int, total: int, elapsed: float) -> str:
    """``caption_mapper: 768 of 6000 records, 41.3 a second, 0:02:07 left``."""
    rate = done / elapsed if elapsed else 0.0
    left = f", {timedelta(seconds=round((total - done) / rate))} left" if rate and total else ""
    return f"{name}: {done} of {total} records, {rate:.1f} a second{left}"


def show_progress() -> None:
    """Make the progress bars of `datasets` lines of their own, for a log and for `make`."""
    from datasets.utils import tqdm

    def display(bar: tqdm, msg: str | None = None, pos: int | None = None) -> None:
        now = bar.format_dict
        last = getattr(bar, "said", 0.0)
        if now["total"] and now["elapsed"] - last >= SECONDS:
            bar.said = now["elapsed"]
            name = str(now["prefix"]).split("_process")[0].split("_compute")[0].split(" (")[0]
            line = progress_line(name, now["n"], now["total"], now["elapsed"])
            print(f"\nrun_data_juicer.py: {line}", file=sys.__stderr__, flush=True)

    tqdm.display = display


def main() -> None:
    """Run the recipe."""
    if "--config" not in sys.argv[1:-1]:
        print(__doc__)
        sys.exit(0 if {"-h", "--help"} & set(sys.argv[1:]) else 1)
    recipe = yaml.safe_load(Path(sys.argv[sys.argv.index("--config") + 1]).read_text(encoding="utf-8"))
    os.environ["LOGURU_DIAGNOSE"] = "NO"  # its value dumps touch lazy modules, and fail on those
    refuse_installation()
    if not str(recipe.get("executor_type", "default")).startswith("ray"):
        leave_out_ray()
        spare_work.install()
    end_when_the_log_fails()
    show_progress()
    bad_records.install(Path(recipe["work_dir"]).with_name("bad"))
    try:
        from data_juicer.tools.process_data import main as dj_process

        dj_process()
    except Exception as error:
        fail(error)


if __name__ == "__main__":
    cli.run(main, LESS_MEMORY)
