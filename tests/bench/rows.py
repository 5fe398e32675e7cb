"""The registry of benchmark rows.

A row is one line of the table in `tests/bench/run`, named in the words of the project's targets. To add
some, either
  - write a function here or in a rows_*.py beside it, under @measures("GROUP", "row name", ...), that
    takes a Machine and yields a Row for each name; or
  - write NAME.cpp in this folder that prints one JSON object a line,
      {"row": ..., "unit": ..., "ours": ..., "peers": {...}, "floor": ..., "target": ...}
    (the last three may be absent) and list it in PROGRAMS.
"""
import dataclasses
import importlib
import json
import shutil
import subprocess
from pathlib import Path

GROUPS = ("runtime", "limits", "supervisor", "diagnostics", "admin")

# Programs that print their own rows, by group.
PROGRAMS = {
    "diagnostics": [],
    "admin": ["admin_load"],
}


class CannotMeasure(Exception):
    """Something a row needs is not there; the sentence says what."""


@dataclasses.dataclass
class Row:
    row: str
    unit: str
    ours: float
    peers: dict = dataclasses.field(default_factory=dict)
    floor: float = None
    target: float = None
    # A target in time was written on one machine: (what it measured for a peer there, what we
    # measure for that peer here) carries it over to this one.
    scale: tuple = None
    higher_is_better: bool = False

    def as_json(self):
        target = self.target
        if target is not None and self.scale and all(self.scale):
            target = target * self.scale[1] / self.scale[0]
        met = None
        if target is not None and self.ours is not None:
            met = self.ours >= target if self.higher_is_better else self.ours <= target
        return {"row": self.row, "unit": self.unit, "ours": self.ours, "peers": self.peers, "floor": self.floor,
                "target": target, "met": met}


class Machine:
    """What there is to measure with: our binary, the benchmark programs, the peers installed."""

    def __init__(self, build):
        self.build = Path(build)
        self.missing = set()

    @property
    def pilotfish(self):
        return self._existing(self.build / "pilotfish")

    def program(self, name):
        return self._existing(self.build / "tests" / "bench" / name)

    def peer(self, name, command=None):
        """The path of a peer's program, or None after noting that it is missing."""
        found = shutil.which(command or name)
        if not found:
            self.missing.add(name)
        return found

    def peers(self, *names):
        return {name: path for name in names if (path := self.peer(name))}

    @staticmethod
    def _existing(path):
        if not path.exists():
            raise CannotMeasure(f"no {path}: build it, or leave out --no-build")
        return str(path)


@dataclasses.dataclass
class Measurement:
    group: str
    names: tuple  # empty: a program, whose rows are known only once it ran
    run: callable
    program: str = ""

    @property
    def title(self):
        if not self.names:
            return self.program
        return self.names[0] if len(self.names) == 1 else f"{self.names[0]} (and {len(self.names) - 1} more)"


_measurements = []


def measures(group, *names):
    def register(function):
        _measurements.append(Measurement(group, names, function))
        return function
    return register


def is_wanted(group, name, wanted):
    return not wanted or group in wanted or any(word.lower() in name.lower() for word in wanted)


def is_known(word):
    return word in GROUPS or any(is_wanted("", name, [word]) for m in _measurements for name in m.names)


def chosen(group, wanted):
    """The measurements to run; a program too when a word may name one of its rows."""
    open_words = [word for word in wanted if not is_known(word)]
    return [m for m in _measurements if m.group == group and
            (any(is_wanted(group, name, wanted) for name in m.names) or
             not m.names and (is_wanted(group, m.program, wanted) or open_words))]


def _rows_of_program(name):
    def run(machine):
        out = subprocess.run([machine.program(name)], check=True, capture_output=True, text=True).stdout
        for line in out.splitlines():
            if line.startswith("{"):
                yield Row(**json.loads(line))
    return run


for _group, _programs in PROGRAMS.items():
    for _program in _programs:
        if (Path(__file__).parent / f"{_program}.cpp").exists():
            _measurements.append(Measurement(_group, (), _rows_of_program(_program), _program))
for _file in sorted(Path(__file__).parent.glob("rows_*.py")):
    importlib.import_module(_file.stem)
