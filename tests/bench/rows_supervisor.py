"""Rows of the supervisor: what pilotfish costs as an entrypoint, beside the small inits."""
import os
import signal
import subprocess
import time
from pathlib import Path

from rows import CannotMeasure, Row, measures

INITS = ("tini", "tini-static", "dumb-init", "catatonit")
STAMP_FD = "9"


def init_command(name, path):
    return [path] if name == "dumb-init" else [path, "--"]


def race(machine, rounds, worker, pid1):
    """{init: (wall, cpu, stamp)} in µs over the worker started bare; also the bare worker's own."""
    inits = {"floor": [machine.program("floor")], "pilotfish": [machine.pilotfish, "--"]}
    inits |= {name: init_command(name, path) for name, path in machine.peers(*INITS).items()}
    command = [machine.program("race")] + (["--pid1"] if pid1 else []) + [str(rounds), "---", "bare", *worker]
    for name, init in inits.items():
        command += ["---", name, *init, *worker]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    medians = {name: [int(ns) / 1000 for ns in values] for name, *values in map(str.split, out.splitlines())}
    bare = medians.pop("bare")
    return {name: [value - base for value, base in zip(values, bare)] for name, values in medians.items()}


def start_rows(machine, pid1, prefix, tini_there):
    wall = race(machine, 1000, ["/bin/true"], pid1)
    stamp = race(machine, 1000, [machine.program("stamp"), STAMP_FD], pid1)

    def row(name, table, column, target):
        values = {init: round(values[column], 1) for init, values in table.items()}
        ours, floor = values.pop("pilotfish"), values.pop("floor")
        scale = (tini_there, wall["tini"][0]) if "tini" in wall else None
        return Row(f"{prefix}: {name}", "µs", ours, values, floor, target, scale)

    yield row("in all", wall, 0, 1300)
    yield row("user+system", wall, 1, None)
    yield row("until the worker's exec", stamp, 2, tini_there)


START = "start: µs over bare /bin/true"
START_PID1 = "the same as PID 1 in a new namespace"
PARTS = ("in all", "user+system", "until the worker's exec")


@measures("supervisor", *(f"{START}: {part}" for part in PARTS))
def start(machine):
    yield from start_rows(machine, False, START, 860)


@measures("supervisor", *(f"{START_PID1}: {part}" for part in PARTS))
def start_as_pid1(machine):
    yield from start_rows(machine, True, START_PID1, 874)


class Idle:
    """A pilotfish with idle workers, as long as the with block lasts."""

    def __init__(self, machine, workers, **settings):
        sleeper = [machine.program("sleeper")]
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("PILOTFISH_")}
        self.env |= {"PILOTFISH_ADMIN_LISTEN": "127.0.0.1:0"} | settings
        if workers == 1:
            self.command = [machine.pilotfish, "--", *sleeper]
        else:
            names = [f"w{i}" for i in range(workers)]
            self.env["PILOTFISH_WORKERS"] = ",".join(names)
            self.env |= {f"PILOTFISH_WORKER_{name.upper()}_COMMAND": sleeper[0] for name in names}
            self.command = [machine.pilotfish, "run"]
        self.workers = workers

    def __enter__(self):
        self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        try:
            while self._sleepers() < self.workers:
                if self.process.poll() is not None:
                    raise CannotMeasure(f"{' '.join(self.command)} ended with {self.process.returncode}")
                if time.monotonic() > deadline:
                    raise CannotMeasure(f"{self._sleepers()} of {self.workers} workers run after 60 s")
                time.sleep(0.05)
        except CannotMeasure:
            self.__exit__()
            raise
        time.sleep(1)  # what is done once after the start belongs to the start
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _sleepers(self):
        count = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                for pid in (task / "children").read_text().split():
                    count += Path(f"/proc/{pid}/comm").read_text() == "sleeper\n"
            except FileNotFoundError:
                pass
        return count

    def pss_kib(self):
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
        raise CannotMeasure("smaps_rollup has no Pss line")

    def wakeups_and_cpu_ms(self):
        """Voluntary context switches and time on a processor, of all threads, since the start."""
        switches, cpu_ns = 0, 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            cpu_ns += int((task / "schedstat").read_text().split()[0])
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    switches += int(line.split()[1])
        return switches, cpu_ns / 1e6


IDLE = {"by default": ({}, 10, 1), "with the tick off": ({"PILOTFISH_LIMITS_INTERVAL": "0"}, 0, 0)}
WAKE, CPU = "wake-ups in 10 s, 1 idle worker, {}", "CPU ms in 10 s, 1 idle worker, {}"


@measures("supervisor", *(name.format(how) for how in IDLE for name in (WAKE, CPU)))
def idle_cost(machine):
    for how, (settings, wakeups_target, cpu_target) in IDLE.items():
        with Idle(machine, 1, **settings) as idle:
            before = idle.wakeups_and_cpu_ms()
            time.sleep(10)
            after = idle.wakeups_and_cpu_ms()
        yield Row(WAKE.format(how), "wake-ups", after[0] - before[0], {}, 0, wakeups_target)
        # The figures of targets are whole milliseconds: less than half a one is none.
        yield Row(CPU.format(how), "ms", round(after[1] - before[1], 2), {}, 0, cpu_target + 0.5)


ORPHANS = {"burst": ("20,000 orphans as PID 1, burst: time until no zombie", 600, 3),
           "stream": ("20,000 orphans as PID 1, stream: drain after the last", 2, 3)}


@measures("supervisor", *(name for name, _, _ in ORPHANS.values()))
def orphans(machine):
    inits = {"pilotfish": [machine.pilotfish, "--"]}
    inits |= {name: init_command(name, path) for name, path in machine.peers(*INITS).items()}
    for kind, (name, target, rounds) in ORPHANS.items():
        times = {init: [] for init in inits}
        for _ in range(rounds):
            for init, command in inits.items():
                out = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *command,
                                      machine.program("orphans"), "20000", kind],
                                     check=True, capture_output=True, text=True, timeout=120).stdout
                times[init].append(int(out.split()[0]) / 1e6)
        medians = {init: round(sorted(values)[rounds // 2], 2) for init, values in times.items()}
        yield Row(name, "ms", medians.pop("pilotfish"), medians, None, target)


TERM = "SIGTERM to the worker's handler, {}"


@measures("supervisor", TERM.format("p50"), TERM.format("p99"))
def term_latency(machine):
    command = [machine.program("term_latency"), "500", "---", "floor", "---", "pilotfish", machine.pilotfish, "--"]
    for name, path in machine.peers("tini", "dumb-init").items():
        command += ["---", name, *init_command(name, path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {name: [int(ns) / 1000 for ns in values] for name, *values in map(str.split, out.splitlines())}
    for column, (name, target, tini_there) in enumerate((("p50", 40, 39), ("p99", 110, 102))):
        values = {init: round(times[column], 1) for init, times in found.items()}
        ours, floor = values.pop("pilotfish"), values.pop("floor")
        scale = (tini_there, values["tini"]) if "tini" in values else None
        yield Row(TERM.format(name), "µs", ours, values, floor, target, scale)


WINDOW = "window before main in which SIGTERM still kills, {}"


@measures("supervisor", WINDOW.format("p50"), WINDOW.format("longest"))
def signal_window(machine):
    worker = machine.program("sleeper")
    inits = {"pilotfish": [machine.pilotfish, "--", worker]}
    inits |= {name: [*init_command(name, path), worker] for name, path in machine.peers(*INITS).items()}
    found = {}
    for name, command in inits.items():
        out = subprocess.run([machine.program("signal_window"), "300", "2000", *command],
                             check=True, capture_output=True, text=True).stdout
        found[name] = [float(word) for word in out.split()]
    for column, how in enumerate(("p50", "longest")):
        values = {name: values[column] for name, values in found.items()}
        yield Row(WINDOW.format(how), "µs", values.pop("pilotfish"), values, None, None)


@measures("supervisor", "size: program + libraries it loads (TLS apart)", "size: the program, stripped")
def size(machine):
    def total_mb(program):
        total = Path(program).stat().st_size
        out = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        for word in out.split():
            if word.startswith("/"):
                total += Path(word).stat().st_size
        return round(total / 1e6, 2)

    stripped = machine.build / "pilotfish.stripped"
    subprocess.run(["strip", "-o", stripped, machine.pilotfish], check=True)
    own = round(stripped.stat().st_size / 1e6, 2)
    peers = {name: total_mb(path) for name, path in machine.peers(*INITS).items()}
    # The target is the program's own: libc is in the image already, and nothing else may be loaded.
    yield Row("size: program + libraries it loads (TLS apart)", "MB", total_mb(str(stripped)), peers,
              total_mb(machine.program("floor")), None)
    yield Row("size: the program, stripped", "MB", own, {}, None, 6)
