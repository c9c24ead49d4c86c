"""The compiled kernel against its plain torch twin over random scenes, and what a missing compiler does."""

import random

import pytest
import torch

from simulator import Simulator
from simulator.engine.choose import choose_engine
from simulator.engine.native.build import build
from simulator.engine.native.library import load
from simulator.engine.native.shared import shared
from simulator.physics.table import Table

CPU = torch.device("cpu")
NAMES = ("cell_a", "cell_b", "cell_c", "cell_alpha", "cell_beta", "cell_gamma")
needs_kernel = pytest.mark.skipif(isinstance(shared(), str), reason=f"no kernel here: {shared()}")


def scene_options(seed):
    """Random options of crystal, detector and beam, over everything that the kernel takes."""
    draw = random.Random(seed)
    pick = draw.choice
    cells = pick(
        [(5, 5, 5), (1, 2, 7), (3, 4, 16), (14, 13, 12), (20, 3, 1), (60, 61, 2), (1, 1, 1), (4.5, 3.3, 7.0)]
    )
    crystal = {
        "cell_a": draw.uniform(30, 90),
        "cell_gamma": draw.uniform(70, 110),
        "N_cells": cells,
        "misset_deg": tuple(draw.uniform(-180, 180) for _ in range(3)),
        "shape": pick(["SQUARE", "SQUARE", "SQUARE", "ROUND", "TOPHAT"]),
        "fudge": draw.uniform(0.5, 2),
        "phi_steps": pick([1, 3]),
        "osc_range_deg": draw.uniform(0, 3),
        "phi_start_deg": draw.uniform(-90, 90),
        "mosaic_domains": pick([1, 4]),
        "mosaic_spread_deg": draw.uniform(0, 2),
    }
    detector = {
        "fpixels": draw.randint(1, 150),
        "spixels": draw.randint(1, 9),
        "pixel_size_mm": draw.uniform(0.5, 3),
        "distance_mm": draw.uniform(60, 200),
        "oversample": pick([1, 2]),
        "rotx_deg": draw.uniform(-30, 30),
        "roty_deg": draw.uniform(-30, 30),
        "twotheta_deg": draw.uniform(-20, 20),
        "convention": pick(["MOSFLM", "DENZO", "ADXV", "XDS", "DIALS"]),
        "point_pixel": pick([False, False, True]),
        "thickness_um": pick([0.0, 450.0]),
        "attenuation_um": 250.0,
        "thickness_steps": pick([2, 4]),
        **{
            name: pick(["first", "last", "each"])
            for name in ("omega_from", "polarization_from", "capture_from")
        },
    }
    if draw.random() < 0.3:
        detector["roi"] = (draw.randint(0, 3), draw.randint(3, 200), 0, draw.randint(0, 30))
        detector["fpixels"] = max(detector["fpixels"], 4)
    beam = {
        "polarization": pick([0.0, 0.7, -0.4]),
        "nopolar": pick([False, False, True]),
        "dmin_A": pick([0.0, 0.0, 2.5]),
        "h_divergence_mrad": 4.0,
        "h_divergence_step_mrad": 2.0,
        "h_divergence_steps": pick([1, 3]),
        "dispersion": 0.02,
        "dispersion_step": 0.01,
        "dispersion_steps": pick([1, 3]),
    }
    return crystal, detector, beam


def pair(simulate, seed, dtype=torch.float64, **leaves):
    """The same scene for the kernel and for plain torch."""
    crystal, detector, beam = scene_options(seed)
    crystal.update(leaves)
    sims: list[Simulator] = []
    for engine in ("kernel", "torch"):
        sim = simulate(crystal, detector, beam, dtype=dtype, engine=engine)
        if seed % 3 == 0:
            generator = torch.Generator().manual_seed(seed)
            values = torch.rand(9, 10, 11, dtype=torch.float64, generator=generator) * 20
            sim.crystal.table = Table(values, (-4, -5, -3), torch.tensor(7.0, dtype=torch.float64))
            object.__setattr__(sim.crystal.config, "interpolate", False)
        if seed % 4 == 0:
            generator = torch.Generator().manual_seed(seed)
            sim.detector.mask = (
                torch.rand(detector["spixels"], detector["fpixels"], generator=generator) > 0.2
            )
        sims.append(sim)
    return sims


@needs_kernel
@pytest.mark.parametrize("seed", range(60))
def test_forward_agrees(simulate, seed):
    fast, plain = pair(simulate, seed)
    image, expected = fast.run(), plain.run()
    assert fast.path == "kernel"
    assert plain.path == "torch"
    assert torch.allclose(image, expected, rtol=1e-9, atol=1e-11 * expected.abs().max().item())


@needs_kernel
@pytest.mark.parametrize("seed", range(0, 60, 4))
def test_forward_agrees_in_float32(simulate, seed):
    fast, plain = pair(simulate, seed, dtype=torch.float32)
    image, expected = fast.run().double(), plain.run().double()
    if expected.std() == 0 or fast.crystal.config.shape == "TOPHAT":
        pytest.skip("an even image, or one with steps that round-off moves")
    assert torch.corrcoef(torch.stack((image.reshape(-1), expected.reshape(-1))))[0, 1] > 0.9999


@needs_kernel
@pytest.mark.parametrize("seed", range(24))
def test_backward_agrees(simulate, leaf, seed):
    """Gradients of the cell, the missetting and the spread, under a random upstream gradient."""
    found = []
    for which in (0, 1):
        leaves = {
            "cell_a": leaf(47.0),
            "cell_beta": leaf(93.0),
            "misset_deg": leaf([5.0, 6.0, 7.0]),
            "mosaic_spread_deg": leaf(0.8),
        }
        sim = pair(simulate, seed, **leaves)[which]
        image = sim.run()
        upstream = torch.rand(image.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        gradients = torch.autograd.grad((image * upstream).sum(), list(leaves.values()), allow_unused=True)
        found.append([torch.zeros(3) if part is None else part for part in gradients])
    for got, expected in zip(*found, strict=True):
        assert torch.allclose(got, expected, rtol=1e-8, atol=1e-8 * (1 + expected.abs().max().item()))


@needs_kernel
@pytest.mark.parametrize("amplitude", [0.0, 12.0])
def test_intensities_need_no_plain_path(simulate, leaf, monkeypatch, amplitude):
    """Fluence and a uniform structure factor beside the cell: the kernel alone, and the right numbers."""
    from simulator.engine.engine import TorchEngine

    found = []
    for engine in ("torch", "kernel"):
        if engine == "kernel":
            monkeypatch.setattr(TorchEngine, "backward", lambda *_: pytest.fail("the plain path was taken"))
        cell, factor, fluence = leaf(47.0), leaf(amplitude), leaf(2e29)
        sim = simulate(
            {"cell_a": cell, "default_F": factor}, {"roi": (2, 20, 3, 9)}, {"fluence": fluence}, engine=engine
        )
        (sim.run() ** 2).sum().backward()
        found.append([cell.grad.item(), factor.grad.item(), fluence.grad.item() * 1e29])
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@needs_kernel
def test_gradients_on_and_beside_bragg_points(simulate, leaf):
    """Large N right at, and within 1e-9 ... 1e-3 of, the reflections: series and sines must meet."""
    for offset in (0.0, 1e-9, 1e-6, 2e-5, 1e-4, 1e-3):
        found = []
        for engine in ("kernel", "torch"):
            cell = leaf(40.0)
            panel = {
                "fpixels": 3,
                "spixels": 3,
                "pixel_size_mm": 0.1,
                "distance_mm": 100.0,
                "beam_x_mm": 0.1 + offset,
                "beam_y_mm": 0.1,
            }
            sim = simulate({"cell_a": cell, "N_cells": (50, 33, 200)}, panel, engine=engine)
            image = sim.run()
            image.sum().backward()
            found.append((image.detach(), cell.grad))
        assert torch.allclose(found[0][0], found[1][0], rtol=1e-9)
        assert found[0][1].item() == pytest.approx(
            found[1][1].item(), rel=1e-6, abs=1e-9 * found[0][0].sum().item()
        )


@needs_kernel
def test_threads_do_not_change_the_image(simulate):
    crystal, detector = {"mosaic_spread_deg": 1.0, "mosaic_domains": 5}, {"fpixels": 300, "spixels": 40}
    images = [
        simulate(crystal, detector, engine=choose_engine("kernel", device=CPU, threads=threads)).run()
        for threads in (1, 2, 3)
    ]
    assert torch.equal(images[0], images[1])
    assert torch.equal(images[0], images[2])


@needs_kernel
def test_what_the_kernel_does_not_take_runs_plain_and_says_so(simulate, monkeypatch):
    monkeypatch.delenv("NANOBRAGG_DISABLE_COMPILE", raising=False)
    sim = simulate({}, {"curved": True})
    sim.run()
    assert sim.path == "torch (a curved detector)"
    sim = simulate({"shape": "GAUSS"})
    sim.run()
    assert sim.path == "torch (GAUSS spots)"


def test_the_switch_selects_the_plain_path(simulate, monkeypatch):
    monkeypatch.setenv("NANOBRAGG_DISABLE_COMPILE", "1")
    assert simulate().path == "torch"
    assert choose_engine("auto", device=CPU, environ={"NANOBRAGG_DISABLE_COMPILE": "0"}).name in (
        "kernel",
        "torch",
    )


def test_without_a_compiler_there_is_a_reason_and_a_plain_path(tmp_path):
    built = build({"CC": "/nonexistent/cc", "SIMULATOR_CACHE": str(tmp_path)})
    assert built.path is None
    assert built.how == "no C compiler found"
    assert load({"CC": "/nonexistent/cc", "SIMULATOR_CACHE": str(tmp_path)}) == "no C compiler found"


def test_a_compiler_that_fails_gives_its_message(tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'internal error 7' >&2\nexit 1\n")
    broken.chmod(0o755)
    built = build({"CC": str(broken), "SIMULATOR_CACHE": str(tmp_path / "cache")})
    assert built.path is None
    assert "internal error 7" in built.how
    assert not list((tmp_path / "cache").glob("*.so"))


@needs_kernel
def test_a_library_that_computes_wrongly_is_refused(tmp_path):
    """The check at load time compares with the twin, so a miscompiled kernel never reaches a user."""
    from simulator.engine.native import verify

    library = load()
    assert not isinstance(library, str)
    assert verify.complaint(library) is None

    class Wrong:
        how = library.how

        def image(self, *arrays, out, **named):
            library.image(*arrays, out=out, **named)
            for pixel, value in enumerate(out):
                out[pixel] = value * (1 + 1e-6)

        def pullback(self, *arrays, **named):
            return library.pullback(*arrays, **named)

    assert "differs" in str(verify.complaint(Wrong()))


def test_the_build_is_cached_and_serves_without_a_compiler(tmp_path):
    """A compiler that only makes its output file: what it is asked for, and how often, is the point."""
    compiler = tmp_path / "cc"
    log = tmp_path / "log"
    script = f'#!/bin/sh\necho "$@" >> {log}\nwhile [ "$1" != -o ]; do shift; done\necho made > "$2"\n'
    compiler.write_text(script)
    compiler.chmod(0o755)
    environ = {"SIMULATOR_CACHE": str(tmp_path / "cache"), "CC": str(compiler)}
    first = build(environ)
    assert first.how.startswith("built with cc")
    calls = log.read_text().splitlines()
    assert len(calls) == 4, "three sources and the library"
    assert "-ffp-contract=off" in next(call for call in calls if "noise.c" in call)
    again = build(environ)
    assert again.path == first.path
    assert again.how.startswith("cached")
    assert log.read_text().splitlines() == calls, "nothing was compiled again"
    gone = {**environ, "CC": str(tmp_path / "nothing")}
    assert build(gone).path == first.path
    assert build(gone).how.startswith("cached")


@needs_kernel
def test_a_damaged_kernel_is_built_again(tmp_path):
    """A compiler that makes an empty library, because the kernel itself takes ten seconds."""
    compiler = tmp_path / "cc"
    script = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nexec cc -shared -x c /dev/null -o "$2"\n'
    compiler.write_text(script)
    compiler.chmod(0o755)
    environ = {"SIMULATOR_CACHE": str(tmp_path / "cache"), "CC": str(compiler)}
    target = build(environ).path
    assert target is not None
    target.unlink()
    target.write_bytes(b"no library")
    alone = load({**environ, "CC": str(tmp_path / "nothing")})
    assert "could not be loaded" in str(alone)
    assert not isinstance(load(environ), str)


@needs_kernel
def test_the_kernel_of_this_process_was_built_or_found():
    assert shared().how.startswith(("built with", "cached kernel-"))
