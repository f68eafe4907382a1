# SPDX-License-Identifier: GPL-2.0-or-later
"""Things that are made once, and made again when what they are made of changes.

Fetching, unpacking and building cost minutes, a boot costs seconds; so each product
carries the key of its ingredients beside it. Two test workers may want the same product
at the same time: the first one makes it, the other waits for the lock. Every step tells
what it is doing and how long it took.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(os.path.abspath(__file__)).parent
TREE = HERE.parent
BUILD = TREE / "build"
FETCHED = BUILD / "fetched"  # what came from Debian: outlives `make clean`
VM = BUILD / "vm"
TIMES = VM / "times"


def _print(words):
    print(words, file=sys.stderr, flush=True)


listener = _print  # who hears what the steps say; pytest puts its own here


def say(words):
    """Tells a person what is going on."""
    listener(words)


@contextlib.contextmanager
def timed(part, words):
    """Announces a step, and notes its wall time under `part` for the summary."""
    say(words + " ...")
    start = time.monotonic()
    yield
    note_time(part, words, time.monotonic() - start)


def note_time(part, words, seconds):
    """Adds one line to the list of times that `times()` reads."""
    VM.mkdir(parents=True, exist_ok=True)
    with open(TIMES, "a", encoding="utf-8") as file:
        file.write(json.dumps([part, words, round(seconds, 1)]) + "\n")


def forget_times():
    """Starts the list of times afresh: a run reports its own steps only."""
    TIMES.unlink(missing_ok=True)


def times():
    """(part, words, seconds) of every step since forget_times(), in the order of their
    ends.
    """
    if not TIMES.exists():
        return []
    return [tuple(json.loads(line)) for line in TIMES.read_text("utf-8").splitlines()]


def summary():
    """How long each part took, one line a part: steps of two workers may overlap."""
    parts = {}
    for part, _, seconds in times():
        parts.setdefault(part, []).append(seconds)
    return [
        f"{part:<8} {sum(spent):6.1f} s in {len(spent)} step{'s' * (len(spent) > 1)}"
        f"{f', the longest {max(spent):.1f} s' if len(spent) > 1 else ''}"
        for part, spent in parts.items()
    ]


def key_of(*ingredients):
    """One key for strings, bytes, files and trees of files."""
    digest = hashlib.sha256()
    for ingredient in ingredients:
        for part in _parts(ingredient):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _parts(ingredient):
    """The bytes that matter of an ingredient; for a tree also names, modes and link
    targets.
    """
    if isinstance(ingredient, bytes):
        yield ingredient
    elif not isinstance(ingredient, pathlib.Path):
        yield repr(ingredient).encode()
    elif ingredient.is_symlink():
        yield os.readlink(ingredient).encode()
    elif ingredient.is_file():
        yield ingredient.read_bytes()
    else:
        for path in sorted(ingredient.rglob("*")):
            yield f"{path.relative_to(ingredient)} {path.lstat().st_mode:o}".encode()
            if path.is_symlink() or path.is_file():
                yield from _parts(path)


@contextlib.contextmanager
def lock(path):
    """Holds a lock of `path` against all other processes and threads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}.lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def made(path, key, make):
    """Returns `path`, having called make(scratch) first unless it was made with this key
    already.

    What make() leaves under the name `scratch` becomes `path` only when it is complete.
    """
    stamp = pathlib.Path(f"{path}.key")
    scratch = pathlib.Path(f"{path}.making")
    with lock(path):
        if stamp.exists() and stamp.read_text("ascii") == key and path.exists():
            return path
        remove(scratch)
        stamp.unlink(missing_ok=True)
        make(scratch)
        remove(path)
        scratch.rename(path)
        stamp.write_text(key, "ascii")
    return path


def remove(path):
    """Removes a file or a tree, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def unpack(archiver, root):
    """Lays an archive over a root, through its links such as /lib -> usr/lib."""
    with subprocess.Popen(archiver, stdout=subprocess.PIPE) as tar:
        extract = ["tar", "-x", "-C", root, "--keep-directory-symlink"]
        subprocess.run(extract, stdin=tar.stdout, check=True)
    if tar.returncode:
        raise RuntimeError(f"{archiver}: exit status {tar.returncode}")


def run(*command, **options):
    """Runs a command that must succeed, and returns what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **options,
    )
    if done.returncode:
        words = " ".join(str(word) for word in command)
        raise RuntimeError(f"{words}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout
