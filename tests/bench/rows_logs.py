"""Rows of the log path: what a worker's lines cost on their way through us, beside cat, s6-log and supervisord."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

from rows import CannotMeasure, Row, measures

# What of it: line, write, bytes of a run.
SHAPES = {
    "64 B per write": (64, 64, 100_000_000),
    "64 B in 64-KiB writes": (64, 65536, 600_000_000),
    "1 KiB per write": (1024, 1024, 600_000_000),
    "1 KiB in 64-KiB writes": (1024, 65536, 600_000_000),
}
MODES = ("tee", "prefix", "json")
ROUNDS = 3
SPEED, CPU = "log path, MB/s: {}, {}", "log path, CPU s per GB: {}, {}"


class Way:
    """One run: writer, something between, reader. speed in MB/s, cpu in s per GB of what is between."""

    def __init__(self, machine, shape, folder):
        self.program = machine.program("log_path")
        line, size, self.total = SHAPES[shape]
        size -= size % line
        self.total -= self.total % size
        self.report = str(Path(folder) / "report")
        self.writer = [self.program, "write", str(line), str(size), str(self.total), self.report]
        self.folder = folder

    def run(self, command, env=None, pipes_in=False, ends=True, whole=True):
        """pipes_in: the command reads from the writer, else it starts it; ends: it ends with the writer;
        whole: as many bytes come out as went in, at least."""
        Path(self.report).unlink(missing_ok=True)
        out_read, out_write = os.pipe()
        drain = subprocess.Popen([self.program, "drain", "0" if ends else str(self.total)], stdin=out_read,
                                 stdout=subprocess.PIPE, text=True)
        os.close(out_read)
        writer = None
        source = subprocess.DEVNULL
        if pipes_in:
            writer = subprocess.Popen(self.writer, stdout=subprocess.PIPE)
            source = writer.stdout
        middle = subprocess.Popen(command, stdin=source, stdout=out_write, stderr=subprocess.DEVNULL, env=env)
        os.close(out_write)
        if writer:
            writer.stdout.close()
        try:
            got, end_ns = map(int, drain.communicate(timeout=120)[0].split())
        finally:
            if not ends:
                middle.terminate()
        _, _, used = os.wait4(middle.pid, 0)
        middle.returncode = 0
        if writer:
            writer.wait()
        start_ns, writer_cpu_ns = map(int, Path(self.report).read_text().split())
        if whole and got < self.total:
            raise CannotMeasure(f"{command[0]} passed on {got} of {self.total} bytes")
        # The time of children that were waited for is in it; a writer of our own is not ours.
        cpu = used.ru_utime + used.ru_stime - (0 if pipes_in else writer_cpu_ns / 1e9)
        return self.total / 1e6 / ((end_ns - start_ns) / 1e9), cpu / (self.total / 1e9)


def bare_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("PILOTFISH_")}


def pilotfish(machine, path, mode):
    env = bare_environment() | {"PILOTFISH_ADMIN_LISTEN": "off", "PILOTFISH_WORKERS": "w",
                                "PILOTFISH_WORKER_W_COMMAND": json.dumps(path.writer),
                                "PILOTFISH_WORKER_W_LOG": mode, "PILOTFISH_WORKER_W_RESTART": "never"}
    return path.run([machine.pilotfish, "run"], env)


def supervisord(path, program):
    config = Path(path.folder) / "supervisord.conf"
    config.write_text("[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\n"
                      f"pidfile={path.folder}/pid\nuser=root\n[program:w]\ncommand={' '.join(path.writer)}\n"
                      "autorestart=false\nstartsecs=0\nstdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\n")
    return path.run([program, "-c", str(config)], ends=False)


@measures("supervisor", *(name.format(shape, mode) for shape in SHAPES for mode in MODES + ("inherit",)
                          for name in (SPEED, CPU)))
def log_path(machine):
    for shape in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            path = Way(machine, shape, folder)
            ways = {"cat": lambda: path.run(["cat"], pipes_in=True)}
            if s6 := machine.peer("s6-log"):
                ways["s6-log"] = lambda: path.run([s6, "1"], pipes_in=True)
            if python := machine.peer("supervisord"):
                ways["supervisord"] = lambda: supervisord(path, python)
            for mode in MODES + ("inherit",):
                ways[mode] = lambda mode=mode: pilotfish(machine, path, mode)
            found = {way: [] for way in ways}
            for _ in range(ROUNDS):  # in turn, so that a busy moment hits all of them
                for way, measure in ways.items():
                    found[way].append(measure())
        middle = {way: [sorted(column)[ROUNDS // 2] for column in zip(*runs)] for way, runs in found.items()}
        peers = {way: values for way, values in middle.items() if way not in MODES + ("inherit",)}
        batched = shape == "64 B in 64-KiB writes"
        for mode in MODES + ("inherit",):
            speed, cpu = middle[mode]
            # Raw beside cat; formatted lines have a figure of their own, where a write is a batch.
            target = round(0.9 * middle["cat"][0]) if mode == "tee" else 400 if mode in MODES and batched else None
            yield Row(SPEED.format(shape, mode), "MB/s", round(speed),
                      {way: round(values[0]) for way, values in peers.items()}, None, target, higher_is_better=True)
            yield Row(CPU.format(shape, mode), "s", round(cpu, 2),
                      {way: round(values[1], 2) for way, values in peers.items()}, None,
                      2.5 if mode in ("prefix", "json") and batched else None)
