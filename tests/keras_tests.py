"""Run the tests that Keras ships in its wheel, in a process of their own, with a plugin of ours."""

import os
import subprocess
import sys
from pathlib import Path

import keras

HERE = Path(__file__).parent
SOURCES = Path(keras.__file__).parent / "src"


def run(files, plugin: str, folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    """Run these files of tests in a folder; none of our own settings of pytest hold there."""
    paths = os.pathsep.join([str(HERE), str(HERE.parent)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", plugin, "-p", "no:cacheprovider", "-c", os.devnull]
    command += ["--rootdir", str(folder), "--import-mode=importlib", *options, *map(str, files)]
    settings = dict(capture_output=True, text=True, cwd=folder, check=False)
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths, **environment}, **settings)
