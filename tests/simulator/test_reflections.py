"""MTZ and mmCIF files: amplitudes of every symmetry mate, as atoms of the whole cell give them."""

import math

import gemmi
import numpy as np
import pytest
import torch

from simulator import Crystal, CrystalConfig, SimulatorError
from simulator.__main__ import main
from simulator.crystal.reflections import read_reflections

CELLS = {
    "P 21 21 21": (30.0, 35.0, 40.0, 90.0, 90.0, 90.0),
    "C 1 2 1": (40.0, 30.0, 35.0, 90.0, 103.0, 90.0),
    "P 31 2 1": (36.0, 36.0, 45.0, 90.0, 90.0, 120.0),
}
RESOLUTION = 7.0
ATOMS = np.array([[0.11, 0.23, 0.37], [0.41, 0.07, 0.83], [0.62, 0.71, 0.29]])
SCATTERING = np.array([16.0 + 4.0j, 8.0, 6.0])
"""Electrons of each atom; the imaginary part of the first makes F(h) and F(-h) differ."""


def amplitude(group, indices):
    """|F| by summing over all atoms of the cell: [n]."""
    total = np.zeros(len(indices), dtype=complex)
    for atom, electrons in zip(ATOMS, SCATTERING, strict=True):
        for op in group.operations():
            place = np.array(op.apply_to_xyz(list(atom)))
            total += electrons * np.exp(2j * math.pi * (indices @ place))
    return np.abs(total)


def mtz_of(name, pair, squared=False):
    """A merged file of one reflection of each set of mates, in the usual asymmetric unit."""
    group = gemmi.SpaceGroup(name)
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = group
    mtz.set_cell_for_all(gemmi.UnitCell(*CELLS[name]))
    mtz.add_dataset("made")
    kind = "K" if squared else "G"
    columns = [("F(+)", kind), ("F(-)", kind)] if pair else [("F", "J" if squared else "F")]
    for label, type_ in columns:
        mtz.add_column(label, type_)
    indices = np.array(gemmi.make_miller_array(mtz.cell, group, RESOLUTION))
    found = [amplitude(group, sign * indices) for sign in ((1, -1) if pair else (1,))]
    values = np.stack(found, 1)
    mtz.set_data(np.hstack([indices, values**2 if squared else values]).astype(np.float32))
    mtz.update_reso()
    return mtz


def expected_indices(name):
    """Every reflection of the sphere that the lattice allows."""
    cell, group = gemmi.UnitCell(*CELLS[name]), gemmi.SpaceGroup(name)
    asymmetric = gemmi.make_miller_array(cell, group, RESOLUTION)
    mates = {
        tuple(sign * np.array(op.apply_to_hkl(list(hkl))))
        for hkl in asymmetric.tolist()
        for op in group.operations()
        for sign in (1, -1)
    }
    return np.array(sorted(mates))


class TestExpansion:
    @pytest.mark.parametrize("name", CELLS)
    @pytest.mark.parametrize("squared", [False, True])
    def test_every_mate_has_its_own_amplitude(self, tmp_path, name, squared):
        path = tmp_path / "pair.mtz"
        mtz_of(name, pair=True, squared=squared).write_to_file(str(path))
        found = read_reflections(path)
        np.testing.assert_array_equal(found.indices, expected_indices(name))
        wanted = amplitude(gemmi.SpaceGroup(name), found.indices)
        np.testing.assert_allclose(found.amplitudes, wanted, rtol=1e-5, atol=1e-3)
        assert found.cell == pytest.approx(CELLS[name])
        assert found.columns == ("F(+)", "F(-)")
        mates = {tuple(index): value for index, value in zip(found.indices.tolist(), wanted, strict=True)}
        assert any(abs(value - mates[-h, -k, -m]) > 1 for (h, k, m), value in mates.items())

    def test_without_a_pair_mates_are_equal(self, tmp_path):
        path = tmp_path / "mean.mtz"
        mtz_of("P 31 2 1", pair=False).write_to_file(str(path))
        found = read_reflections(path)
        values = {tuple(index): f for index, f in zip(found.indices.tolist(), found.amplitudes, strict=True)}
        assert all(value == values[-h, -k, -m] for (h, k, m), value in values.items())

    @pytest.mark.parametrize("pair", [False, True])
    def test_mmcif_holds_the_same(self, tmp_path, pair):
        mtz = mtz_of("C 1 2 1", pair=pair)
        mtz.write_to_file(str(tmp_path / "a.mtz"))
        lines = ["H H index_h", "K H index_k", "L H index_l"]
        lines += ["F(+) G pdbx_F_plus", "F(-) G pdbx_F_minus"] if pair else ["F F F_meas_au"]
        writer = gemmi.MtzToCif()
        writer.spec_lines = lines
        (tmp_path / "a.cif").write_text(writer.write_cif_to_string(mtz))
        ours, theirs = read_reflections(tmp_path / "a.cif"), read_reflections(tmp_path / "a.mtz")
        np.testing.assert_array_equal(ours.indices, theirs.indices)
        np.testing.assert_allclose(ours.amplitudes, theirs.amplitudes, rtol=1e-4, atol=1e-3)

    def test_intensities_of_a_mmcif_are_intensities_when_they_are_named_too(self, tmp_path):
        mtz = mtz_of("C 1 2 1", pair=False)
        writer = gemmi.MtzToCif()
        writer.spec_lines = ["H H index_h", "K H index_k", "L H index_l", "F F intensity_meas"]
        (tmp_path / "a.cif").write_text(writer.write_cif_to_string(mtz))
        chosen = read_reflections(tmp_path / "a.cif")
        named = read_reflections(tmp_path / "a.cif", ("intensity_meas",))
        np.testing.assert_array_equal(named.amplitudes, chosen.amplitudes)

    def test_a_missing_mate_is_stood_in_for(self, tmp_path):
        mtz = mtz_of("P 21 21 21", pair=True)
        data = np.array(mtz.array, copy=True)
        general = int(np.argmax(np.abs(data[:, :3]).min(1)))
        data[general, 4] = np.nan
        data[general + 1, 3:] = np.nan
        mtz.set_data(data)
        mtz.write_to_file(str(tmp_path / "a.mtz"))
        found = read_reflections(tmp_path / "a.mtz")
        values = {tuple(index): f for index, f in zip(found.indices.tolist(), found.amplitudes, strict=True)}
        h, k, m = (int(part) for part in data[general, :3])
        assert values[h, k, m] == values[-h, -k, -m] == pytest.approx(float(data[general, 3]))
        assert tuple(int(part) for part in data[general + 1, :3]) not in values


class TestCrystal:
    def test_the_table_holds_them(self, tmp_path):
        path = tmp_path / "a.mtz"
        mtz_of("P 21 21 21", pair=True).write_to_file(str(path))
        table = Crystal(CrystalConfig(hkl_path=str(path), default_F=3.0)).table
        found = read_reflections(path)
        places = torch.tensor(found.indices - np.array(table.lowest))
        torch.testing.assert_close(table.values[tuple(places.T)], torch.tensor(found.amplitudes))
        assert float(table.values[tuple(-np.array(table.lowest))]) == 3.0

    def test_a_command_takes_the_cell_from_the_file(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        mtz_of("C 1 2 1", pair=True).write_to_file("a.mtz")
        found = read_reflections("a.mtz")
        rows = zip(found.indices.tolist(), found.amplitudes.tolist(), strict=True)
        (tmp_path / "a.hkl").write_text("".join(f"{h} {k} {m} {f!r}\n" for (h, k, m), f in rows))
        words = "-default_F 0 -N 4 -distance 90 -detpixels 20 -pixel 3 -lambda 2 -nonoise"
        common = words.split()
        assert main(["-hkl", "a.mtz", *common, "-floatfile", "file.bin"]) == 0
        assert "the unit cell is that of a.mtz: 40 30 35 A, 90 103 90 degrees" in capsys.readouterr().err
        cell = [str(value) for value in CELLS["C 1 2 1"]]
        assert main(["-hkl", "a.hkl", "-cell", *cell, *common, "-floatfile", "text.bin"]) == 0
        images = [np.fromfile(name, dtype=np.float32) for name in ("file.bin", "text.bin")]
        assert images[0].max() > 0
        np.testing.assert_allclose(images[0], images[1], rtol=1e-5, atol=1e-5 * images[0].max())


class TestErrors:
    def test_no_such_file_and_no_such_format(self, tmp_path):
        bad = tmp_path / "bad.mtz"
        for content in (b"", b"MTZ ", b"\0" * 300):
            bad.write_bytes(content)
            with pytest.raises(SimulatorError, match=r"cannot read the reflections of .*bad\.mtz"):
                read_reflections(bad)
        with pytest.raises(SimulatorError, match=r"cannot read the reflections of .*nowhere\.cif"):
            read_reflections(tmp_path / "nowhere.cif")
        text = tmp_path / "text.cif"
        text.write_text("data_x\n_cell.length_a 10\n")
        with pytest.raises(SimulatorError, match=r"text\.cif holds no reflections"):
            read_reflections(text)

    def test_columns(self, tmp_path):
        path = tmp_path / "a.mtz"
        mtz = mtz_of("C 1 2 1", pair=True)
        mtz.write_to_file(str(path))
        assert read_reflections(path, ("F(-)",)).columns == ("F(-)",)
        with pytest.raises(SimulatorError, match=r"no column FP: it has H, K, L, F\(\+\), F\(-\)"):
            read_reflections(path, ("FP",))
        for label in ("F(+)", "F(-)"):
            mtz.column_with_label(label).type = "R"
        mtz.write_to_file(str(path))
        with pytest.raises(SimulatorError, match="no column of amplitudes"):
            read_reflections(path)

    def test_without_gemmi(self, tmp_path, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "gemmi", None)
        with pytest.raises(SimulatorError, match="pip install gemmi"):
            read_reflections(tmp_path / "a.mtz")
