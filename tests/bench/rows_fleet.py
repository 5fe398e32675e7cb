"""Rows of many workers: how they come up, idle, crash and go, beside the supervisors that have many."""
import contextlib
import os
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from rows import CannotMeasure, Row, measures

PATIENCE_S = 60
SUPERVISORS = ("s6", "runit", "supervisord")


def pilotfish(machine, folder, workers, settings):
    env = {"PILOTFISH_ADMIN_LISTEN": "127.0.0.1:0", "PILOTFISH_WORKERS": ",".join(workers)}
    for name, program in workers.items():
        prefix = f"PILOTFISH_WORKER_{name.upper()}"
        env |= {f"{prefix}_COMMAND": program, f"{prefix}_STOP_TIMEOUT": "2s"}
        env |= {f"{prefix}_{key}": value for key, value in settings.get("each", {}).items()}
    return [machine.pilotfish, "run"], env | settings.get("all", {}), signal.SIGTERM


def s6(machine, folder, workers, settings):
    for name, program in workers.items():
        (folder / name).mkdir()
        (folder / name / "run").symlink_to(program)
        (folder / name / "timeout-kill").write_text("2000\n")
    return [machine.peer("s6", "s6-svscan"), "-c", "4000", str(folder)], {}, signal.SIGTERM


def runit(machine, folder, workers, settings):
    for name, program in workers.items():
        (folder / name).mkdir()
        (folder / name / "run").symlink_to(program)
    return [machine.peer("runit", "runsvdir"), str(folder)], {}, signal.SIGHUP


def supervisord(machine, folder, workers, settings):
    text = "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\nminfds=4096\n" \
           f"pidfile={folder}/pid\nuser=root\n"
    for name, program in workers.items():
        text += f"[program:{name}]\ncommand={program}\nautorestart=true\nstartsecs=0\nstopwaitsecs=2\n" \
                "stdout_logfile=NONE\nstderr_logfile=NONE\n"
    (folder / "supervisord.conf").write_text(text)
    return [machine.peer("supervisord"), "-n", "-c", f"{folder}/supervisord.conf"], {}, signal.SIGTERM


KINDS = {"pilotfish": pilotfish, "s6": s6, "runit": runit, "supervisord": supervisord}
PROGRAMS = {"s6": "s6-svscan", "runit": "runsvdir", "supervisord": "supervisord"}


def those_here(machine, *names):
    return [name for name in names if machine.peer(name, PROGRAMS[name])]


def processes_below(root):
    """Every process of the tree, the root too."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, open_ends = [], [root]
    while open_ends:
        pid = open_ends.pop()
        found.append(pid)
        open_ends += children.get(pid, [])
    return found


class Fleet:
    """A supervisor of `count` workers, `deaf` of them deaf, as long as the with block lasts."""

    def __init__(self, machine, kind, count, deaf=0, wait_for=None, env=None, **settings):
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-"))
        self.kind, self.count, self.wait_for = kind, count, count if wait_for is None else wait_for
        for name in ("announce", "deaf"):
            shutil.copy(machine.program("announce"), self.folder / name)
        workers = {f"w{i}": str(self.folder / ("deaf" if i < deaf else "announce")) for i in range(count)}
        services = self.folder / "services"
        services.mkdir()
        self.command, more, self.stop_signal = KINDS[kind](machine, services, workers, settings)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("PILOTFISH_")}
        self.env |= more | {"ANNOUNCE": str(self.folder / "fifo")} | (env or {})
        self.pids, self.pending, self.process = {}, b"", None

    def __enter__(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
        os.mkfifo(self.folder / "fifo")
        self.fifo = os.open(self.folder / "fifo", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        began = time.monotonic_ns()
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        try:
            last = began
            while len(self.pids) < self.wait_for:
                last = max(last, *(ns for _, pid, ns in self.news(PATIENCE_S)))
        except CannotMeasure:
            self.__exit__()
            raise
        self.up_ms = (last - began) / 1e6
        return self

    def news(self, patience_s):
        """[(word, pid, ns)] as soon as there are some."""
        if not select.select([self.fifo], [], [], patience_s)[0]:
            raise CannotMeasure(f"{self.kind}: {len(self.pids)} of {self.count} workers after {patience_s} s")
        *lines, self.pending = (self.pending + os.read(self.fifo, 65536)).split(b"\n")
        found = [(word.decode(), int(pid), int(ns)) for word, pid, ns in map(bytes.split, lines)]
        self.pids |= {pid: ns for word, pid, ns in found if word == "up"}
        return found

    def next_up(self, patience_s=10):
        while not (ups := [(pid, ns) for word, pid, ns in self.news(patience_s) if word == "up"]):
            pass
        return ups[0]

    def own_processes(self):
        return [pid for pid in processes_below(self.process.pid) if pid not in self.pids]

    def pss_kib(self):
        total = 0
        for pid in self.own_processes():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    total += int(line.split()[1]) if line.startswith("Pss:") else 0
        return total

    def cpu_ms(self, pids):
        total = 0
        for pid in pids:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    total += int((task / "schedstat").read_text().split()[0])
        return total / 1e6

    def wakeups(self, pids):
        total = 0
        for pid in pids:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    for line in (task / "status").read_text().splitlines():
                        total += int(line.split()[1]) if line.startswith("voluntary_ctxt_switches") else 0
        return total

    def stop_ms(self, patience_s=PATIENCE_S):
        """From the signal to the end of the supervisor and of every worker; None: some are left."""
        held = []
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                held.append(os.pidfd_open(pid))
        began = time.monotonic()
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(patience_s)
            for pidfd in held:
                left = max(0, began + patience_s - time.monotonic())
                if not select.select([pidfd], [], [], left)[0]:
                    return None
            return (time.monotonic() - began) * 1e3
        except subprocess.TimeoutExpired:
            return None
        finally:
            for pidfd in held:
                os.close(pidfd)

    def __exit__(self, *_):
        for pid in processes_below(self.process.pid) if self.process.poll() is None else []:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for entry in Path("/proc").iterdir():  # whom a supervisor left behind is known by its folder
            with contextlib.suppress(OSError, ValueError):
                places = os.readlink(entry / "exe"), os.readlink(entry / "cwd")
                if any(place.startswith(f"{self.folder}/") for place in places):
                    os.kill(int(entry.name), signal.SIGKILL)
        self.process.wait()
        os.close(self.fifo)
        shutil.rmtree(self.folder, ignore_errors=True)


def each(machine, kinds, count, measure, **options):
    """{kind: measure(fleet)}; what a peer cannot do is left out, what we cannot is not."""
    found = {}
    for kind in kinds:
        try:
            with Fleet(machine, kind, count, **options) as fleet:
                value = measure(fleet)
        except CannotMeasure:
            if kind == "pilotfish":
                raise
            continue
        if value is not None:
            found[kind] = value
        elif kind == "pilotfish":
            raise CannotMeasure(f"{fleet.command[0]}: workers were left at the end")
    return found


def medians(rounds):
    """[{name: value}] to {name: median}."""
    found = {}
    for values in rounds:
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {name: sorted(values)[len(values) // 2] for name, values in found.items()}


UP, UP_CPU, GONE = "1000 workers up", "1000 workers up, CPU", "1000 workers gone after SIGTERM"


@measures("supervisor", UP, UP_CPU, GONE)
def thousand(machine):
    def figures(fleet):
        cpu = fleet.cpu_ms(processes_below(fleet.process.pid))
        return (fleet.up_ms, cpu, fleet.stop_ms())

    kinds = ["pilotfish", *those_here(machine, "s6", "supervisord")]
    rounds = [each(machine, kinds, 1000, figures) for _ in range(3)]
    # What s6 took where the targets were written, and takes here, carries them over.
    for column, (name, target, s6_there) in enumerate(((UP, 450, 912), (UP_CPU, 650, 1613), (GONE, 45, 361))):
        values = medians([{kind: round(f[column], 1) for kind, f in one.items() if f[column] is not None}
                          for one in rounds])
        scale = (s6_there, values["s6"]) if "s6" in values else None
        yield Row(name, "ms", values.pop("pilotfish", None), values, None, target, scale)


PSS = "memory, PSS KiB with {} idle workers"
PSS_TARGETS = {1: 4000, 100: 5000, 1000: 8000}


@measures("supervisor", *(PSS.format(count) for count in PSS_TARGETS))
def memory(machine):
    def settled(fleet):
        time.sleep(1)  # what is done once after the start belongs to the start
        return fleet.pss_kib()

    for count, target in PSS_TARGETS.items():
        kinds = ["pilotfish", *those_here(machine, "s6", "supervisord", *(["runit"] if count < 1000 else []))]
        found = each(machine, kinds, count, settled)
        if count == 1:
            found |= memory_of_inits(machine)
        yield Row(PSS.format(count), "KiB", found.pop("pilotfish"), found, None, target)


def memory_of_inits(machine):
    from rows_supervisor import INITS, Idle, init_command
    found = {}
    for name, path in machine.peers(*INITS).items():
        peer = Idle(machine, 1)
        peer.command = [*init_command(name, path), machine.program("sleeper")]
        with peer:
            found[name] = peer.pss_kib()
    return found


IDLE = {"by default": ({}, 10, 1), "with the tick off": ({"PILOTFISH_LIMITS_INTERVAL": "0"}, 0, 0)}
WAKE, CPU = "wake-ups in 10 s, 1000 idle workers, {}", "CPU ms in 10 s, 1000 idle workers, {}"


@measures("supervisor", *(name.format(how) for how in IDLE for name in (WAKE, CPU)))
def idle(machine):
    def figures(fleet):
        time.sleep(2)
        own = fleet.own_processes()
        before = fleet.wakeups(own), fleet.cpu_ms(own)
        time.sleep(10)
        return fleet.wakeups(own) - before[0], round(fleet.cpu_ms(own) - before[1], 2)

    for how, (settings, wakeups, cpu) in IDLE.items():
        # The peers have no tick to turn off: once is enough.
        kinds = ["pilotfish", *(those_here(machine, "s6", "supervisord") if not settings else [])]
        found = each(machine, kinds, 1000, figures, all=settings)
        for column, (name, target) in enumerate(((WAKE, wakeups), (CPU, cpu + 0.5))):
            values = {kind: f[column] for kind, f in found.items()}
            yield Row(name.format(how), "wake-ups" if column == 0 else "ms", values.pop("pilotfish"), values, 0,
                      target)


CRASH = "crash to next exec, p50"


@measures("supervisor", CRASH)
def crash(machine):
    def median_us(rounds):
        def measure(fleet):
            times, (pid,) = [], fleet.pids
            for _ in range(rounds):
                time.sleep(0.01)  # it sleeps by now, and so does its supervisor
                killed = time.monotonic_ns()
                # Not SIGKILL: after that one we look for the kernel's OOM killer, up to 20 ms.
                os.kill(pid, signal.SIGUSR1)
                pid, ns = fleet.next_up()
                times.append((ns - killed) / 1e3)
            return round(sorted(times)[rounds // 2], 1)
        return measure

    at_once = {"RESTART_DELAY": "0", "RESTART_MAX_DELAY": "0"}
    found = each(machine, ["pilotfish"], 1, median_us(200), each=at_once)
    # These wait up to a second before each restart.
    found |= each(machine, those_here(machine, *SUPERVISORS), 1, median_us(5))
    yield Row(CRASH, "µs", found.pop("pilotfish"), found, None, 1100)


RESTARTS = "restarts a second, one worker, no delay"


@measures("supervisor", RESTARTS)
def restarts(machine):
    def rate(fleet):
        seconds, count = 4, 0
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with contextlib.suppress(CannotMeasure):
                count += len(fleet.news(left))
        return round(count / seconds, 1)

    at_once = {"RESTART_DELAY": "0", "RESTART_MAX_DELAY": "0"}
    found = each(machine, ["pilotfish", *those_here(machine, *SUPERVISORS)], 1, rate, each=at_once,
                 env={"ANNOUNCE_AND": "exit"})
    yield Row(RESTARTS, "1/s", found.pop("pilotfish"), found, None, 1800, None, True)


SERVICE_TERM = "SIGTERM to a service's handler, {}"


@measures("supervisor", SERVICE_TERM.format("p50"), SERVICE_TERM.format("p99"))
def service_term(machine):
    def once(fleet):
        time.sleep(0.05)  # start-up work beside the worker is over
        sent = time.monotonic_ns()
        fleet.process.send_signal(fleet.stop_signal)
        while not (heard := [ns for word, _, ns in fleet.news(10) if word == "term"]):
            pass
        return (heard[0] - sent) / 1e3

    times = {}
    for kind, rounds in (("pilotfish", 200), *((name, 20) for name in those_here(machine, *SUPERVISORS))):
        for _ in range(rounds):
            for name, value in each(machine, [kind], 1, once).items():
                times.setdefault(name, []).append(value)
    for how, part, target in (("p50", 0.5, 150), ("p99", 0.99, 300)):
        values = {name: round(sorted(v)[int(len(v) * part)], 1) for name, v in times.items()}
        yield Row(SERVICE_TERM.format(how), "µs", values.pop("pilotfish"), values, None, target)


DEAF = "stop of 200 workers, 20 deaf, stop timeout 2 s"


@measures("supervisor", DEAF)
def deaf(machine):
    found = each(machine, ["pilotfish", *those_here(machine, *SUPERVISORS)], 200, lambda fleet: fleet.stop_ms(50),
                 deaf=20)
    values = {name: round(ms / 1e3, 3) for name, ms in found.items()}
    yield Row(DEAF, "s", values.pop("pilotfish"), values, None, 2.1)
