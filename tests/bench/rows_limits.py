"""Rows of the container's limits: what it costs to find and to follow them, and how soon a change counts.

Beside us a small Go program that does what Go 1.25's runtime does (the own group's CPU limit, once a
second; Debian's Go follows nothing), and a JVM that asks for its processors each millisecond. Changes
are real: each program runs in a cgroup of its own whose quota is rewritten. Needs root and a writable
cpu controller.
"""
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from rows import CannotMeasure, Row, measures

PERIOD_US = 100_000


class Group:
    """A cgroup with a CPU limit and, where the hierarchy has it, a memory limit; gone after the with block."""

    ROOTS = {"cpu": "/sys/fs/cgroup/cpu", "memory": "/sys/fs/cgroup/memory"}

    def __init__(self, name):
        self.v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
        roots = {c: "/sys/fs/cgroup" for c in self.ROOTS} if self.v2 else self.ROOTS
        self.paths = {c: Path(root, f"pilotfish-bench-{os.getpid()}-{name}") for c, root in roots.items()}

    def __enter__(self):
        try:
            for path in set(self.paths.values()):
                path.mkdir()
        except OSError as error:
            raise CannotMeasure(f"no cgroup of our own: {error}") from error
        return self

    def __exit__(self, *_):
        for path in set(self.paths.values()):
            for _ in range(100):
                with contextlib.suppress(OSError):
                    path.rmdir()
                    break
                time.sleep(0.01)

    def enter(self):
        for path in set(self.paths.values()):
            Path(path, "cgroup.procs").write_text("0")

    def set_cpus(self, cpus):
        quota = int(cpus * PERIOD_US)
        if self.v2:
            Path(self.paths["cpu"], "cpu.max").write_text(f"{quota} {PERIOD_US}")
        else:
            Path(self.paths["cpu"], "cpu.cfs_quota_us").write_text(str(quota))

    def set_memory(self, size):
        Path(self.paths["memory"], "memory.max" if self.v2 else "memory.limit_in_bytes").write_text(str(size))

    def throttling(self):
        """(periods, throttled periods) until now."""
        fields = dict(line.split() for line in Path(self.paths["cpu"], "cpu.stat").read_text().splitlines())
        return int(fields["nr_periods"]), int(fields["nr_throttled"])


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Daemon:
    """A pilotfish in the group, asked over its admin plane."""

    def __init__(self, machine, group, command=("run",), **settings):
        self.directory = tempfile.TemporaryDirectory()
        self.address = f"{self.directory.name}/admin"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PILOTFISH_")}
        environment |= {"PILOTFISH_ADMIN_LISTEN": f"unix:{self.address}"} | settings
        self.process = subprocess.Popen([machine.pilotfish, *command], env=environment, preexec_fn=group.enter,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def __enter__(self):
        deadline = time.monotonic() + 20
        while not Path(self.address).exists():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise CannotMeasure("pilotfish did not start")
            time.sleep(0.01)
        self.connection = UnixConnection(self.address)
        time.sleep(0.5)  # its watches are made 200 ms after the start
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.directory.cleanup()

    def ask(self, path):
        self.connection.request("GET", path)
        return json.loads(self.connection.getresponse().read())

    def wait_ms(self, change, path, value_of, wanted):
        start = time.monotonic_ns()
        change()
        while value_of(self.ask(path)) != wanted:
            if time.monotonic_ns() - start > 10e9:
                raise CannotMeasure(f"{path} never said {wanted}")
        return (time.monotonic_ns() - start) / 1e6


def peers_commands(machine):
    build = Path(machine.build, "tests/bench/peers")
    found = {}
    if (build / "go_peer").exists():
        found["go"] = [str(build / "go_peer")]
    else:
        machine.missing.add("go")
    if (build / "java/Limits.class").exists() and machine.peer("jvm", "java"):
        found["jvm"] = ["java", "-XX:+UseSerialGC", "-cp", str(build / "java"), "Limits"]
    else:
        machine.missing.add("jvm")
    return found


DISCOVERY, TICK = "full discovery", "tick, nothing changed"


@measures("limits", DISCOVERY, TICK)
def reading(machine):
    out = subprocess.run([machine.program("limits_micro")], check=True, capture_output=True, text=True).stdout
    rows = [Row(**json.loads(line)) for line in out.splitlines()]
    for name, command in peers_commands(machine).items():
        out = subprocess.run([*command, "limits"], check=True, capture_output=True, text=True).stdout
        figures = {word: round(float(value), 2) for word, value in map(str.split, out.splitlines())}
        for row, word in zip(rows, ("discovery", "tick")):
            if word in figures:
                row.peers[name] = figures[word]
    yield from rows


def peer_reactions(command, group, changes):
    """ms from each change of the quota until the peer said so."""
    peer = subprocess.Popen([*command, "follow"], preexec_fn=group.enter, stdout=subprocess.PIPE, text=True)
    try:
        peer.stdout.readline()  # what it starts with
        took = {}
        for name, cpus in changes:
            time.sleep(0.37)  # no multiple of its interval
            start = time.monotonic_ns()
            group.set_cpus(cpus)
            took.setdefault(name, []).append((int(peer.stdout.readline().split()[1]) - start) / 1e6)
        return took
    finally:
        peer.kill()
        peer.wait()


GROWTH = "change of quota until processors follow, growth"
SHRINK = "change of quota until processors follow, shrink"
MEMORY = "change of the memory limit until the soft limit follows, shrink"
MIB = 1 << 20


@measures("limits", GROWTH, SHRINK, MEMORY)
def reaction(machine):
    if os.cpu_count() < 2:
        raise CannotMeasure("with one processor nothing can grow")
    rounds = 10
    changes = [(GROWTH, 2), (SHRINK, 1)] * rounds
    found = {}
    with Group("reaction") as group:
        group.set_cpus(1)
        group.set_memory(1024 * MIB)
        with Daemon(machine, group) as daemon:
            ours = {}
            for number, (name, cpus) in enumerate(changes):
                time.sleep(0.37)
                ours.setdefault(name, []).append(daemon.wait_ms(
                    lambda: group.set_cpus(cpus), "/v1/limits", lambda answer: answer["cpu"]["maxprocs"], cpus))
                limit = (1023 - number) * MIB
                took = daemon.wait_ms(lambda: group.set_memory(limit), "/v1/limits",
                                      lambda answer: answer["memory"]["limit_bytes"], limit)
                ours.setdefault(MEMORY, []).append(took)
        for peer, command in peers_commands(machine).items():
            group.set_cpus(1)
            found[peer] = peer_reactions(command, group, changes)
    targets = {GROWTH: 10, SHRINK: 110, MEMORY: 10}
    for name, took in ours.items():
        beside = {peer: round(statistics.median(times[name]), 1) for peer, times in found.items() if name in times}
        yield Row(name, "ms", round(statistics.median(took), 2), beside, None, targets[name])


def cpu_us(pid):
    """CPU time of all its threads, in µs."""
    files = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1000


FOLLOWING = "following at 1 Hz, CPU a second"


@measures("limits", FOLLOWING)
def following(machine):
    def a_second(pid):
        before = cpu_us(pid)
        time.sleep(10)
        return round((cpu_us(pid) - before) / 10, 1)

    with Group("following") as group:
        group.set_cpus(1)
        with Daemon(machine, group) as daemon:
            ours = a_second(daemon.process.pid)
        beside = {}
        if "go" in (commands := peers_commands(machine)):
            peer = subprocess.Popen([*commands["go"], "follow"], preexec_fn=group.enter, stdout=subprocess.PIPE)
            try:
                peer.stdout.readline()
                time.sleep(0.5)
                beside["go"] = a_second(peer.pid)
            finally:
                peer.kill()
                peer.wait()
    yield Row(FOLLOWING, "µs", ours, beside)


THROTTLED = "throttled periods of a CPU-bound worker after its quota went from 2 to 1.3 CPUs"


@measures("limits", THROTTLED)
def throttling(machine):
    """The worker has a thread a processor. Who hands it new ones restarts it; beside it, who does not."""
    if os.cpu_count() < 2:
        raise CannotMeasure("with one processor two threads cannot be throttled at 1.3")

    def share(group):
        before = group.throttling()
        time.sleep(5)
        periods, throttled = (after - then for after, then in zip(group.throttling(), before))
        return round(100 * throttled / max(periods, 1), 1)

    worker = machine.program("spinners")
    found = {}
    for name, reaction in (("ours", "restart"), ("no ON_RESIZE", "none")):
        with Group("throttling") as group:
            group.set_cpus(2)
            with Daemon(machine, group, ("run", "--", worker), PILOTFISH_MAXPROCS_ROUNDING="floor",
                        PILOTFISH_WORKER_MAIN_RESTART="always", PILOTFISH_WORKER_MAIN_ON_RESIZE=reaction):
                group.set_cpus(1.3)
                time.sleep(3)  # one second of quiet, then the event
                found[name] = share(group)
    tini = machine.peer("tini")
    if tini:
        with Group("throttling") as group:
            group.set_cpus(2)
            peer = subprocess.Popen([tini, "--", worker], preexec_fn=group.enter, stdout=subprocess.PIPE, text=True)
            peer.stdout.readline()
            group.set_cpus(1.3)
            time.sleep(3)
            found["tini"] = share(group)
            peer.kill()
            peer.wait()
    yield Row(THROTTLED, "%", found.pop("ours"), found)
