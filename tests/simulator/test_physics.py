"""Each formula against an independent one: definitions, other libraries' digits, symmetries, polynomials."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.crystal.mosaic import mosaic_rotations, random_misset
from simulator.engine.native.noise import noisy
from simulator.geometry import cell as unit_cell
from simulator.geometry.rotation import about_axis, euler_angles, euler_xyz
from simulator.io.command.rules import rotation, spread
from simulator.physics import factors, lattice, structure
from simulator.physics.chance import Generator
from simulator.physics.noise import Deviates, log_gamma, poisson_image
from simulator.physics.table import Table

F64 = torch.float64


def tensor(*values):
    return torch.tensor(values, dtype=F64)


class TestLattice:
    @pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 8, 13, 14, 15, 60, 201])
    @pytest.mark.parametrize("offset", [0.0, 1e-13, 1e-9, 1e-6, 1e-4, 0.003, 0.1, 0.2, 0.25, 0.4999, 0.5])
    def test_interference_against_fifty_digits(self, n, offset):
        with mpmath.workdps(50):
            x = mpmath.pi * mpmath.mpf(offset)
            expected = float((mpmath.sin(n * x) / mpmath.sin(x)) ** 2) if offset else float(n * n)
        for whole in (n, None):
            found = lattice.interference(tensor(offset), tensor(float(n)), whole)
            assert found.item() == pytest.approx(expected, rel=1e-10, abs=1e-12 * n * n)

    @pytest.mark.parametrize("n", range(1, 15))
    def test_interference_is_a_sum_over_cells(self, n):
        """sin^2(pi N d)/sin^2(pi d) = |sum of exp(2 pi i d k)|^2."""
        offsets = torch.linspace(-0.5, 0.5, 101, dtype=F64)
        waves = torch.exp(2j * math.pi * offsets[:, None] * torch.arange(n))
        found = lattice.interference(offsets, tensor(float(n)), n)
        assert torch.allclose(found, waves.sum(1).abs() ** 2, atol=1e-11 * n * n)

    @pytest.mark.parametrize("u", [0.0, 1e-6, 1e-3, 0.1, 0.4999, 0.5001, 1.0, 4.4934, 30.0])
    def test_ball_against_fifty_digits(self, u):
        with mpmath.workdps(50):
            x = mpmath.mpf(u)
            expected = float(3 * (mpmath.sin(x) / x - mpmath.cos(x)) / x**2) if u else 1.0
        assert lattice.ball(tensor(u * u)).item() == pytest.approx(expected, rel=1e-11, abs=1e-14)

    def test_shapes_agree_at_the_reflection(self):
        """Every shape gives about N^2 at a reflection: the volume scattering in phase."""
        zero, cells = torch.zeros(3, dtype=F64), tensor(4.0, 5.0, 6.0)
        square = 120.0**2
        reciprocal = torch.eye(3, dtype=F64) / 50
        one = tensor(1.0)
        assert lattice.square_factor(zero, cells, (4, 5, 6)).item() == pytest.approx(square)
        assert lattice.gauss_factor(zero, cells, reciprocal, one).item() == pytest.approx(square)
        assert lattice.tophat_factor(zero, cells, reciprocal, one).item() == pytest.approx(square)
        round_value = lattice.round_factor(zero, cells, one).item()
        assert round_value == pytest.approx(square * 0.723601254558268**2)


class TestStructureFactors:
    @staticmethod
    def table(function, size=9):
        grid = torch.arange(size, dtype=F64) - 4
        h, k, last = torch.meshgrid(grid, grid, grid, indexing="ij")
        return Table(function(h, k, last), (-4, -4, -4), tensor(7.0)[0])

    def test_tricubic_reproduces_every_cubic_polynomial(self):
        def cubic(h, k, last):
            return 1 + h - 2 * k**2 + last**3 + h * k * last + h**3 * k**2 - h**3 * k**3 * last**3

        table = self.table(cubic)
        points = torch.rand(3, 200, dtype=F64, generator=torch.Generator().manual_seed(1)) * 4 - 2
        assert torch.allclose(structure.tricubic(table, points), cubic(*points), rtol=1e-10, atol=1e-9)

    def test_tricubic_passes_through_the_entries(self):
        table = self.table(lambda h, k, last: torch.sin(h + 2 * k) + last)
        points = torch.tensor([[0.0, 1, -2], [2, -1, 0], [1, 1, 1]], dtype=F64).T
        assert torch.allclose(structure.tricubic(table, points), structure.nearest(table, points), atol=1e-13)

    def test_reach_is_two_inside_the_limits(self):
        table = self.table(lambda h, k, last: h)
        points = torch.tensor(
            [[-2.0, 0, 0], [2.0, 0, 0], [-2.001, 0, 0], [0, 2.001, 0], [0, 0, -1.999]], dtype=F64
        )
        assert structure.reachable(table, points.T).tolist() == [True, True, False, False, True]

    def test_outside_the_table_is_the_default(self):
        table = self.table(lambda h, k, last: h * 0 + 1)
        points = torch.tensor([[4.0, 4, 4], [5, 0, 0], [0, -5, 0], [1e9, 0, 0]], dtype=F64)
        assert structure.nearest(table, points.T).tolist() == [1.0, 7.0, 7.0, 7.0]

    def test_halves_go_down(self):
        assert structure.nearest_index(tensor(0.5, 1.5, -0.5, -1.5, 2.5)).tolist() == [0, 1, -1, -2, 2]


class TestPolarization:
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.floats(0.01, 3.1), st.floats(-3.1, 3.1), st.floats(-1, 1))
    def test_against_the_angles(self, two_theta, azimuth, kahn):
        """The same factor from 2 theta and psi themselves."""
        s, c = math.sin(two_theta), math.cos(two_theta)
        ray = tuple(tensor(v)[0] for v in (c, s * math.cos(azimuth), s * math.sin(azimuth)))
        beam, axis = tensor(1.0, 0, 0), tensor(0, 0, 1.0)
        magnetic = torch.linalg.cross(axis, beam)
        electric = torch.linalg.cross(beam, magnetic)
        along, aside = (float(sum(a * b for a, b in zip(ray, v, strict=True))) for v in (electric, magnetic))
        psi = -math.atan2(aside, along)
        expected = 0.5 * (1 + c * c - kahn * math.cos(2 * psi) * s * s)
        found = factors.polarization(ray, beam, axis, tensor(kahn)[0]).item()
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-14)

    def test_layers_share_out_what_the_sensor_stops(self):
        step, absorption, slant = tensor(1e-4)[0], tensor(3e3)[0], tensor(0.8)[0]
        parts = sum(factors.captured(layer, step, absorption, slant) for layer in range(5))
        assert parts.item() == pytest.approx(1 - math.exp(-5 * 1e-4 * 3e3 / 0.8), rel=1e-12)


class TestCell:
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        st.tuples(*[st.floats(10, 300)] * 3),
        st.tuples(st.floats(60, 115), st.floats(65, 120), st.floats(70, 110)),
    )
    def test_standard_orientation_returns_the_cell(self, lengths, degrees):
        """Lengths, angles and volume of the real vectors are those put in; a* along x, b* in the xy plane."""
        edges, angles = tensor(*lengths), tensor(*degrees) * math.pi / 180
        volume = unit_cell.volume(edges, angles)
        reciprocal = unit_cell.standard_reciprocal(edges, angles, exact=True)
        real = unit_cell.real_vectors_of_cell(reciprocal, edges, volume)
        assert torch.allclose(real @ reciprocal.T, torch.eye(3, dtype=F64), atol=1e-9)
        assert torch.allclose(torch.linalg.vector_norm(real, dim=1), edges, rtol=1e-12)
        cosines = [real[1] @ real[2] / edges[1] / edges[2], real[2] @ real[0] / edges[2] / edges[0]]
        cosines.append(real[0] @ real[1] / edges[0] / edges[1])
        assert torch.allclose(torch.stack(cosines), torch.cos(angles), atol=1e-9)
        assert torch.linalg.det(real).item() == pytest.approx(volume.item(), rel=1e-9)
        assert reciprocal[0, 1:].tolist() == [0, 0]
        assert reciprocal[1, 2].item() == 0

    def test_the_reference_is_exact_where_two_angles_are_right(self):
        edges, angles = tensor(41.0, 52.0, 63.0), tensor(90.0, 107.0, 90.0) * math.pi / 180
        exact = unit_cell.standard_reciprocal(edges, angles, exact=True)
        assert torch.allclose(unit_cell.standard_reciprocal(edges, angles), exact, rtol=1e-12, atol=1e-15)

    def test_the_reference_is_off_in_a_triclinic_cell(self):
        """The defect is real, and as large as said: the option exists for a reason."""
        edges, angles = tensor(41.0, 52.0, 63.0), tensor(81.0, 95.0, 105.0) * math.pi / 180
        exact = unit_cell.standard_reciprocal(edges, angles, exact=True)
        gap = (unit_cell.standard_reciprocal(edges, angles) / exact)[2, 2].item() - 1
        assert 1e-3 < abs(gap) < 1e-2

    def test_left_handed_vectors_invert_exactly(self):
        left = torch.tensor([[0.02, 0.001, 0.0], [0.003, -0.01, 0.002], [0.0, 0.001, 0.015]], dtype=F64)
        assert torch.linalg.det(left) < 0
        assert torch.allclose(unit_cell.real_vectors(left) @ left.T, torch.eye(3, dtype=F64), atol=1e-12)


class TestRotations:
    def test_order_is_x_then_y_then_z(self):
        quarter = math.pi / 2
        turned = euler_xyz(tensor(quarter, quarter, 0)) @ tensor(0, 1.0, 0)
        assert torch.allclose(turned, tensor(1.0, 0, 0), atol=1e-15)

    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(st.tuples(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-3.1, 3.1)))
    def test_angles_of_a_rotation_rebuild_it(self, angles):
        turn = euler_xyz(tensor(*angles))
        assert torch.allclose(euler_xyz(euler_angles(turn)), turn, atol=1e-12)

    def test_right_handed_about_any_axis(self):
        axis, third = tensor(1.0, 1.0, 1.0) / math.sqrt(3), tensor(2 * math.pi / 3)[0]
        assert torch.allclose(about_axis(axis, third) @ tensor(1.0, 0, 0), tensor(0, 1.0, 0))


class TestChance:
    def test_minimal_standard_state(self):
        """State 1 becomes 1043618065 after 10000 steps, the published check of this generator."""
        generator = Generator(-1)
        generator._state = 1
        for _ in range(10000):
            generator._advance()
        assert generator._state == 1043618065

    def test_numbers_are_uniform_and_repeatable(self):
        generator = Generator(-12345678)
        numbers = np.array([generator.uniform() for _ in range(20000)], dtype=np.float64)
        assert abs(numbers.mean() - 0.5) < 4 * math.sqrt(1 / 12 / 20000)
        assert np.histogram(numbers, bins=20, range=(0, 1))[0].std() < 5 * math.sqrt(1000)
        assert Generator(-12345678).uniform() == np.float32(numbers[0])
        assert Generator(0).uniform() == Generator(-1).uniform()

    def test_mosaic_blocks(self):
        blocks = mosaic_rotations(2.0, 400, -5, torch)
        assert torch.equal(blocks[0], torch.eye(3, dtype=F64))
        unitary = blocks @ blocks.transpose(1, 2)
        assert torch.allclose(unitary, torch.eye(3, dtype=F64).expand_as(unitary), atol=1e-12)
        traces = torch.diagonal(blocks, dim1=1, dim2=2).sum(1)
        angles = torch.rad2deg(torch.acos(((traces - 1) / 2).clamp(-1, 1)))
        assert angles.max() <= 2.0 + 1e-5
        assert angles[1:].mean() > 1.0

    def test_spread_as_a_tensor_is_the_spread_as_a_number(self):
        number = mosaic_rotations(1.3, 9, -7, torch)
        kept = mosaic_rotations(tensor(1.3)[0], 9, -7, torch)
        assert torch.allclose(number, kept, atol=3e-9)

    def test_random_orientations_differ_by_seed_only(self):
        assert torch.equal(random_misset(-77, torch), random_misset(-77, torch))
        assert not torch.allclose(random_misset(-77, torch), random_misset(-78, torch), atol=1e-3)


class TestNoise:
    @pytest.mark.parametrize("value", [0.5, 1.0, 3.7, 12.0, 100.0, 5e4])
    def test_log_gamma(self, value):
        assert float(log_gamma(np.float32(value))) == pytest.approx(math.lgamma(value), rel=3e-7, abs=3e-7)

    def test_compiled_deviates_are_the_plain_ones(self):
        means = np.concatenate(
            [
                np.linspace(0, 11.9, 300),
                np.linspace(12, 400, 300),
                np.geomspace(401, 9e5, 60),
                np.geomspace(1.1e6, 1e8, 31),
            ]
        ).astype(np.float32)
        assert np.array_equal(noisy(means, -42), poisson_image(means, -42))

    @pytest.mark.parametrize("mean", [0.3, 5.0, 11.5, 12.5, 80.0, 5000.0])
    def test_mean_and_variance_are_the_mean(self, mean):
        counts = noisy(np.full(20000, mean, dtype=np.float32), -9).astype(np.float64)
        assert abs(counts.mean() - mean) < 5 * math.sqrt(mean / 20000)
        assert counts.var() == pytest.approx(mean, rel=0.08)
        assert (counts == np.floor(counts)).all()
        assert counts.min() >= 0

    def test_second_normal_deviate_is_kept(self):
        stream = Deviates(-3)
        first, second = stream.normal(), stream.normal()
        again = Deviates(-3)
        assert again.poisson(np.float32(4e6)) == pytest.approx(4e6 + 2e3 * float(first), abs=1)
        assert again.poisson(np.float32(4e6)) == pytest.approx(4e6 + 2e3 * float(second), abs=1)


class TestRules:
    @pytest.mark.parametrize(
        ("given_", "expected"),
        [
            ((None, None, None), (1, 0, 0)),
            ((None, None, 2.0), (2, 2, 2)),
            ((None, 3.0, None), (2, 3, 3)),
            ((None, 3.0, 0.7), (5, 3, 0.7)),
            ((4, None, None), (4, 1000, 250)),
            ((4, None, 2.0), (2, 2, 2)),
            ((4, 3.0, 0.7), (4, 3, 0.7)),
            ((3, 0.0, None), (1, 0, 0)),
            ((None, 0.0, 1.0), (1, 0, 0)),
            ((None, 0.0, None), (1, 0, 0)),
            ((4, 3.0, None), (4, 3, 1)),
            ((1, 3.0, None), (2, 3, 3)),
            ((0, 3.0, None), (2, 3, 3)),
        ],
    )
    def test_divergence(self, given_, expected):
        grid = spread("-hdivrange", *given_, alone=1000.0)
        assert (grid.count, grid.span, grid.step) == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("given_", "expected"),
        [
            ((None, None, None), (1, 0, 0)),
            ((None, 1.0, None), (2, 1, 0.5)),
            ((None, None, 0.2), (2, 0.2, 0.2)),
            ((None, 1.0, 0.3), (4, 1, 0.3)),
            ((5, None, None), (5, 1, 0.2)),
            ((4, None, 0.3), (2, 0.3, 0.3)),
            ((4, 2.0, 0.3), (4, 2, 0.3)),
            ((5, 2.0, None), (5, 2, 0.4)),
        ],
    )
    def test_spindle(self, given_, expected):
        grid = rotation(*given_)
        assert (grid.count, grid.span, grid.step) == pytest.approx(expected)
