"""The generator of latent tests: enough kinds and shapes, which do not meet, half of them held back."""

from __future__ import annotations

import ast

from tests.planted.latent.plants import every_plant, files_of, halves


def test_there_are_enough_kinds_shapes_and_decoys():
    plants = every_plant()
    latent = [plant for plant in plants if not plant.is_decoy]
    assert len(latent) >= 60
    assert len({plant.group for plant in latent}) >= 12
    assert len(plants) - len(latent) >= 12
    assert len({plant.name for plant in plants}) == len(plants)


def test_no_two_plants_share_a_file_and_every_subject_is_in_its_own():
    plants = every_plant()
    files = [name for plant in plants for name in plant.files]
    assert len(files) == len(set(files))
    for plant in plants:
        path, _, function = plant.subject.partition("::")
        assert f"def {function}(" in plant.files[path], plant.name


def test_every_file_is_python_and_half_of_the_shapes_are_unseen():
    seen, unseen = halves()
    assert abs(len(seen) - len(unseen)) <= len({plant.group for plant in seen})
    for name, text in files_of([*seen, *unseen]).items():
        if name.endswith(".py"):
            ast.parse(text)
