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
    import numpy as np
    from numpy.typing import NDArray

    from simulator.engine.native.library import Library
    from simulator.io.command.translate import Experiment
    from simulator.io.images import Photons
    from simulator.physics.table import Table
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


def structure_factors(experiment: "Experiment", given: Given) -> "Table | None":
    """Read -hkl and write the binary cache to this folder; without -hkl read the cache, if there is one."""
    path = given.text("hkl")
    if path is None and not CACHE.exists():
        return None
    # Only here, because this loads numpy.
    import numpy as np

    from simulator.crystal import Crystal
    from simulator.crystal.hkl import read_cache, write_cache

    if path is None:
        say(f"note: structure factors from {CACHE} in this folder, because -hkl is absent")
        return read_cache(CACHE, experiment.crystal.default_F)
    crystal = Crystal(experiment.crystal, xp=np)
    crystal.load_hkl(path)
    assert crystal.table is not None
    try:
        write_cache(CACHE, crystal.table)
    except OSError as error:
        say(f"note: no cache of the structure factors: {CACHE}: {error.strerror or error}")
    return crystal.table


def simulate(given: Given, clock: int) -> int:
    """Make the image that the options describe, and its files; return the exit code.

    `clock` (seconds) seeds what the reference seeds from the time of day.
    """
    from simulator.io.command.notes import notes_on
    from simulator.io.command.translate import translate
    from simulator.io.output import check_libraries, check_outputs, request_of, write_outputs

    experiment = translate(given, clock)
    for note in (*experiment.notes, *notes_on(given, experiment)):
        say(f"note: {note}")
    tracing = given.has("trace_pixel")
    request = request_of(given, clock)
    check_libraries(request)
    check_outputs(request.paths() if not tracing else trace_paths(given))
    table = structure_factors(experiment, given)
    if tracing:
        return trace(simulator_of(given, experiment, table), given)
    begin = time.perf_counter()
    photons, path = expose(given, experiment, table)
    seconds = time.perf_counter() - begin
    _, top = photons.extremes()
    if top > LARGEST_FLOAT32:
        raise SimulatorError(
            f"pixels of {top:g} photons do not fit into the files, whose numbers are float32"
        )
    if 0 < top < SMALLEST_FLOAT32:
        warnings.warn(
            f"the brightest pixel has {top:g} photons, which files of float32 hold as 0", stacklevel=1
        )
    say(f"sum {photons.total():.12g} photons, maximum {top:.12g}; {path}, {seconds:.2f} s")
    for line in write_outputs(photons, experiment, request):
        say(line)
    return 0


def expose(given: Given, experiment: "Experiment", table: "Table | None") -> tuple["Photons", str]:
    """Compute the image; return it with the name of the path that computed it.

    Torch is loaded only where the kernel cannot serve alone, and numpy only for what is large.
    """
    from simulator.engine.native.wanted import wanted_library
    from simulator.image.without_numpy import is_small

    device = given.text("device") or "cpu"
    library = wanted_library(engine_of(given), device, os.environ)
    found: Photons | None = None
    if library is not None:
        kept = table is not None or experiment.mask is not None or given.has("resume")
        is_plain = not kept and precision_of(given) == "float64"
        if is_plain and is_small(experiment.crystal, experiment.beam):
            found = expose_without_numpy(given, experiment, library)
        else:
            found = expose_without_torch(given, experiment, table, library)
    if found is not None:
        return found, "kernel"
    return expose_with_torch(given, experiment, table)


def expose_without_numpy(given: Given, experiment: "Experiment", library: "Library") -> "Photons | None":
    """Compute the image from small arrays; None where the kernel does not take the scene."""
    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.geometry import small_library
    from simulator.image.without_numpy import image_by_library, small_scene

    crystal = Crystal(experiment.crystal, xp=small_library)
    detector = Detector(experiment.detector, xp=small_library)
    scene = small_scene(crystal, detector, experiment.beam)
    if scene is None:
        return None
    return image_by_library(library, scene, threads=kernel_threads(given), progress=_progress(given))


def expose_without_torch(
    given: Given, experiment: "Experiment", table: "Table | None", library: "Library"
) -> "Photons | None":
    """Compute the image from numpy arrays; None where the kernel does not take the scene."""
    import numpy as np

    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.image.without_torch import image_by_kernel, scene_of_numpy

    crystal = Crystal(experiment.crystal, xp=np)
    crystal.table = table
    # A mask of numpy stands for a tensor, as the arrays of `xp` do.
    detector = Detector(experiment.detector, mask=experiment.mask, xp=np)  # type: ignore[arg-type]
    scene = scene_of_numpy(crystal, detector, experiment.beam, np.dtype(precision_of(given)))
    if scene is None:
        return None
    pixels = image_by_kernel(
        library,
        scene,
        threads=kernel_threads(given),
        progress=_progress(given),
        resume=resume_of(given),
    )
    return numpy_photons(pixels, experiment)


def expose_with_torch(given: Given, experiment: "Experiment", table: "Table | None") -> tuple["Photons", str]:
    """Compute the image by a `Simulator`; return it with the name of its path."""
    import torch

    simulator = simulator_of(given, experiment, table)
    with torch.no_grad():
        image = simulator.run(progress=_progress(given), resume=resume_of(given))
    return numpy_photons(image.cpu().numpy(), experiment), simulator.path


def numpy_photons(pixels: "NDArray[np.floating]", experiment: "Experiment") -> "Photons":
    """An image of numpy with the region of interest that the experiment asks for."""
    from simulator.io.numpy_image import NumpyImage
    from simulator.scene.build import clipped_roi

    first_f, last_f, first_s, last_s = clipped_roi(experiment.detector)
    return NumpyImage(pixels, rows=range(first_s, last_s + 1), columns=range(first_f, last_f + 1))


def simulator_of(given: Given, experiment: "Experiment", table: "Table | None") -> "Simulator":
    """Build the same experiment in torch, with the structure factors that were read."""
    import torch

    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.simulate import Simulator

    threads = threads_of(given)
    if threads is not None:
        torch.set_num_threads(threads)
    crystal = Crystal(experiment.crystal)
    crystal.table = table
    mask = None if experiment.mask is None else torch.from_numpy(experiment.mask)
    return Simulator(
        crystal,
        Detector(experiment.detector, mask=mask),
        beam_config=experiment.beam,
        device=given.text("device") or "cpu",
        dtype=getattr(torch, precision_of(given)),
        engine=engine_of(given),
    )


def resume_of(given: Given) -> Path | None:
    """-resume, the file of finished rows."""
    text = given.text("resume")
    return None if text is None else Path(text)


def kernel_threads(given: Given) -> int:
    """-threads, else as many as there are processors."""
    from simulator.engine.native.wanted import processors

    return threads_of(given) or processors(os.environ)


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
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # Overflow in numpy is none here: build.py and remarks.py find what it did and name the quantity.
        warnings.simplefilter("ignore", RuntimeWarning)
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
