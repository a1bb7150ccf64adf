"""Several hosts, through an ssh of the test's own; and the batch that all processes share."""

import pytest

from doctor import hosts

GOOD = '{"torch": "2.14.1", "devices": [{"name": "A10", "fault": ""}, {"name": "A10", "fault": ""}]}'
SSH = f"""
[ "$1 $2 $3 $4" = "-o BatchMode=yes -o ConnectTimeout=5" ] || {{ echo "asks for a password" >&2; exit 255; }}
[ "$6" = "cd $PROJECT && .venv/bin/python py/doctor/probe_torch.py" ] || {{ echo "runs $6" >&2; exit 1; }}
case $5 in
  node*) echo 'Welcome!'; echo '{GOOD}';;
  down) echo 'ssh: connect to host down port 22: Connection timed out' >&2; exit 255;;
  locked) echo 'me@locked: Permission denied (publickey).' >&2; exit 255;;
  unknown) echo 'Host key verification failed.' >&2; exit 255;;
  empty) echo 'bash: line 1: cd: /project: No such file or directory' >&2; exit 1;;
  old) echo '{GOOD.replace("2.14.1", "2.9.0")}';;
  broken) echo '{GOOD.replace('"fault": ""', '"fault": "CUDA error: unknown"')}';;
esac
"""


@pytest.fixture
def cluster(machine):
    """A function that writes a hostfile."""
    machine.program("ssh", SSH)
    machine.program("pdsh", "exit 0")
    machine.environ["PROJECT"] = str(machine.folder)
    machine.torch = {"torch": "2.14.1"}

    def write(*lines):
        (machine.folder / "hosts").write_text("\n".join(lines) + "\n")

    return write


@pytest.mark.parametrize(
    ("line", "level", "words"),
    [
        ("node1 slots=2", "ok", "2 GPUs for 2 slots"),
        ("node1 slots=4", "error", "torch sees 2 GPUs there"),
        ("down slots=2", "error", "Connection timed out"),
        ("locked slots=2", "error", "ssh-copy-id locked"),
        ("unknown slots=2", "error", "once by hand: ssh unknown"),
        ("empty slots=2", "error", "put the project at"),
        ("old slots=2", "error", "torch 2.9.0 there, 2.14.1 here"),
        ("broken slots=2", "error", "CUDA error: unknown"),
    ],
)
def test_each_host_answers_with_the_same_folder_and_torch(cluster, about, line, level, words):
    cluster("# the cluster", "node9 slots=1", "", line)
    found = about(hosts.hosts, f"host {line.split()[0]}", hostfile="hosts")
    assert found.level == level and words in found.line()
    assert about(hosts.hosts, "host node9", hostfile="hosts").level == "ok"


def test_a_torch_that_is_not_here_yet_cannot_be_compared(cluster, machine, about):
    cluster("node1 slots=2")
    machine.torch = {}
    assert about(hosts.hosts, "host node1", hostfile="hosts").level == "warning"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["node1"], "hosts:1: 'node1' is not 'HOST slots=NUMBER'"),
        (["node1 slots=0"], "is not 'HOST slots=NUMBER'"),
        (["node1 slots=2", "node1 slots=2"], "hosts:2: node1 stands twice"),
        (["# nobody"], "no host in it"),
    ],
)
def test_faults_of_the_file_are_named_with_their_line(cluster, about, lines, words):
    cluster(*lines)
    found = about(hosts.hosts, "hostfile", hostfile="hosts")
    assert found.level == "error" and words in found.found


def test_a_hostfile_that_is_not_there_is_named(about):
    assert "No such file" in about(hosts.hosts, "hostfile", hostfile="hosts").found


def test_what_starts_the_other_hosts_is_needed(cluster, machine, about):
    cluster("node1 slots=2", "node2 slots=2")
    (machine.bin / "pdsh").unlink()
    assert about(hosts.hosts, "pdsh", hostfile="hosts").remedy == "install pdsh on this host"
    assert (
        about(hosts.hosts, "hostfile", hostfile="hosts", launcher="torchrun").remedy == "LAUNCHER=deepspeed"
    )
    (machine.bin / "ssh").unlink()
    assert about(hosts.hosts, "ssh", hostfile="hosts").level == "error"


@pytest.mark.parametrize(
    ("knobs", "level", "words"),
    [
        ({"pretrain_batch_size_per_gpu": 4}, "ok", "accumulation 64"),
        ({"num_gpus": 4, "pretrain_batch_size_per_gpu": 4}, "ok", "accumulation 16"),
        ({"num_gpus": 4}, "ok", "auto per GPU × 4 of 256"),
        ({"num_gpus": 3}, "error", "auto per GPU × 3 of 256"),
        ({"num_gpus": 3, "launcher": "python"}, "ok", "auto per GPU × 1"),
        ({"pretrain_batch_size_per_gpu": 512}, "error", "divides 256"),
        ({"hostfile": "hosts"}, "error", "auto per GPU × 3 of 256"),
    ],
)
def test_the_global_batch_must_multiply_out(cluster, about, knobs, level, words):
    cluster("node1 slots=2", "node2 slots=1")
    found = about(hosts.batches, "pretrain batch", **knobs)
    assert found.level == level and words in found.line()
