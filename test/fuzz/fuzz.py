# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every fuzzer for its share of the time: SECONDS DIRECTORY NAME...

The fuzzers with a harness in C first, each on its corpus, which is not changed; then random
machines and configs, from a seed that is printed.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import random  # noqa: E402

import reference  # noqa: E402
import test_property  # noqa: E402


def run_harness(program, name, seconds):
    with tempfile.TemporaryDirectory() as fresh:
        done = subprocess.run(
            [program, f"-max_total_time={max(1, int(seconds))}", "-max_len=4096", "-timeout=10",
             "-verbosity=0", "-print_final_stats=1", f"-artifact_prefix={HERE}/corpus/{name}/",
             fresh, HERE / "corpus" / name],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    runs = [line.split()[-1] for line in done.stdout.splitlines()
            if "number_of_executed_units" in line]
    print(f"{name}: {runs[0] if runs else '?'} inputs, {'fine' if not done.returncode else 'BAD'}",
          flush=True)
    if done.returncode:
        print(done.stdout[-4000:])
    return done.returncode


def run_trials(seconds):
    seed = first = int(time.time()) << 8
    wrong = []
    with tempfile.TemporaryDirectory() as directory:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not wrong:
            here = Path(directory) / str(seed)
            trial = reference.Trial(random.Random(seed))
            wrong = trial.wrong(trial.make(here / "root").run()) or \
                test_property.differs(seed, here)
            seed += 1
    print(f"machines: {seed - first} from seed {first}, {'BAD' if wrong else 'fine'}")
    if wrong:
        print(f"seed {seed - 1}\n{trial}\n{wrong}")
    return bool(wrong)


def main(seconds, directory, *names):
    share = float(seconds) / (len(names) + 2)
    bad = [name for name in names if run_harness(Path(directory) / f"fuzz-{name}", name, share)]
    return 1 if run_trials(2 * share) or bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
