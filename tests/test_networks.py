"""Networks, and what feeds them: shapes, batch mates, augmentation, the learning rate, batches."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dshcli.errors import UsageError
from dshcli.hasher import networks
from dshcli.hasher.augment import Augment
from dshcli.hasher.feeds import FeatureFeed, PixelFeed, channel_statistics
from dshcli.hasher.fitting import encode
from dshcli.hasher.sampling import balanced_batches, shuffled_batches
from dshcli.hasher.schedule import FADE, WARM_UP, one_cycle, variation
from dshcli.images.spec import InputSpec

GRAY, COLOUR = InputSpec(28, 1), InputSpec(32, 3)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixels(count: int, spec: InputSpec, seed: int = 0) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    shape = (count, spec.size, spec.size, spec.channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def feed_of(count: int, spec: InputSpec, augment: Augment | None = None) -> PixelFeed:
    flat = (0.5,) * spec.channels
    return PixelFeed(pixels(count, spec), flat, flat, augment=augment)


# --- networks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backbone", [networks.SMALL, networks.RESNET])
@pytest.mark.parametrize("spec", [GRAY, InputSpec(32, 1), COLOUR, InputSpec(28, 3)])
@pytest.mark.parametrize("bits", [4, 5, 512])
def test_outputs_have_one_column_a_bit(backbone: str, spec: InputSpec, bits: int) -> None:
    network = networks.build(networks.describe(backbone, spec, bits)).eval()
    assert network(feed_of(3, spec).plain(np.arange(3))).shape == (3, bits)


@pytest.mark.parametrize("backbone", [networks.SMALL, networks.RESNET, "mobilenet_v3_small"])
def test_a_network_is_made_again_from_what_json_keeps(backbone: str) -> None:
    spec = GRAY if backbone == networks.SMALL else COLOUR
    description = networks.describe(backbone, spec, 12, norm=True)
    first = networks.build(description).eval()
    again = networks.build(json.loads(json.dumps(description))).eval()
    again.load_state_dict(first.state_dict())
    x = feed_of(4, spec).plain(np.arange(4))
    with torch.inference_mode():
        assert torch.equal(first(x), again(x))


def test_a_code_does_not_depend_on_batch_mates() -> None:
    network = networks.build(networks.describe(networks.SMALL, GRAY, 32))
    feed = feed_of(12, GRAY)
    network.train()
    network(feed.plain(np.arange(12)))  # so that BatchNorm's running means are not those it began with
    together = encode(network, feed)
    assert not network.training
    alone = np.concatenate([encode(network, feed, np.array([i])) for i in range(12)])
    backwards = encode(network, feed, np.arange(12)[::-1])
    assert np.array_equal(together, alone) and np.array_equal(together, backwards[::-1])

    network.train()  # the same question put to a network that was left in training mode has another answer
    with torch.inference_mode():
        signs = network(feed.plain(np.arange(12))) >= 0
        of_few = network(feed.plain(np.arange(5))) >= 0
    assert not torch.equal(signs[:5], of_few)


@pytest.mark.parametrize(
    ("side", "channels", "images", "pretrained", "backbone", "spec"),
    [
        (28, 1, 60_000, True, networks.SMALL, InputSpec(28, 1)),
        (8, 1, 100, False, networks.SMALL, InputSpec(28, 1)),
        (36, 1, 100, True, networks.SMALL, InputSpec(32, 1)),
        (32, 3, 50_000, True, networks.RESNET, InputSpec(32, 3)),
        (32, 3, 500, True, networks.LITE0, InputSpec(160, 3)),
        (32, 3, 500, False, networks.RESNET, InputSpec(32, 3)),
        (300, 3, 50_000, True, networks.LITE0, InputSpec(160, 3)),
        (300, 1, 500, True, networks.LITE0, InputSpec(160, 3)),
        (300, 3, 500, False, networks.RESNET, InputSpec(64, 3)),
    ],
)
def test_the_images_choose_the_network(
    side: int, channels: int, images: int, pretrained: bool, backbone: str, spec: InputSpec
) -> None:
    chosen = networks.choose_backbone(side, channels, images, pretrained=pretrained)
    assert chosen == backbone
    assert networks.choose_spec(chosen, side, channels) == spec


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "convnext_tiny", "vit_b_16"])
def test_torchvision_models_by_name(name: str) -> None:
    with torch.device("meta"):  # shapes only: nobody waits for weights
        network = networks.build(networks.describe(name, InputSpec(224, 3), 24))
        network.eval()
        assert network(torch.empty(2, 3, 224, 224)).shape == (2, 24)


def test_a_head_on_many_features_drops_some_while_it_learns() -> None:
    description = networks.describe(networks.LITE0, InputSpec(160, 3), 24)
    head = networks.build(description).head
    assert [type(layer).__name__ for layer in head] == ["Dropout", "Linear", "BatchNorm1d", "ReLU", "Linear"]
    x = torch.rand(8, 1280, generator=seeded())
    head.eval()
    assert torch.equal(head(x), head(x))
    before = networks.build({name: value for name, value in description.items() if name != "dropout"})
    assert len(before.head) == 4  # a model saved when there was no dropout has the layers that it had
    before.head.load_state_dict(dict(zip(before.head.state_dict(), head.state_dict().values(), strict=True)))
    assert torch.equal(before.head.eval()(x), head(x))


@pytest.mark.parametrize("name", ["resnet19", "squeezenet1_0", "googlenet", ""])
def test_names_that_are_no_backbone(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        networks.build(networks.describe(name, InputSpec(224, 3), 24))
    assert "resnet18" in caught.value.hint


# --- inputs ---------------------------------------------------------------------------------------------------------


def test_pixels_are_normalised_as_the_encoder_does() -> None:
    images = pixels(5, COLOUR)
    mean, std = channel_statistics(images)
    scaled = images.astype(np.float64) / 255
    assert np.allclose(mean, scaled.mean((0, 1, 2)), atol=1e-6)
    assert np.allclose(std, scaled.std((0, 1, 2)), atol=1e-6)
    x = PixelFeed(images, mean, std).plain(np.array([3, 1]))
    expected = ((scaled[[3, 1]] - mean) / std).transpose(0, 3, 1, 2)
    assert np.allclose(x.numpy(), expected, atol=1e-5)


def test_flat_images_have_a_deviation_that_can_be_divided_by() -> None:
    assert channel_statistics(np.full((4, 2, 2, 1), 51, np.uint8)) == ((0.2,), (0.01,))


def test_features_are_drawn_from_all_views() -> None:
    features = np.stack([np.full((1000, 2), view, np.float32) for view in range(4)], axis=1)
    feed = FeatureFeed(features)
    assert (feed.plain(np.arange(1000)) == 0).all()
    drawn = feed.varied(np.arange(1000), seeded())[:, 0]
    assert drawn.unique().tolist() == [0, 1, 2, 3]
    weaker = feed.varied(np.arange(1000), seeded(), 0.5)[:, 0]
    assert (weaker == 0).float().mean().item() == pytest.approx(1 - 0.5 * 0.75, abs=0.05)
    assert (feed.varied(np.arange(1000), seeded(), 0.0) == 0).all()


# --- augmentation ---------------------------------------------------------------------------------------------------


def test_nothing_asked_nothing_changed() -> None:
    feed = feed_of(3, GRAY)
    assert torch.equal(feed.varied(np.arange(3), seeded()), feed.plain(np.arange(3)))


def test_mirroring_flips_about_half_and_changes_nothing_else() -> None:
    x = torch.rand(200, 3, 8, 8, generator=seeded(1))
    y = Augment(mirror=0.5)(x, seeded())
    flipped = torch.tensor([torch.allclose(a.flip(-1), b, atol=1e-5) for a, b in zip(x, y, strict=True)])
    kept = torch.tensor([torch.allclose(a, b, atol=1e-5) for a, b in zip(x, y, strict=True)])
    assert (flipped ^ kept).all() and 60 < flipped.sum() < 140


def test_a_shift_moves_by_at_most_its_share() -> None:
    x = torch.zeros(100, 1, 20, 20)
    x[:, :, 10, 10] = 1.0
    y = Augment(shift=0.1)(x, seeded())  # two pixels either way
    places = y.flatten(1).argmax(dim=1)
    rows, columns = places // 20, places % 20
    for where in (rows, columns):
        assert where.min() >= 8 and where.max() <= 12 and len(where.unique()) > 2


def test_erasing_leaves_squares_of_the_mean() -> None:
    x = torch.ones(300, 3, 20, 20)
    y = Augment(erase=0.5)(x, seeded())
    gone = (y == 0).float().mean(dim=(1, 2, 3))
    assert 100 < (gone > 0).sum() < 200
    assert gone.max() == pytest.approx(0.25)  # 10 x 10 of 20 x 20, less where the square hangs over the border
    assert (y[:, 0] == y[:, 2]).all()


def test_augmentation_is_drawn_from_the_generator_alone() -> None:
    everything = Augment(turn=10, shift=0.1, zoom=0.1, shear=0.1, mirror=0.5, erase=0.3)
    x = torch.rand(16, 3, 12, 12, generator=seeded(1))
    assert torch.equal(everything(x, seeded(5)), everything(x, seeded(5)))
    assert not torch.equal(everything(x, seeded(5)), everything(x, seeded(6)))


def test_a_turn_is_a_rotation() -> None:
    """The drawn map of a pure turn has columns of length 1 at right angles, and an angle within the limit."""
    maps: Tensor = Augment(turn=30)._maps(50, seeded())
    linear = maps[:, :, :2]
    assert torch.allclose(linear @ linear.transpose(1, 2), torch.eye(2).expand(50, 2, 2), atol=1e-6)
    angles = torch.atan2(linear[:, 1, 0], linear[:, 0, 0]).rad2deg()
    assert angles.abs().max() <= 30 and angles.std() > 5


# --- schedule and batches -------------------------------------------------------------------------------------------


def test_one_cycle_worked_example() -> None:
    rates = [one_cycle(step, 101) for step in range(101)]
    assert rates[0] == pytest.approx(0.04) and rates[100] == pytest.approx(1e-4)
    assert rates[round(WARM_UP * 100)] == pytest.approx(1.0) == max(rates)
    half_way_down = round((WARM_UP + (1 - WARM_UP) / 3) * 100)  # a third of the way: cos(pi/3) = 1/2, so 3/4 is left
    assert rates[half_way_down] == pytest.approx(1e-4 + (1 - 1e-4) * 0.75)
    peak = round(WARM_UP * 100)
    assert rates[: peak + 1] == sorted(rates[: peak + 1]) and rates[peak:] == sorted(rates[peak:], reverse=True)


def test_variation_fades_to_nothing() -> None:
    strengths = [variation(step, 101) for step in range(101)]
    begin, end = (round(100 * share) for share in FADE)
    assert strengths[: begin + 1] == [1.0] * (begin + 1)
    assert strengths[(begin + end) // 2] == pytest.approx(0.5)
    assert strengths[end:] == pytest.approx([0.0] * (101 - end), abs=1e-12)
    assert variation(0, 1) == 1.0


def test_a_faded_variation_is_weaker() -> None:
    whole = Augment(turn=20, shift=0.2, zoom=0.1, shear=0.3, mirror=0.5, erase=0.4)
    assert whole.scaled(0.5) == Augment(turn=10, shift=0.1, zoom=0.05, shear=0.15, mirror=0.25, erase=0.2)
    x = torch.rand(50, 1, 8, 8, generator=seeded())
    assert torch.equal(whole.scaled(0.0)(x, seeded()), x)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_cycle_of_few_steps(steps: int) -> None:
    assert all(0 < one_cycle(step, steps) <= 1 for step in range(steps))


@given(count=st.integers(1, 200), batch=st.integers(1, 60), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_shuffled_batches(count: int, batch: int, seed: int) -> None:
    batches = shuffled_batches(count, batch, np.random.default_rng(seed))
    size = min(batch, count)
    assert len(batches) == count // size and all(len(b) == size for b in batches)
    seen = np.concatenate(batches)
    assert len(set(seen.tolist())) == len(seen) and set(seen.tolist()) <= set(range(count))


@given(
    counts=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    batch=st.integers(4, 32),
    together=st.sampled_from([1, 2, 4]),
)
@settings(max_examples=60, deadline=None)
def test_balanced_batches(counts: list[int], batch: int, together: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    batches = balanced_batches(labels, batch, np.random.default_rng(0), together=together)
    draws = math.ceil(len(labels) / (len(counts) * together)) * together
    assert all(len(b) == min(batch, draws * len(counts)) for b in batches)
    drawn = labels[np.concatenate(batches)]
    of_class = np.bincount(drawn, minlength=len(counts))
    assert of_class.max() <= draws
    for b in batches:
        # Runs are spread evenly over the epoch: in any stretch a class has its share, give or take two runs.
        share = np.bincount(labels[b], minlength=len(counts))
        assert (np.abs(share - len(b) / len(counts)) <= 2 * together).all()


def test_balanced_batches_show_a_large_class_in_parts_and_a_small_one_often() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    seen = np.concatenate(balanced_batches(labels, 10, np.random.default_rng(0)))
    assert np.bincount(labels[seen]).tolist() == [50, 50]
    assert np.bincount(seen, minlength=100)[90:].tolist() == [5] * 10


def test_pairs_come_together() -> None:
    labels = np.repeat(np.arange(100), 8)
    for batch in balanced_batches(labels, 32, np.random.default_rng(0), together=4):
        assert np.bincount(labels[batch]).max() >= 3
