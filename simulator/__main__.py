"""`python -m simulator`: make an image by the reference program's options, or `compare` two images."""

import gc
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.config import SimulatorError
from simulator.io.command.flags import usage
from simulator.io.command.parse import Given, parse

if TYPE_CHECKING:
    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.engine.native.library import Numbers
    from simulator.io.command.translate import Experiment
    from simulator.simulate import Simulator

BAR = 30
"""Characters of the progress bar."""

CACHE = Path("Fdump.bin")
"""The reference program's name of the binary cache of structure factors."""

LARGEST_FLOAT32 = 2.0**128 - 2.0**104
"""Photons of a pixel that the float image, the counts and the noise can hold."""

SMALLEST_FLOAT32 = 2.0**-149
"""Photons of a pixel below which the float image holds 0."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, by the shell's custom: 128 + SIGINT."""


def say(line: str) -> None:
    """Print a line for people on stderr; stdout is for results."""
    print(line, file=sys.stderr, flush=True)


def progress_bar(done: int, total: int) -> None:
    """Print one line that is written over until the run ends."""
    filled = BAR * done // total
    bar = "#" * filled + "." * (BAR - filled)
    end = "\n" if done == total else ""
    print(f"\r[{bar}] {done}/{total} rows", end=end, file=sys.stderr, flush=True)


def _progress(given: Given) -> Callable[[int, int], None] | None:
    """The progress bar, where it is asked for, or where somebody sees it."""
    if given.has("noprogress"):
        return None
    if given.has("progress") or sys.stderr.isatty():
        return progress_bar
    return None


def load_structure_factors(crystal: "Crystal", given: Given) -> None:
    """Read -hkl and write the binary cache to this folder; without -hkl read the cache, if there is one."""
    from simulator.crystal.hkl import read_cache, write_cache

    path = given.text("hkl")
    if path is not None:
        crystal.load_hkl(path)
        assert crystal.table is not None
        try:
            write_cache(CACHE, crystal.table)
        except OSError as error:
            say(f"note: no cache of the structure factors: {CACHE}: {error.strerror or error}")
    elif CACHE.exists():
        crystal.table = read_cache(CACHE, crystal.config.default_F)
        say(f"note: structure factors from {CACHE} in this folder, because -hkl is absent")


def simulate(given: Given, clock: int) -> int:
    """Make the image that the options describe, and its files; return the exit code.

    `clock` (seconds) seeds what the reference seeds from the time of day.
    """
    import numpy as np

    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.engine.native.noise import noisy
    from simulator.io import images
    from simulator.io.command.notes import notes_on
    from simulator.io.command.translate import translate
    from simulator.io.output import check_libraries, check_outputs, request_of, write_outputs
    from simulator.scene.build import clipped_roi

    experiment = translate(given, clock)
    for note in (*experiment.notes, *notes_on(given, experiment)):
        say(f"note: {note}")
    tracing = given.has("trace_pixel")
    request = request_of(given, clock)
    check_libraries(request)
    check_outputs(request.paths() if not tracing else trace_paths(given))
    crystal = Crystal(experiment.crystal, xp=np)
    detector = Detector(experiment.detector, mask=experiment.mask, xp=np)  # type: ignore[arg-type]
    load_structure_factors(crystal, given)
    if tracing:
        return trace(simulator_of(given, experiment, crystal), given)
    begin = time.perf_counter()
    pixels, path = expose(given, experiment, crystal, detector)
    seconds = time.perf_counter() - begin
    total = float(pixels.sum(dtype="float64"))
    top = float(pixels.max())
    if top > LARGEST_FLOAT32:
        raise SimulatorError(
            f"pixels of {top:g} photons do not fit into the files, whose numbers are float32"
        )
    if 0 < top < SMALLEST_FLOAT32:
        warnings.warn(
            f"the brightest pixel has {top:g} photons, which files of float32 hold as 0", stacklevel=1
        )
    say(f"sum {total:.12g} photons, maximum {top:.12g}; {path}, {seconds:.2f} s")
    first_f, last_f, first_s, last_s = clipped_roi(detector)
    window = images.Window(rows=slice(first_s, last_s + 1), columns=slice(first_f, last_f + 1))
    for line in write_outputs(pixels, experiment, request, window=window, noise=noisy):
        say(line)
    return 0


def expose(
    given: Given, experiment: "Experiment", crystal: "Crystal", detector: "Detector"
) -> tuple["Numbers", str]:
    """Compute the image [slow, fast]; return it with the name of the path that computed it.

    Torch is loaded only where the kernel cannot serve alone.
    """
    import numpy as np

    from simulator.image.without_torch import image_by_kernel, kernel_without_torch, scene_of_numpy

    resume_text = given.text("resume")
    resume = None if resume_text is None else Path(resume_text)
    device = given.text("device") or "cpu"
    kernel = kernel_without_torch(engine_of(given), device, threads_of(given), os.environ)
    if kernel is not None:
        scene = scene_of_numpy(crystal, detector, experiment.beam, np.dtype(precision_of(given)))
        if scene is not None:
            return image_by_kernel(kernel, scene, progress=_progress(given), resume=resume), kernel.name
    simulator = simulator_of(given, experiment, crystal)
    import torch

    with torch.no_grad():
        image = simulator.run(progress=_progress(given), resume=resume)
    return image.cpu().numpy(), simulator.path


def simulator_of(given: Given, experiment: "Experiment", crystal: "Crystal") -> "Simulator":
    """Build the same experiment in torch, with the structure factors that `crystal` has read."""
    import torch

    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.simulate import Simulator

    threads = threads_of(given)
    if threads is not None:
        torch.set_num_threads(threads)
    in_torch = Crystal(experiment.crystal)
    in_torch.table = crystal.table
    mask = None if experiment.mask is None else torch.from_numpy(experiment.mask)
    return Simulator(
        in_torch,
        Detector(experiment.detector, mask=mask),
        beam_config=experiment.beam,
        device=given.text("device") or "cpu",
        dtype=getattr(torch, precision_of(given)),
        engine=engine_of(given),
    )


def engine_of(given: Given) -> str:
    """-engine, else auto."""
    from simulator.config import checks
    from simulator.engine.switch import ENGINES

    return checks.choice("-engine", given.text("engine") or "auto", ENGINES)


def precision_of(given: Given) -> str:
    """-precision, else float64."""
    from simulator.config import checks

    return checks.choice("-precision", given.text("precision") or "float64", ("float64", "float32"))


def threads_of(given: Given) -> int | None:
    """-threads, at least 1; None: as many as there are processors."""
    from simulator.engine.switch import MOST_THREADS

    threads = given.whole("threads")
    if threads is not None and not 1 <= threads <= MOST_THREADS:
        raise SimulatorError(f"-threads is {threads}: it must be a whole number in 1 ... {MOST_THREADS}")
    return threads


def trace_paths(given: Given) -> list[Path]:
    """The file that a trace writes, where there is one."""
    path = given.text("trace_json")
    return [] if path is None else [Path(path)]


def trace(simulator: "Simulator", given: Given) -> int:
    """Print the trace of one pixel, and write it as JSON where asked; return the exit code."""
    from simulator.engine.trace import table
    from simulator.io.files import write_whole

    slow, fast = (int(value) for value in given.values["trace_pixel"])
    entries = simulator.trace_pixel(slow, fast)
    print(table(entries))
    for path in trace_paths(given):
        import json

        document = [entry.as_dict() for entry in entries]
        write_whole(path, json.dumps(document, indent=1).encode())
    return 0


@dataclass(frozen=True)
class Comparing:
    """The arguments of `compare`: two images, the [slow, fast] shape of raw ones, the picture to write."""

    images: tuple[Path, Path]
    shape: tuple[int, int] | None
    picture: Path | None
    as_json: bool


def _comparing(words: Sequence[str]) -> Comparing:
    """Read `A B [-png FILE] [-shape SLOW FAST] [--json]`; raise a SimulatorError for anything else."""
    rest = [word for word in words if word != "--json"]
    picture, shape = None, None
    try:
        if "-png" in rest:
            at = rest.index("-png")
            picture = Path(rest[at + 1])
            del rest[at : at + 2]
        if "-shape" in rest:
            at = rest.index("-shape")
            shape = (int(rest[at + 1]), int(rest[at + 2]))
            del rest[at : at + 3]
    except (IndexError, ValueError):
        raise SimulatorError("-png takes a file, -shape two whole numbers (slow and fast pixels)") from None
    if len(rest) != 2:
        raise SimulatorError(f"compare takes two images, got {len(rest)}: compare A B [-png FILE] [--json]")
    return Comparing((Path(rest[0]), Path(rest[1])), shape, picture, as_json="--json" in words)


def compare_images(words: Sequence[str]) -> int:
    """Compare two images, print the figures, paint the difference where asked; return the exit code."""
    from simulator.io.compare import compare, difference_picture, read_image
    from simulator.io.images import write_png

    comparing = _comparing(words)
    first = read_image(comparing.images[0], comparing.shape)
    second = read_image(comparing.images[1], comparing.shape)
    result = compare(first, second)
    if comparing.as_json:
        import json

        print(json.dumps(result.as_dict(), indent=1))
    else:
        print("\n".join(result.lines()))
    if comparing.picture is not None:
        write_png(comparing.picture, difference_picture(first, second))
    return 0


def _warned(command: Callable[[], int]) -> int:
    """Run a command whose warnings are lines for the user."""
    # Only here: a word of help, or of a mistake, needs no arrays.
    import numpy as np

    # Overflow is no warning here: build.py and remarks.py find what it did and name the quantity.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest, **named: say(f"warning: {message}")
        return command()


def main(words: Sequence[str] | None = None, clock: int | None = None) -> int:
    """Run a command; return 0, 2 for a request that cannot be met (one line on stderr), 130 after Ctrl-C."""
    words = sys.argv[1:] if words is None else words
    clock = int(time.time()) if clock is None else clock
    try:
        if words and words[0] == "compare":
            return _warned(lambda: compare_images(words[1:]))
        given = parse(words)
        if given.has("help"):
            print(usage())
            return 0
        return _warned(lambda: simulate(given, clock))
    except SimulatorError as error:
        say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    # The process ends with its image; the search for garbage takes a tenth of a short command.
    gc.disable()
    sys.exit(main())
