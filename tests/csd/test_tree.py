"""Theta in more than one tensor."""

import pytest
import torch

from collaborative_score_distillation.csd.tree import named_leaves, parts, tree_map, tree_sum, with_leaves


def nested(value=0.0):
    return {
        "place": torch.full((2, 3), value),
        "look": (torch.full((4,), value + 1), {"opacity": torch.full((1,), value + 2)}),
    }


NAMES = ["place", "look.0", "look.1.opacity"]


def values(theta):
    return {name: leaf.flatten()[0].item() for name, leaf in named_leaves(theta)}


def test_every_tensor_has_a_name():
    assert [name for name, _ in named_leaves(nested())] == NAMES
    assert values(nested()) == dict(zip(NAMES, (0, 1, 2)))


def test_a_single_tensor_is_a_structure_too():
    theta = torch.ones(2, 3)
    assert [name for name, _ in named_leaves(theta)] == [""]
    assert torch.equal(tree_map(torch.add, theta, theta), theta + theta)
    assert torch.equal(with_leaves(theta, {"": theta + 1}), theta + 1)


def test_a_map_keeps_the_structure():
    doubled = tree_map(lambda leaf: 2 * leaf, nested(1.0))
    assert isinstance(doubled["look"], tuple) and values(doubled) == dict(zip(NAMES, (2, 4, 6)))
    assert [leaf.shape for _, leaf in named_leaves(doubled)] == [leaf.shape for _, leaf in named_leaves(nested())]


def test_a_map_takes_what_stands_at_the_same_place_by_name_and_not_by_order():
    turned = dict(reversed(nested(10.0).items()))
    assert values(tree_map(torch.add, nested(), turned)) == dict(zip(NAMES, (10, 12, 14)))


def test_sums_begin_with_nothing():
    assert values(tree_sum(None, nested(1.0))) == values(nested(1.0))
    assert values(tree_sum(nested(1.0), nested(5.0))) == dict(zip(NAMES, (6, 8, 10)))


@pytest.mark.parametrize("theta", [nested(3.0), {}, (), (torch.ones(2),), {"a": {"b": torch.ones(2)}}], ids=range(5))
def test_a_structure_comes_back_from_its_leaves(theta):
    again = with_leaves(theta, dict(named_leaves(theta)))
    assert type(again) is type(theta) and values(again) == values(theta)


def test_other_leaves_take_the_places_of_their_names():
    found = with_leaves(nested(), {name: torch.full((5,), 7.0 + i) for i, name in enumerate(reversed(NAMES))})
    assert values(found) == dict(zip(NAMES, (9, 8, 7))) and found["place"].shape == (5,)


def test_a_missing_leaf_is_named():
    with pytest.raises(KeyError, match="look.1.opacity"):
        with_leaves(nested(), {"place": torch.ones(1), "look.0": torch.ones(1)})


@pytest.mark.parametrize("theta", [[torch.ones(2)], {"a": 1.0}, None, ({"b": "c"},)], ids=str)
def test_other_structures_are_refused(theta):
    with pytest.raises(TypeError, match="theta: got a (list|float|NoneType|str), expected a tensor"):
        tree_map(torch.neg, theta)


def test_a_theta_of_one_level_is_a_dictionary():
    flat = {"place": torch.ones(2), "colour": torch.zeros(3)}
    assert parts(flat) == flat


@pytest.mark.parametrize("theta", [torch.ones(2), (torch.ones(1),), nested()], ids=["tensor", "tuple", "nested"])
def test_a_theta_of_more_levels_or_none_is_not(theta):
    with pytest.raises(TypeError, match="theta: got .* in a .*, expected a dictionary of tensors"):
        parts(theta)


def test_structures_that_do_not_fit_are_refused():
    with pytest.raises(ValueError):
        tree_map(torch.add, (torch.ones(1), torch.ones(1)), (torch.ones(1),))
    with pytest.raises(KeyError):
        tree_map(torch.add, {"a": torch.ones(1)}, {"b": torch.ones(1)})


def test_nothing_handed_over_is_changed():
    one, other = nested(), nested(5.0)
    tree_sum(one, other)
    assert values(one) == values(nested()) and values(other) == values(nested(5.0))
