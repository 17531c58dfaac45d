"""A sweep of no-op trials on our emulator, compared with Ray Tune, submitit, Hydra and Optuna.

    python bench/sweep.py [--json] [--rounds N] [--trials N] [--without PEER]...
    python bench/sweep.py --endurance N [--json]

A trial runs /bin/true and reports a number; two trials run at a time. Each measurement runs in its own process, in
turns: once with the requested number of trials and once with two, to compute the rate with and without start-up. A
trial is:

- ours: a Batch AI job of `harness run` on its own emulator: submitted over HTTPS, run under a supervisor in its own
  process group, its log and execution log listed and downloaded, its outcome written to disk, the job deleted;
- submitit 1.5.4: a Python process of the local executor, polled every 10 ms (its own wait is a second);
- Hydra 1.3 with the joblib launcher 1.2: a call in one of two worker processes;
- Ray Tune 2.60, reuse_actors: a call in one of two actors;
- Optuna 5, SQLite, random sampler: a call in one of two threads.

The peers are installed into a temporary environment; a peer that cannot be installed is left out, with a note. Since
pip compiles the peers on installation, our modules are compiled first, too, as they may not be in a new source tree.

--endurance runs N trials of ours only and reports, for each tenth of them, the rate, and the processor time and the
memory of the runner and of the emulator.
"""

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = {
    "submitit": ["submitit==1.5.4"],
    "hydra": ["hydra-core>=1.3,<1.4", "hydra-joblib-launcher==1.2.0"],
    "optuna": ["optuna==5.0.0"],
    "ray": ["ray[tune]==2.60.0"],
}
RUNNERS = ("ray", "submitit", "hydra")
AT_ONCE = 2
TIMEOUT = 900  # seconds for one measurement
SCENARIO = """\
scenario: sweep
resource_group: sweepgroup
share: {{name: sweepshare}}
cluster: {{name: cluster, nodes: {at_once}}}
job:
  name: job
  toolkit: customToolkit
  command: '/bin/true && echo score = {{n}}'
  stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare
sweep: {{grid: {{n: {{low: 0, high: {last}, step: 1}}}}}}
metrics: {{score: {{file: stdout.txt, pattern: 'score = ([0-9]+)'}}}}
expect: {{metrics: {{score: {{min: 0}}}}}}
"""
HYDRA_APP = """\
import subprocess
import hydra

@hydra.main(version_base=None, config_path=None)
def trial(config):
    subprocess.run(["/bin/true"], check=True)
    return config.n

trial()
"""


def start_ours(trials: int, directory: Path) -> subprocess.Popen[bytes]:
    (directory / "sweep.yaml").write_text(SCENARIO.format(at_once=AT_ONCE, last=trials - 1))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(directory)}
    command = [sys.executable, "-m", "harness", "run", "sweep.yaml", "--out", "out"]
    return subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.DEVNULL)


def run_ours(trials: int, directory: Path) -> None:
    assert start_ours(trials, directory).wait() == 0
    lines = (directory / "out" / "outcomes.jsonl").read_text().splitlines()
    assert [sorted(json.loads(line)["metrics"]) for line in lines] == [["score"]] * trials


def endure(trials: int) -> list[dict[str, float]]:
    """Run a long sweep of ours; returns the figures of each tenth.

    Unlike the rate, the processor time does not depend on other load of the machine.
    """
    tenths: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="bench-sweep-", ignore_cleanup_errors=True) as name:
        run = start_ours(trials, Path(name))
        outcomes, done, counted = Path(name, "out", "outcomes.jsonl"), 0, 0
        position, begin, spent = 0, time.perf_counter(), 0.0
        while run.poll() is None and len(tenths) < 10:
            time.sleep(0.2)
            if not outcomes.exists():
                continue
            with outcomes.open("rb") as stream:
                stream.seek(position)
                content = stream.read()
            position, done = position + len(content), done + content.count(b"\n")
            # The last tenth ends a little early, because the emulator must still be running.
            if done < min(trials * (len(tenths) + 1) // 10, trials - trials // 100):
                continue
            now, processes = time.perf_counter(), [run.pid, emulator_of(run.pid)]
            cpu = sum(map(cpu_seconds, processes))
            tenth = {
                "trials": done - counted,
                "per_s": round((done - counted) / (now - begin), 2),
                "cpu_ms_each": round((cpu - spent) / (done - counted) * 1000, 1),
                "runner_mib": resident(processes[0]),
                "emulator_mib": resident(processes[1]),
                "load": round(os.getloadavg()[0], 1),
            }
            print("  ".join(f"{name} {value:g}" for name, value in tenth.items()), flush=True)
            tenths.append(tenth)
            begin, counted, spent = now, done, cpu
        assert run.wait() == 0
        assert outcomes.read_bytes().count(b"\n") == trials
    return tenths


def emulator_of(runner: int) -> int:
    threads = Path(f"/proc/{runner}/task").glob("*/children")  # any thread may have started the emulator
    children = [child for thread in threads for child in thread.read_text().split()]
    return next(int(child) for child in children if b"harness.emulator" in Path(f"/proc/{child}/cmdline").read_bytes())


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process without its children, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> float:
    """Return the resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def no_op(number: int) -> int:
    """Run the trial of the peers that call a function."""
    subprocess.run(["/bin/true"], check=True)
    return number


def run_submitit(trials: int, directory: Path) -> None:
    import submitit

    executor = submitit.LocalExecutor(folder=directory / "logs")
    executor.update_parameters(timeout_min=10)
    waiting, running, results = list(range(trials)), [], []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            running.append(executor.submit(no_op, waiting.pop(0)))
        done = [job for job in running if job.done(force_check=True)]
        results += [job.result() for job in done]
        running = [job for job in running if job not in done]
        time.sleep(0.01)
    assert sorted(results) == list(range(trials))


def run_hydra(trials: int, directory: Path) -> None:
    (directory / "app.py").write_text(HYDRA_APP)
    values = ",".join(map(str, range(trials)))
    overrides = [f"+n={values}", "hydra/launcher=joblib", f"hydra.launcher.n_jobs={AT_ONCE}"]
    subprocess.run([sys.executable, "app.py", "-m", *overrides], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def run_optuna(trials: int, directory: Path) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=f"sqlite:///{directory}/study.db", sampler=sampler)
    study.optimize(lambda trial: no_op(trial.suggest_int("n", 0, 1000)), n_trials=trials, n_jobs=AT_ONCE)
    assert len(study.trials) == trials


def run_ray(trials: int, directory: Path) -> None:
    import ray
    from ray import tune

    def trial(config: dict[str, int]) -> None:
        tune.report({"score": no_op(config["n"])})

    ray.init(num_cpus=AT_ONCE, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    tuner = tune.Tuner(
        tune.with_resources(trial, {"cpu": 1}),
        param_space={"n": tune.grid_search(list(range(trials)))},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(directory), verbose=0),
    )
    assert len(tuner.fit()) == trials
    ray.shutdown()


RUN_BY_NAME: dict[str, Callable[[int, Path], None]] = {
    "ours": run_ours,
    "submitit": run_submitit,
    "hydra": run_hydra,
    "optuna": run_optuna,
    "ray": run_ray,
}


def install(directory: Path, peers: list[str]) -> dict[str, Path]:
    """Install the peers; returns the interpreter of each that could be installed."""
    pythons = {}
    for name in peers:
        home = directory / name
        venv.create(home, with_pip=True)
        python = home / "bin" / "python"
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PEERS[name]],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            pythons[name] = python
        else:
            print(
                f"{name} is left out because it cannot be installed: {(done.stderr.strip().splitlines() or [''])[-1]}"
            )
    return pythons


def measure(name: str, python: Path, trials: int) -> float | None:
    """Measure the seconds of a whole process; None if it fails."""
    with tempfile.TemporaryDirectory(prefix="bench-sweep-", ignore_cleanup_errors=True) as directory:
        begin = time.perf_counter()
        done = subprocess.run(
            [python, __file__, "--measure", name, str(trials), directory],
            capture_output=True, text=True, check=False, timeout=TIMEOUT,
        )  # fmt: skip
        seconds = time.perf_counter() - begin
    if done.returncode == 0:
        return seconds
    print(f"{name} failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return None


def bench(pythons: dict[str, Path], trials: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure seconds and rates by peer, as medians of all rounds."""
    seconds: dict[str, dict[int, list[float]]] = {name: {AT_ONCE: [], trials: []} for name in pythons}
    for _ in range(rounds):
        for size in (AT_ONCE, trials):
            for name, python in pythons.items():
                if (duration := measure(name, python, size)) is not None:
                    seconds[name][size].append(duration)
    figures = {}
    for name, durations in seconds.items():
        if all(durations.values()):
            short, whole = (statistics.median(durations[size]) for size in (AT_ONCE, trials))
            figures[name] = {
                "start_up_s": round(short, 2),
                "whole_s": round(whole, 2),
                "per_s_with_start_up": round(trials / whole, 2),
                "per_s_without": round((trials - AT_ONCE) / max(whole - short, 1e-9), 2),
            }
    return figures


def ratios(figures: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return our rate over theirs, for whole processes."""
    rate = {name: row["per_s_with_start_up"] for name, row in figures.items()}
    runners = {name: rate[name] for name in RUNNERS if name in rate}
    ratios_by_name: dict[str, Any] = {}
    if runners:
        fastest = max(runners, key=lambda name: runners[name])
        ratios_by_name |= {"vs_fastest_runner": round(rate["ours"] / runners[fastest], 2), "fastest_runner": fastest}
    if "optuna" in rate:
        ratios_by_name["vs_optuna"] = round(rate["ours"] / rate["optuna"], 2)
    return ratios_by_name


def show(figures: dict[str, dict[str, float]], trials: int) -> None:
    print(f"{'':10}{'2 trials, s':>13}{f'{trials} trials, s':>15}{'trials/s':>10}{'without start-up':>18}")
    for name, row in figures.items():
        cells = [row[key] for key in ("start_up_s", "whole_s", "per_s_with_start_up", "per_s_without")]
        print(f"{name:10}{cells[0]:13}{cells[1]:15}{cells[2]:10}{cells[3]:18}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument(
        "--rounds", type=int, default=3, help="number of rounds, of which figures are medians; default 3"
    )
    parser.add_argument("--trials", type=int, default=100, help="number of trials in the longer run; default 100")
    parser.add_argument("--without", action="append", default=[], choices=PEERS, help="leave a peer out")
    parser.add_argument("--endurance", type=int, metavar="N", help="run N trials of ours only, at most 10,000")
    parser.add_argument("--measure", nargs=3, metavar=("NAME", "TRIALS", "DIRECTORY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, trials, directory = options.measure
        RUN_BY_NAME[name](int(trials), Path(directory))
        return
    compileall.compile_dir(ROOT / "harness", quiet=1)
    if options.endurance:
        tenths = endure(options.endurance)
        if options.json:
            print(json.dumps({"tenths": tenths, "trials": options.endurance}))
        return
    with tempfile.TemporaryDirectory(prefix="bench-sweep-peers-") as directory:
        peers = [name for name in PEERS if name not in options.without]
        pythons = {"ours": Path(sys.executable), **install(Path(directory), peers)}
        figures = bench(pythons, options.trials, options.rounds)
    ratios_by_name = ratios(figures)
    show(figures, options.trials)
    for name, value in ratios_by_name.items():
        print(f"{name}: {value}")
    if options.json:
        print(json.dumps(ratios_by_name | {"figures": figures, "trials": options.trials, "rounds": options.rounds}))


if __name__ == "__main__":
    main()
