"""Moving pictures: a descent, or several side by side, step by step."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FFMpegWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from tf_gd import _checks
from tf_gd._files import whole
from tf_gd.show.formula import title_of
from tf_gd.show.frame import check_path, loss_scale, values_of
from tf_gd.show.labels import entry, settings_of
from tf_gd.show.plots import plot_contours
from tf_gd.show.style import BY_HAND, INK, OWN, styled

_MOST_FRAMES, _DPI = 120, 80  # so that a file stays small
_HOLD = 8  # extra pauses on the last picture
_SHORTEST = 20  # milliseconds: a GIF counts in tens, and viewers replace a shorter pause


@styled
def animate(trajectories, path, *, objective=None, frames: int = 60, seconds: float = 5.0) -> Path:
    """Write a moving picture of one descent, or of several side by side, as GIF or MP4.

    In two variables on level lines, in one on the curve, in more as the falling loss.

    Args:
        trajectories: a :class:`tf_gd.Trajectory`, or ``{title: Trajectory}``, at most four.
        path: the file to write, ``.gif``, or ``.mp4`` where ffmpeg is installed.
        objective: the function to draw; by default each path's own.
        frames: how many pictures at most, up to 120, spread over the records; fewer where they
            would follow each other within 20 ms.
        seconds: how long it lasts.

    Returns:
        The path of the file.

    Raises:
        ValueError: another kind of file, no ffmpeg for MP4, too many frames or trajectories, or a
            path that cannot be written.

    Examples:
        >>> import tempfile, tf_gd
        >>> run = tf_gd.gradient_descent("lecture_quadratic", learning_rate=0.2, steps=5)
        >>> written = animate(run, Path(tempfile.mkdtemp()) / "descent.gif", frames=3, seconds=1)
        >>> written.read_bytes()[:3]
        b'GIF'
    """
    path = _checks.path("path", path)
    if path.is_dir() or path.suffix not in (".gif", ".mp4"):
        raise ValueError(f"path: got {path.name!r}, expected a name that ends in .gif or .mp4.")
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        got = "got .mp4, but there is no ffmpeg on this machine"
        raise ValueError(f"path: {got}, expected one. Install it, or write a .gif.")
    frames = _checks.whole_number("frames", frames, minimum=1, maximum=_MOST_FRAMES)
    seconds = _checks.number("seconds", seconds, minimum=0.01, maximum=600.0)
    panels = trajectories if isinstance(trajectories, dict) else {"": trajectories}
    for run in panels.values():
        check_path("trajectories", run)
    if objective is not None and not callable(objective):
        expected = "a function, such as tf_gd.objectives.get('booth')"
        raise TypeError(f"objective: got {objective!r}, expected {expected}.")
    if not 1 <= len(panels) <= 4:
        raise ValueError(f"trajectories: got {len(panels)}, expected one to four side by side.")
    drawn_on = [run.objective if objective is None else objective for run in panels.values()]
    size: dict = dict(figsize=(4.4 * len(panels), 4.4), layout="constrained")
    figure, axes = plt.subplots(1, len(panels), squeeze=False, **size)
    first, *others = map(title_of, drawn_on)
    figure.suptitle(first if set(others) <= {first} else "", fontsize=10 if others else 8)
    last = max(len(run.losses) for run in panels.values()) - 1
    in_time = max(2, round(1000 * seconds) // _SHORTEST - _HOLD)
    moments = np.unique(np.linspace(0, last, min(frames, last + 1, in_time)).astype(int))
    try:
        placed = zip(axes[0], panels.items(), drawn_on, strict=True)
        drawn = [_panel(ax, title, run, function) for ax, (title, run), function in placed]
        return _write(path, figure, drawn, moments, (len(moments) + _HOLD) / seconds)
    finally:
        plt.close(figure)


def _write(path: Path, figure, drawn: list, moments, rate: float) -> Path:
    """Write the file atomically."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as partial:
            if path.suffix == ".gif":
                images = list(_images(figure, drawn, moments))
                pause = max(_SHORTEST, 10 * round(100 / rate))
                lasting = [pause] * (len(images) - 1) + [pause * (_HOLD + 1)]
                images[0].save(
                    partial,
                    save_all=True,
                    append_images=images[1:],
                    duration=lasting,
                    loop=0,
                    optimize=True,
                )
            else:
                writer = FFMpegWriter(fps=rate)  # type: ignore[arg-type]
                with writer.saving(figure, str(partial), dpi=_DPI):
                    for record in [*moments, *[moments[-1]] * _HOLD]:
                        for update in drawn:
                            update(record)
                        writer.grab_frame()
    except OSError as error:
        failed = f"cannot write {path} ({error.strerror})"
        raise ValueError(f"path: {failed}, expected a directory you may write to.") from error
    return path


def _images(figure, drawn: list, moments) -> Iterator[Image.Image]:
    """Yield the frames, in the palette of the last one; what stands still is drawn once."""
    moving = [artist for update in drawn for artist in update(moments[-1])]
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(_DPI)
    canvas.draw()
    whole_picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    colours = whole_picture.quantize(64, dither=Image.Dither.NONE)
    for artist in moving:
        artist.set_visible(False)
    figure.set_layout_engine("none")
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    for artist in moving:
        artist.set_visible(True)
    for record in moments:
        canvas.restore_region(background)
        for artist in (artist for update in drawn for artist in update(record)):
            artist.axes.draw_artist(artist)
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        yield picture.quantize(palette=colours, dither=Image.Dither.NONE)


def _panel(ax, title: str, run, objective):
    """Draw what stands still; return a function that draws the rest for a record's number."""
    dim = run.points.shape[1]
    if dim == 2 and objective is not None:
        plot_contours(objective, {"path": run}, ax=ax)
        for line in list(ax.lines):
            if line.get_label() != "known minimum":
                line.remove()
        xs, ys = run.points.T
        ax.set_title(None)
    elif dim == 1 and objective is not None:
        low, high = run.points.min(), run.points.max()
        x = np.linspace(low - 0.1 * (high - low) - 1e-6, high + 0.1 * (high - low) + 1e-6, 401)
        ax.plot(x, values_of(objective, x[:, None]), color=INK, linestyle="-", linewidth=1.2)
        xs, ys = run.points[:, 0], run.losses
        ax.set(xlabel="$x$", ylabel="$f(x)$")
    else:
        xs, ys = run.iterations, np.where(np.isfinite(run.losses), run.losses, np.nan)
        ax.plot(xs, ys, linestyle="none")  # for the limits
        ax.set(xlabel="step", ylabel="loss", yscale=loss_scale([ys]))
        ax.set_xlim(0, max(int(xs[-1]), 1))
    if ax.get_legend() is not None:
        ax.get_legend().remove()
    style = {**BY_HAND, **OWN.get(title, {})}
    said = entry(title, settings_of(run), common=["steps"])
    (line,) = ax.plot([], [], marker="o", markersize=3, **{**style, "linewidth": 1.4})
    mark = dict(color=style["color"], markeredgecolor="white", markersize=9, zorder=7)
    (dot,) = ax.plot([], [], "o", **mark)

    def update(record: int) -> tuple:
        record = min(record, len(run.losses) - 1)
        line.set_data(xs[: record + 1], ys[: record + 1])
        dot.set_data(xs[record : record + 1], ys[record : record + 1])
        what = f"step {run.iterations[record]}, loss {run.losses[record]:.3g}"
        return line, dot, ax.set_title(f"{said}\n{what}" if said else what, fontsize=10)

    return update
