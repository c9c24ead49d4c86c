"""`python -m simulator`: the reference program's options make an image; `compare A B` sets two side by
side."""

import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulator.config import SimulatorError
from simulator.io.command.flags import usage
from simulator.io.command.parse import Given, parse

if TYPE_CHECKING:
    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.io.command.translate import Experiment
    from simulator.simulator import Simulator
    from simulator.simulator.native.library import Numbers

BAR = 30
CACHE = Path("Fdump.bin")


def say(line: str) -> None:
    """A line for people, on stderr: stdout is for what was asked for."""
    print(line, file=sys.stderr, flush=True)


def progress_bar(done: int, total: int) -> None:
    """One line that is written over until the run ends."""
    filled = BAR * done // total
    end = "\n" if done == total else ""
    print(
        f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done}/{total} rows", end=end, file=sys.stderr, flush=True
    )


def _progress(given: Given) -> Callable[[int, int], None] | None:
    if given.has("noprogress"):
        return None
    return progress_bar if given.has("progress") or sys.stderr.isatty() else None


def load_structure_factors(crystal: "Crystal", given: Given) -> None:
    """From -hkl, which leaves a binary cache in this folder; without -hkl the cache that lies here is
    taken."""
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


def simulate(words: Sequence[str], clock: int) -> int:
    """Make the image that the options describe, and its files."""
    given = parse(words)
    if given.has("help"):
        print(usage())
        return 0
    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.io import images
    from simulator.io.command.translate import translate
    from simulator.io.output import request_of, write_outputs
    from simulator.simulator.build import clipped_roi
    from simulator.simulator.native.noise import noisy

    experiment = translate(given, clock)
    for note in experiment.notes:
        say(f"note: {note}")
    crystal = Crystal(experiment.crystal, xp=np)
    detector = Detector(experiment.detector, mask=experiment.mask, xp=np)  # type: ignore[arg-type]
    load_structure_factors(crystal, given)
    if given.has("trace_pixel"):
        return trace(simulator_of(given, experiment, crystal), given)
    begin = time.perf_counter()
    pixels, path = expose(given, experiment, crystal, detector)
    seconds = time.perf_counter() - begin
    total, top = float(pixels.sum(dtype="float64")), float(pixels.max())
    if not math.isfinite(total):
        raise SimulatorError(
            f"the image holds pixels of {total:g} photons: some number of the experiment is too large"
        )
    say(f"sum {total:.12g} photons, maximum {top:.12g}; {path}, {seconds:.2f} s")
    roi = clipped_roi(detector)
    window = images.Window(slice(roi[2], roi[3] + 1), slice(roi[0], roi[1] + 1))
    for line in write_outputs(pixels, experiment, request_of(given, clock), window=window, noise=noisy):
        say(line)
    return 0


def expose(
    given: Given, experiment: "Experiment", crystal: "Crystal", detector: "Detector"
) -> tuple["Numbers", str]:
    """The image, and which path computed it. Torch is loaded only where the kernel cannot serve alone."""
    from simulator.simulator.light import light_image, light_kernel, light_scene

    resume = Path(str(given.text("resume"))) if given.has("resume") else None
    kernel = light_kernel(engine_of(given), given.text("device") or "cpu", threads_of(given), os.environ)
    scene = kernel and light_scene(crystal, detector, experiment.beam, np.dtype(precision_of(given)))
    if kernel and scene:
        return light_image(kernel, scene, progress=_progress(given), resume=resume), kernel.name
    simulator = simulator_of(given, experiment, crystal)
    import torch

    with torch.no_grad():
        image = simulator.run(progress=_progress(given), resume=resume)
    return image.cpu().numpy(), simulator.path


def simulator_of(given: Given, experiment: "Experiment", crystal: "Crystal") -> "Simulator":
    """The same experiment in torch."""
    import torch

    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.simulator import Simulator

    if threads_of(given):
        torch.set_num_threads(threads_of(given) or 1)
    again = Crystal(experiment.crystal)
    again.table = crystal.table
    mask = None if experiment.mask is None else torch.from_numpy(experiment.mask)
    return Simulator(
        again,
        Detector(experiment.detector, mask=mask),
        beam_config=experiment.beam,
        device=torch.device(given.text("device") or "cpu"),
        dtype=getattr(torch, precision_of(given)),
        engine=engine_of(given),
    )


def engine_of(given: Given) -> str:
    """-engine, else auto."""
    from simulator.config import checks
    from simulator.simulator.switch import ENGINES

    return checks.choice("-engine", given.text("engine") or "auto", ENGINES)


def precision_of(given: Given) -> str:
    """-precision, else float64."""
    from simulator.config import checks

    return checks.choice("-precision", given.text("precision") or "float64", ("float64", "float32"))


def threads_of(given: Given) -> int | None:
    """-threads, at least 1; None: as many as there are processors."""
    threads = given.whole("threads")
    if threads is not None and threads < 1:
        raise SimulatorError(f"-threads is {threads}: it must be a whole number of at least 1")
    return threads


def trace(simulator: "Simulator", given: Given) -> int:
    """Print the trace of one pixel, and write it as JSON where asked."""
    from simulator.io.files import write_whole
    from simulator.simulator.trace import table

    slow, fast = (int(value) for value in given.values["trace_pixel"])
    entries = simulator.trace_pixel(slow, fast)
    print(table(entries))
    path = given.text("trace_json")
    if path is not None:
        write_whole(Path(path), json.dumps([entry.as_dict() for entry in entries], indent=1).encode())
    return 0


def compare_images(words: Sequence[str]) -> int:
    """`compare A B [-png FILE] [-shape SLOW FAST] [--json]`."""
    from simulator.io.compare import compare, difference_picture, read_image
    from simulator.io.images import write_png

    rest, shape, picture, as_json = list(words), None, None, "--json" in words
    rest = [word for word in rest if word != "--json"]
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
    a, b = (read_image(Path(word), shape) for word in rest)
    result = compare(a, b)
    print(json.dumps(result.as_dict(), indent=1) if as_json else "\n".join(result.lines()))
    if picture is not None:
        write_png(picture, difference_picture(a, b))
    return 0


def main(words: Sequence[str] | None = None, clock: int | None = None) -> int:
    """Exit code: 0 done, 2 a request that cannot be met (one line on stderr), 130 interrupted."""
    words = sys.argv[1:] if words is None else words
    clock = int(time.time()) if clock is None else clock
    warnings.showwarning = lambda message, *rest, **named: say(f"warning: {message}")
    try:
        # What overflows is found and named where it would count.
        with np.errstate(all="ignore"):
            return compare_images(words[1:]) if words and words[0] == "compare" else simulate(words, clock)
    except SimulatorError as error:
        say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
