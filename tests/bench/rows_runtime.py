"""Rows of the coroutine runtime, beside Go and Tokio measured in alternation with it.

Ours, and the floors the machine sets, come from runtime_micro; the peers are built from peers/. Each of
the three prints the median of a few runs in a fresh process; a row is the median of ROUNDS such turns,
or of one where a million tasks take a peer seconds.
Rows on one thread are CPU time, with two they are wall time and move with the machine.
"""
import json
import os
import statistics
import subprocess
from pathlib import Path

from rows import CannotMeasure, Row, measures

ROUNDS = 3
ONE_RUN_SECONDS = 60

# Measured together: each (name, unit, at most on one thread, on two; None: no target or no such row).
TOGETHER = (
    (("child call", "ns", 9, 9),),
    (("spawn and join, batches of 100", "ns", 33, 100),),
    (("spawn one, await it", "ns", 40, 120),),
    (("spawn 1M, then join all, a task", "ns", 60, 80),),
    (("fork-join fib, a fork", "ns", 35, 20),),
    (("skynet 1M", "ms", 25, 15),),
    (("yield, a switch", "ns", 8, 15),),
    (("rendezvous channel, a round trip", "ns", 50, 50),),
    (("rendezvous channel, a message", "ns", 45, 45),),
    (("buffered(128) channel, a message", "ns", 15, 15),),
    (("unbounded channel, a round trip", "ns", None, None),),
    (("unbounded channel, send and receive", "ns", None, None),),
    (("select over two", "ns", 35, 35),),
    (("mutex, two tasks", "ns", 5, 13),),
    (("bytes per parked task", "B", 200, 200), ("create 1M parked tasks", "s", 0.15, 0.15)),
    (("bytes per sleeping task", "B", 256, 256),),
    (("1M random sleeps over 1 s, CPU", "s", 0.8, 0.8), ("1M random sleeps over 1 s, wall", "s", 1.15, 1.15)),
    (("wake of a parked thread, p50", "µs", "floor + 3", "floor + 3"), ("wake of a parked thread, p99", "µs", None, None)),
    (("wake while a worker spins, p50", "µs", 1, 1),),
    (("blocking section, enter and leave", "ns", 30, 30),),
    (("live task count", "ns", 3, 3),),
    (("statistics snapshot", "µs", 5, 5),),
    (("dump of 1M parked tasks, total", "ms", 400, 400),
     ("dump of 1M parked tasks, longest pause of any task", "µs", 50, 50)),
    (("dump of 10k over HTTP", "ms", 8, 8),),
    (("max_procs 2 to 1 under load", "µs", None, 1000), ("max_procs 1 to 2 under load", "µs", None, 1000)),
)
ONE_ROUND = ("bytes per parked task", "bytes per sleeping task", "1M random sleeps over 1 s, CPU",
             "dump of 1M parked tasks, total")


def on(name, threads):
    return f"{name}, {threads} thread{'' if threads == 1 else 's'}"


def peer_programs(machine):
    """{peer: path} of those that were built."""
    found = {name: Path(machine.build, "tests/bench/peers", f"{name}_peer") for name in ("go", "tokio")}
    machine.missing.update(name for name, path in found.items() if not path.exists())
    return {name: str(path) for name, path in found.items() if path.exists()}


def output_of(command, **how):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ONE_RUN_SECONDS, **how)
    except subprocess.TimeoutExpired as error:
        raise CannotMeasure(f"{' '.join(command)} did not end within {ONE_RUN_SECONDS} s") from error
    if done.returncode:
        raise CannotMeasure(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def ours_once(machine, name, threads):
    """{row: (value, floor or None)}; empty when the row makes no sense with so few threads."""
    out = output_of([machine.program("runtime_micro"), "--json", "--processors", str(threads), name])
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["row"]: (line["ours"], line.get("floor")) for line in lines}


def peer_once(path, name, threads):
    """{row: value}; empty when the peer has nothing of the kind."""
    out = output_of([path, str(threads), name])
    return {on(row, threads): float(value) for row, value in (line.rsplit(" ", 1) for line in out.splitlines())}


def median(values):
    return float(f"{statistics.median(values):.4g}") if values else None


def target_of(target, floor):
    if not isinstance(target, str):
        return target
    return None if floor is None else floor + float(target.removeprefix("floor + "))


def rows_on(machine, metrics, threads):
    peers = peer_programs(machine)
    turns = []
    for _ in range(1 if metrics[0][0] in ONE_ROUND else ROUNDS):
        turn = {"": ours_once(machine, metrics[0][0], threads)}
        turn |= {peer: peer_once(path, metrics[0][0], threads) for peer, path in peers.items()}
        turns.append(turn)
    for name, unit, *targets in metrics:
        row = on(name, threads)
        ours = [turn[""][row][0] for turn in turns if row in turn[""]]
        if not ours:
            continue
        floor = median([turn[""][row][1] for turn in turns if turn[""][row][1] is not None])
        beside = {peer: median([turn[peer][row] for turn in turns if row in turn[peer]]) for peer in peers}
        beside = {peer: value for peer, value in beside.items() if value is not None}
        yield Row(row, unit, median(ours), beside, floor, target_of(targets[threads - 1], floor))


def register(metrics):
    names = [on(name, threads) for threads in (1, 2) for name, *_ in metrics]

    @measures("runtime", *names)
    def both(machine):
        for threads in (1, 2):
            yield from rows_on(machine, metrics, threads)


for _metrics in TOGETHER:
    register(_metrics)


ECHO = "TCP echo 64 B, {} connections: server CPU a request"
ECHO_SECONDS = 2
SERVER_CPU, LOAD_CPU = 0, 1


def echo_once(machine, server, connections):
    """µs of CPU time the server took for a request."""
    process = subprocess.Popen(server, stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CPU}))
    try:
        port = process.stdout.readline().strip()
        load = [machine.program("echo_load"), port, str(process.pid), str(connections), str(ECHO_SECONDS)]
        out = output_of(load, preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}))
    finally:
        process.kill()
        process.wait()
    requests, server_ns, _ = map(float, out.split())
    return server_ns / requests / 1e3


@measures("runtime", ECHO.format(64), ECHO.format(512))
def echo(machine):
    if len(os.sched_getaffinity(0)) < 2:
        raise CannotMeasure("the echo server and its client need a CPU each")
    servers = {"ours": [machine.program("echo_server")], "floor": [machine.program("echo_epoll")]}
    servers |= {peer: [path, "echo"] for peer, path in peer_programs(machine).items()}
    for connections in (64, 512):
        turns = [{name: echo_once(machine, server, connections) for name, server in servers.items()}
                 for _ in range(ROUNDS)]
        values = {name: median([turn[name] for turn in turns]) for name in servers}
        ours, floor = values.pop("ours"), values.pop("floor")
        yield Row(ECHO.format(connections), "µs", ours, values, floor, 1.05 * floor)
