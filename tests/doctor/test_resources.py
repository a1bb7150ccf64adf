"""Cores, memory and shared memory, in containers of both kinds too."""

import pytest

from doctor import resources
from doctor.wanted import AUTO_WORKERS

GB = 10**9
V1 = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/system.slice\n"


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ({}, float("inf")),
        ({"/sys/fs/cgroup/cpu.max": "max 100000\n"}, float("inf")),
        ({"/sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2.5),
        (
            {
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/b/cpu.max": "max 100000",
                "/sys/fs/cgroup/a/cpu.max": "400000 100000",
            },
            4,
        ),
        (
            {
                "/proc/self/cgroup": V1,
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
                "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            1.5,
        ),
        (
            {
                "/proc/self/cgroup": V1,
                "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
            },
            float("inf"),
        ),
    ],
)
def test_the_cores_granted_are_those_of_the_tightest_group(machine, files, granted):
    for path, text in files.items():
        machine.write(path, text)
    assert resources.core_limit(machine) == granted


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"/sys/fs/cgroup/memory.max": "max\n"}, float("inf")),
        ({"/sys/fs/cgroup/memory.max": "4000000000\n"}, 4 * GB),
        ({"/proc/self/cgroup": V1, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "5000000000\n"}, 5 * GB),
        (
            {"/proc/self/cgroup": V1, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
            float("inf"),
        ),
    ],
)
def test_the_memory_limit_of_a_container_is_found(machine, files, limit):
    for path, text in files.items():
        machine.write(path, text)
    assert resources.memory_limit(machine) == limit


@pytest.mark.parametrize(
    ("there", "quota", "knobs", "level", "words"),
    [
        (64, None, {}, "ok", "64"),
        (8, None, {"num_gpus": 4}, "warning", "DATALOADER_NUM_WORKERS=1"),
        (8, None, {"num_gpus": 4, "dataloader_num_workers": AUTO_WORKERS}, "ok", "8"),
        (
            4,
            None,
            {"num_gpus": 4, "dataloader_num_workers": AUTO_WORKERS},
            "warning",
            "DATALOADER_NUM_WORKERS=0",
        ),
        (64, "800000 100000", {}, "warning", "export OMP_NUM_THREADS=8"),
        (2, None, {"profile": "demo"}, "ok", "2"),
        (2, "50000 100000", {"profile": "demo"}, "warning", "--cpus 2"),
    ],
)
def test_cores_are_held_against_the_processes_that_share_them(
    machine, about, there, quota, knobs, level, words
):
    machine.cores = lambda: there
    if quota:
        machine.write("/sys/fs/cgroup/cpu.max", quota)
    found = about(resources.cores, **knobs)
    assert found.level == level and words in found.line()


@pytest.mark.parametrize(
    ("available", "knobs", "level"),
    [
        (188, {}, "ok"),
        (50, {}, "warning"),
        (30, {}, "error"),
        (30, {"deepspeed_config": "plain.json"}, "ok"),
        (188, {"num_gpus": 16}, "warning"),
        (24, {"profile": "demo"}, "ok"),
        (1.5, {"profile": "demo"}, "warning"),
        (0.8, {"profile": "demo"}, "error"),
    ],
)
def test_memory_is_held_against_what_the_training_takes(machine, about, available, knobs, level):
    kilobytes = int(available * GB / 1024)
    machine.write("/proc/meminfo", f"MemTotal: 300000000 kB\nMemAvailable: {kilobytes} kB\n")
    assert about(resources.memory, **knobs).level == level


def test_a_containers_limit_counts_as_its_memory(machine, about):
    machine.write("/sys/fs/cgroup/memory.max", str(32 * GB))
    found = about(resources.memory)
    assert found.level == "error" and "the container's limit is 32 GB" in found.found


@pytest.mark.parametrize(
    ("free", "knobs", "level"),
    [
        (64 * 2**20, {}, "error"),
        (64 * 2**20, {"dataloader_num_workers": 0}, "ok"),
        (GB, {}, "ok"),
        (GB, {"num_gpus": 8}, "error"),
    ],
)
def test_shared_memory_must_hold_the_images_of_the_workers(machine, about, free, knobs, level):
    machine.free(free)
    found = about(resources.shared_memory, **knobs)
    assert found.level == level and ("--shm-size" in found.remedy) == (level == "error")


@pytest.mark.parametrize(("there", "level"), [(16, "ok"), (64, "error")])
def test_workers_that_the_cores_decide_count_in_shared_memory(machine, about, there, level):
    """Two cores a GPU leave one to a worker, eight all four."""
    machine.free(GB)
    machine.cores = lambda: there
    auto = {"num_gpus": 8, "dataloader_num_workers": AUTO_WORKERS}
    assert about(resources.shared_memory, **auto).level == level


def test_a_machine_without_shared_memory_is_named(machine, about):
    (machine.root / "dev/shm").rmdir()
    assert about(resources.shared_memory).level == "error"
    assert about(resources.shared_memory, dataloader_num_workers=0).level == "warning"
