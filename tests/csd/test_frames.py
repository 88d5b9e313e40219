import pytest
import torch

from collaborative_score_distillation.csd.frames import Frames


def test_particle_i_is_row_i():
    theta = torch.arange(12.0).reshape(4, 3, 1, 1)
    assert torch.equal(Frames(4).split(theta, [2, 0]), theta[[2, 0]])


def test_scatter_puts_rows_where_they_belong():
    x = torch.tensor([5.0, 7.0]).reshape(2, 1, 1, 1)
    assert Frames(3).scatter(x, [2, 0]).flatten().tolist() == [7, 0, 5]


def test_keys_are_names_or_else_positions():
    assert Frames(3).keys([2, 0]) == ["2", "0"]
    named = Frames(3, ("a.png", "b.png", "c.png"))
    assert named.keys([2, 0]) == ["c.png", "a.png"]
    assert named.theta_keys() == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("arguments", [(0,), (-1,), (3, ("a", "b"))])
def test_bad_counts_and_names_are_refused(arguments):
    with pytest.raises(ValueError, match="Frames: got"):
        Frames(*arguments)


@pytest.mark.parametrize("rows", [2, 4])
def test_another_number_of_frames_is_refused(rows):
    with pytest.raises(ValueError, match=f"got a batch of {rows}, expected 3 frames"):
        Frames(3).split(torch.zeros(rows, 4, 2, 2))
