"""What is installed, what TensorFlow sees, and what is known to go wrong with it."""

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass

from tf_gd import __version__

# The oldest and the newest version that `make versions` runs the core tests with.
TESTED = {"tensorflow": ("2.18", "2.21"), "keras": ("3.10", "3.15")}
_SHOWN = (
    "tensorflow",
    "keras",
    "numpy",
    "matplotlib",
    "scikit-learn",
    "scipy",
    "tensorflow-metal",
    "tf-keras",
)


@dataclass(frozen=True)
class Findings:
    """What an examination found.

    Attributes:
        versions: of Python, the system and the packages; "not installed" where one is missing.
        devices: a line for each device that TensorFlow sees; empty if TensorFlow cannot be
            imported.
        settings: the backend of Keras and other settings that change results, by name.
        problems: what will not work, each with what to do; empty when all is well.
        notes: what works, but is worth knowing.
    """

    versions: dict[str, str]
    devices: tuple[str, ...]
    settings: dict[str, str]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def as_dict(self) -> dict:
        """Return the findings for a program to read."""
        return {"healthy": self.healthy, **asdict(self)}

    def text(self) -> str:
        """Return the findings for a person to read."""
        lines = [
            f"{name:<18}{version}" for name, version in {**self.versions, **self.settings}.items()
        ]
        lines += [f"{'device':<18}{device}" for device in self.devices]
        lines += [f"\nproblem: {problem}" for problem in self.problems] + [
            f"\nnote: {note}" for note in self.notes
        ]
        return "\n".join([*lines, "", "all is well" if self.healthy else "not all is well"])


def examine() -> Findings:
    """Examine versions, devices and settings."""
    versions = {
        "tf_gd": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    versions |= {name: _version(name) for name in _SHOWN}
    problems = _version_problems(versions)
    devices, settings, found = _tensorflow()
    problems += found
    notes = _notes(versions, devices)
    settings |= {
        name: os.environ[name]
        for name in ("XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS")
        if name in os.environ
    }
    return Findings(versions, tuple(devices), settings, tuple(problems), tuple(notes))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _number(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version, to compare with."""
    return tuple(int(part) for part in version.split(".")[:2])


def _version_problems(versions: dict[str, str]) -> list[str]:
    problems = []
    for package, (oldest, newest) in TESTED.items():
        found = versions[package]
        if found == "not installed":
            problems.append(f"{package} is not installed. Run: pip install '{package}=={newest}.*'")
        elif not _number(oldest) <= _number(found) <= _number(newest):
            problems.append(
                f"{package} {found}: only {oldest} to {newest} are tested; equality to the bit may "
                f"not hold. Run: pip install '{package}=={newest}.*'"
            )
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        newest = TESTED["tensorflow"][1]
        problems.append(f"Python {versions['python']}: TensorFlow {newest} runs on 3.11 to 3.13.")
    if os.environ.get("TF_USE_LEGACY_KERAS", "0").lower() in ("1", "true"):
        problems.append(
            "TF_USE_LEGACY_KERAS is set, so tf.keras is Keras 2. Unset it: tf_gd uses Keras 3."
        )
    return problems


def _tensorflow() -> tuple[list[str], dict[str, str], list[str]]:
    """Return the devices, the settings, and what is wrong with them."""
    try:
        from tf_gd._runtime import quiet_tensorflow

        quiet_tensorflow()
        from tf_gd import devices
        from tf_gd._keras import keras
    except Exception as error:  # whatever a broken installation raises
        return [], {}, [f"TensorFlow and Keras cannot be used: {type(error).__name__}: {error}"]
    import tensorflow as tf

    seen = devices.describe()
    tf32 = "on" if tf.config.experimental.tensor_float_32_execution_enabled() else "off"
    settings = {"keras backend": keras.config.backend(), "keras floatx": keras.config.floatx()}
    settings["tf32"] = f"{tf32} (comparisons turn it off)" if len(seen) > 1 else "no GPU, no matter"
    problems = []
    if shutil.which("nvidia-smi") and len(seen) == 1:
        problems.append(
            "there is an NVIDIA driver, but TensorFlow sees no GPU. On Linux and in WSL2 run: "
            "pip install 'tensorflow[and-cuda]'; "
            "on native Windows TensorFlow has no GPU support after 2.10."
        )
    return seen, settings, problems


def _notes(versions: dict[str, str], devices: list[str]) -> list[str]:
    notes = []
    if versions["tensorflow-metal"] != "not installed":
        notes.append(
            "tensorflow-metal is known to compute wrong results with recent TensorFlow. "
            "Compare on the CPU."
        )
    if versions["tf-keras"] != "not installed":
        notes.append(
            "tf-keras is Keras 2: its models are not keras.Model and cannot be trained here."
        )
    if platform.system() == "Windows" and len(devices) == 1:
        notes.append("on native Windows TensorFlow computes on the CPU only; use WSL2 for a GPU.")
    if "fma" in os.environ.get("XLA_FLAGS", "").lower() or "xla_cpu_max_isa" in os.environ.get(
        "XLA_FLAGS", ""
    ):
        notes.append(
            "XLA_FLAGS limits the instructions that XLA uses: it is slower and rounds differently."
        )
    return notes
