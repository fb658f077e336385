"""The losses by hand arithmetic, against explicit loops, at their edges, and backwards."""

from collections.abc import Callable
from functools import partial
from itertools import combinations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dshcli.hasher.losses import (
    center_loss,
    center_margin,
    cosine_loss,
    dsh_center_loss,
    dsh_loss,
    same_label,
    squared_distances,
    targets,
)

CENTRES = torch.tensor([[1, 1, 1, 1], [-1, -1, 1, 1], [1, -1, -1, 1]], dtype=torch.int8)


def all_losses() -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    return {
        "dsh": dsh_loss,
        "center": partial(center_loss, centres=CENTRES),
        "dsh+center": partial(dsh_center_loss, centres=CENTRES),
        "cosine": partial(cosine_loss, centres=CENTRES),
    }


def gradient(value: Tensor, points: Tensor) -> Tensor:
    return torch.autograd.grad(value, points)[0]


def outputs(n: int, bits: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(n, bits, generator=torch.Generator().manual_seed(seed))


# --- dsh --------------------------------------------------------------------------------------------------------------


def test_dsh_by_hand() -> None:
    """Three points on a line, k = 1, m = 2: (0,1) similar, D2 = 1; (0,2) D2 = 4, beyond the margin; (1,2) D2 = 1."""
    points, labels = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([0, 0, 1])
    pairs = 1 + max(2 - 4, 0) + max(2 - 1, 0)
    pull = 0.01 / 3 * (1 + 0 + 1)
    assert dsh_loss(points, labels).item() == pytest.approx(pairs / 6 + pull)


def test_dsh_margin_follows_the_bits() -> None:
    """At k = 3 two dissimilar equal points cost the whole margin 2k, and an explicit margin is obeyed."""
    points, labels = torch.ones(2, 3), torch.tensor([0, 1])
    assert dsh_loss(points, labels).item() == pytest.approx(6 / 2)
    assert dsh_loss(points, labels, margin=4.0).item() == pytest.approx(4 / 2)
    # +-1 codes that differ in half of their bits are exactly 2k apart and cost nothing
    codes = torch.tensor([[1.0, 1, 1, 1], [1, 1, -1, -1]])
    assert dsh_loss(codes, labels).item() == 0


@pytest.mark.parametrize("multi", [False, True])
def test_dsh_equals_a_loop(multi: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    points = torch.randn(17, 12, generator=generator, dtype=torch.float64)
    labels = torch.rand(17, 5, generator=generator) < 0.3 if multi else torch.randint(0, 4, (17,), generator=generator)
    margin, total = 24.0, 0.0
    for i, j in combinations(range(17), 2):
        distance = float(((points[i] - points[j]) ** 2).sum())
        same = bool((labels[i] & labels[j]).any()) if multi else bool(labels[i] == labels[j])
        total += distance if same else max(margin - distance, 0)
    expected = total / (17 * 16) + 0.01 / 17 * float((points.abs() - 1).abs().sum())
    assert dsh_loss(points, labels).item() == pytest.approx(expected)


def test_distances_survive_cancellation() -> None:
    """Points far from the origin and close to each other, where the squares alone would swamp the difference."""
    points = 1000 + 0.01 * outputs(8)
    exact = ((points[:, None].double() - points[None].double()) ** 2).sum(-1)
    assert torch.allclose(squared_distances(points).double(), exact, rtol=0.02, atol=1e-6)


# --- centres ----------------------------------------------------------------------------------------------------------


def test_center_by_hand() -> None:
    """Outputs of 0 are coin tosses: ln 2 a bit. A large output costs nothing if right, its size if wrong."""
    labels = torch.tensor([1])
    assert center_loss(torch.zeros(1, 4), labels, CENTRES).item() == pytest.approx(0.6931, abs=1e-4)
    assert center_loss(50.0 * CENTRES[1:2], labels, CENTRES).item() == pytest.approx(0, abs=1e-6)
    assert center_loss(-50.0 * CENTRES[1:2], labels, CENTRES).item() == pytest.approx(50)


def test_extreme_outputs_stay_finite() -> None:
    for loss in all_losses().values():
        points = (1e4 * outputs(6)).requires_grad_()
        value = loss(points, torch.tensor([0, 1, 2, 0, 1, 2]))
        assert torch.isfinite(value) and torch.isfinite(gradient(value, points)).all()


def test_targets_of_several_labels_are_the_majority() -> None:
    labels = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 0, 1]])
    assert targets(labels, CENTRES).tolist() == [
        [1, -1, 1, 1],  # the majority of three
        [1, 1, 1, 1],  # split bits as the first label has them
        [1, -1, -1, 1],
    ]


@pytest.mark.parametrize("name", ["center", "cosine"])
def test_several_labels(name: str) -> None:
    """One label in either form costs the same; an image without any adds nothing to the sum and gets no gradient."""
    loss, points = all_losses()[name], outputs(3).requires_grad_()
    held = functional.one_hot(torch.tensor([1, 0, 2]), 3)
    assert loss(points, held).item() == pytest.approx(loss(points, torch.tensor([1, 0, 2])).item(), rel=1e-6)
    without_last = held * torch.tensor([[1], [1], [0]])
    value = loss(points, without_last)
    assert 3 * value.item() == pytest.approx(2 * loss(points[:2], held[:2]).item(), rel=1e-6)
    pulls = gradient(value, points).abs()
    assert pulls[2].max() == 0 and pulls[:2].min() > 0


def test_the_margin_that_centres_allow() -> None:
    # the three centres differ in 2 bits, pair by pair: 4 * 2
    assert center_margin(CENTRES) == 8.0
    codes = CENTRES.float()
    assert dsh_center_loss(codes, torch.arange(3), CENTRES, weight=0.0).item() == pytest.approx(0)


def test_cosine_by_hand() -> None:
    """Orthogonal centres, output on its own: logits s(1 - m), 0."""
    centres = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    value = cosine_loss(centres[:1] * 3, torch.tensor([0]), centres, scale=5.0, margin=0.2)
    assert value.item() == pytest.approx(torch.log1p(torch.exp(torch.tensor(-4.0))).item(), rel=1e-4)


def test_cosine_of_two_labels_by_hand() -> None:
    """Both centres held: the mean of the two cross-entropies, here of logits s(1 - m) and s(0 - m)."""
    centres = torch.tensor([[1.0, 1.0], [1.0, -1.0]])
    value = cosine_loss(centres[:1] * 3, torch.tensor([[1, 1]]), centres, scale=5.0, margin=0.2)
    logits = torch.tensor([4.0, -1.0])
    assert value.item() == pytest.approx(-torch.log_softmax(logits, 0).mean().item(), rel=1e-5)


@pytest.mark.parametrize(("classes", "scale"), [(2, 8.0), (100, 8.0), (1000, 9.7672)])
def test_cosine_scale_grows_with_the_classes(classes: int, scale: float) -> None:
    """An output on one of C orthogonal centres: ln(1 + (C - 1) exp(-s (1 - margin)))."""
    value = cosine_loss(torch.eye(1, classes), torch.tensor([0]), torch.eye(classes))
    expected = torch.log1p((classes - 1) * torch.exp(torch.tensor(-scale * 0.8)))
    assert value.item() == pytest.approx(expected.item(), rel=1e-3)


def test_outputs_of_nothing_have_a_bounded_gradient() -> None:
    points = torch.zeros(2, 4, requires_grad=True)
    assert gradient(cosine_loss(points, torch.tensor([0, 1]), CENTRES), points).abs().max() < 1e6


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", all_losses())
class TestEveryLoss:
    def test_order_does_not_matter(self, name: str) -> None:
        loss, points, labels = all_losses()[name], outputs(9), torch.arange(9) % 3
        order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
        assert loss(points[order], labels[order]).item() == pytest.approx(loss(points, labels).item(), rel=1e-5)

    @pytest.mark.parametrize(
        "labels", [[0], [0, 0, 0], [0, 1, 2], []], ids=["one image", "one class", "no similar pair", "no image"]
    )
    def test_edges_are_finite_forwards_and_backwards(self, name: str, labels: list[int]) -> None:
        points = outputs(len(labels)).requires_grad_()
        value = all_losses()[name](points, torch.tensor(labels, dtype=torch.int64))
        assert value.ndim == 0 and torch.isfinite(value) and torch.isfinite(gradient(value, points)).all()

    def test_equal_points_have_a_finite_gradient(self, name: str) -> None:
        points = torch.ones(4, 4, requires_grad=True)
        value = all_losses()[name](points, torch.tensor([0, 0, 1, 2]))
        assert torch.isfinite(gradient(value, points)).all()

    def test_gradient_is_that_of_the_value(self, name: str) -> None:
        points, labels = outputs(5, seed=2).double().requires_grad_(), torch.tensor([0, 1, 2, 0, 1])
        assert torch.autograd.gradcheck(lambda x: all_losses()[name](x, labels), (points,))
        assert gradient(all_losses()[name](points, labels), points).abs().sum() > 0

    def test_a_few_steps_bring_it_down(self, name: str) -> None:
        points, labels = outputs(12).requires_grad_(), torch.arange(12) % 3
        values = []
        for _ in range(100):
            value = all_losses()[name](points, labels)
            points = (points - gradient(value, points)).detach().requires_grad_()
            values.append(value.item())
        assert values[-1] < 0.7 * values[0]


def test_same_label() -> None:
    assert same_label(torch.tensor([0, 1, 0])).tolist() == [
        [True, False, True],
        [False, True, False],
        [True, False, True],
    ]
    held = torch.tensor([[1, 0], [1, 1], [0, 1], [0, 0]])
    assert same_label(held).int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
