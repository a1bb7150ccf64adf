"""Limits and settings of the shell."""

import pytest

from doctor import limits

INFINITY = float("inf")


@pytest.mark.parametrize(
    ("check", "what", "limit", "value", "level", "remedy"),
    [
        (limits.open_files, None, "NOFILE", 4096, "ok", ""),
        (limits.open_files, None, "NOFILE", 1024, "warning", "ulimit -n 4096"),
        (limits.processes, None, "NPROC", 2048, "ok", ""),
        (limits.processes, None, "NPROC", 500, "warning", "ulimit -u 2048"),
        (limits.address_space, "address space", "AS", INFINITY, "ok", ""),
        (limits.address_space, "address space", "AS", 10**12, "error", "ulimit -v unlimited"),
        (limits.address_space, "file size", "FSIZE", 10**9, "error", "ulimit -f unlimited"),
        (limits.core_files, None, "CORE", 0, "ok", ""),
        (limits.core_files, None, "CORE", INFINITY, "warning", "ulimit -c 0"),
        (limits.locked_memory, None, "MEMLOCK", 65536, "ok", ""),
    ],
)
def test_a_limit_is_held_against_the_need(machine, about, check, what, limit, value, level, remedy):
    machine.limits[limit] = value
    found = about(check, what)
    assert (found.level, found.remedy) == (level, remedy)


def test_the_demo_is_content_with_common_limits(machine, about):
    machine.limits |= {"NOFILE": 1024, "NPROC": 500, "CORE": INFINITY}
    for check in (limits.open_files, limits.processes, limits.core_files):
        assert about(check, profile="demo").level == "ok"


def test_a_hard_limit_in_the_way_is_said(machine, about):
    machine.limit = lambda name: (1024, 1024)
    assert "/etc/security/limits.conf" in about(limits.open_files).remedy


def test_a_containers_limit_of_processes_counts(machine, about):
    machine.write("/sys/fs/cgroup/pids.max", "100\n")
    found = about(limits.processes)
    assert found.level == "warning" and "--pids-limit" in found.remedy


def test_several_hosts_ask_for_locked_memory(machine, about):
    assert about(limits.locked_memory, hostfile="hosts").level == "ok"
    machine.limits["MEMLOCK"] = 65536
    assert about(limits.locked_memory, hostfile="hosts").level == "warning"


def test_core_files_that_a_program_takes_are_no_matter(machine, about):
    machine.limits["CORE"] = INFINITY
    machine.write("/proc/sys/kernel/core_pattern", "|/usr/bin/handler %p\n")
    assert about(limits.core_files).level == "ok"


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        ({"LANG": "de_DE.UTF-8"}, "ok"),
        ({"LANG": "en_US.utf8"}, "ok"),
        ({"LANG": ""}, "ok"),
        ({"LANG": "C"}, "ok"),
        ({"LANG": "C.UTF-8", "LC_ALL": "de_DE.ISO-8859-1"}, "warning"),
    ],
)
def test_the_locale_is_utf_8(machine, about, variables, level):
    machine.environ |= variables
    assert about(limits.locale).level == level


@pytest.mark.parametrize(("mask", "level"), [("0022", "ok"), ("0777", "error"), ("0000", "warning")])
def test_the_umask_leaves_files_to_their_owner_alone(machine, about, mask, level):
    machine.write("/proc/self/status", f"Name:\tx\nUmask:\t{mask}\n")
    assert about(limits.umask).level == level


def test_variables_that_change_pythons_imports_are_named(machine, about):
    assert about(limits.python_variables).level == "ok"
    machine.environ["PYTHONPATH"] = "/opt/else"
    found = about(limits.python_variables)
    assert found.level == "warning" and "PYTHONPATH=/opt/else" in found.found


@pytest.mark.parametrize(("home", "level"), [(None, "ok"), ("", "error"), ("/nowhere/at/all", "error")])
def test_a_cache_can_be_made_under_home(machine, about, home, level):
    if home is not None:
        machine.environ["HOME"] = home
    assert about(limits.home).level == level
