"""Estimates of |G|² and tr Σ, against every batch there is, and against their closed form."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import nn

from minibatch.own import noise
from minibatch.own.noise import Noise, NotExact, two_sizes
from minibatch.sgd import gradients, objective

VALUES = np.random.default_rng(2).normal(size=(5, 2)) ** 3 + [1.0, -2.0]  # gradients of examples
POPULATION = Noise(float((VALUES.mean(axis=0) ** 2).sum()), gradients.trace(VALUES))


def squared(values, axis=-1):
    return (values**2).sum(axis=axis)


def disjoint(size, count):
    """Mean squared norm of `count` disjoint batches and that of their union: all that there are."""
    for order in permutations(range(5), size * count):
        means = VALUES[list(order)].reshape(count, size, 2).mean(axis=1)
        yield squared(means).mean(), squared(means.mean(axis=0))


def independent(small, large):
    """Squared norms of two batches of independent draws: all pairs of batches that there are."""
    first, second = (
        squared(np.array([VALUES[list(draw)].mean(axis=0) for draw in product(range(5), repeat=n)]))
        for n in (small, large)
    )
    return np.transpose([part.ravel() for part in np.meshgrid(first, second)])


def mean_error(estimator, pairs, small, large, examples):
    """How far the mean over all batches is from |G|² and tr Σ, as a share."""
    found = [estimator(*pair, small, large, examples) for pair in pairs]
    return np.abs(np.mean(found, axis=0) / POPULATION - 1).max()


def norm_of_the_large(small_squared, large_squared, small, large, examples):
    return large_squared, two_sizes(small_squared, large_squared, small, large, examples).trace


def one_size_twice(small_squared, large_squared, small, large, examples):  # noqa: ARG001
    return two_sizes(small_squared, small_squared, small, large, examples)


def endless(small_squared, large_squared, small, large, examples):  # noqa: ARG001
    return two_sizes(small_squared, large_squared, small, large)


def divisor_less_one(small_squared, large_squared, small, large, examples):
    found = two_sizes(small_squared, large_squared, small, large, examples)
    return found.gradient_squared, found.trace * examples / (examples - 1)


def swapped(small_squared, large_squared, small, large, examples):
    return two_sizes(large_squared, small_squared, small, large, examples)


WRONG = [norm_of_the_large, one_size_twice, endless, divisor_less_one, swapped]


@pytest.mark.parametrize(("size", "count"), [(1, 2), (2, 2), (1, 4), (1, 5)])
def test_over_all_disjoint_batches_the_mean_is_exact(size, count):
    error = mean_error(two_sizes, disjoint(size, count), size, size * count, 5)
    assert error < 1e-12


@pytest.mark.parametrize("estimator", WRONG)
def test_a_wrong_estimator_is_seen_over_all_disjoint_batches(estimator):
    assert mean_error(estimator, disjoint(2, 2), 2, 4, 5) > 0.05


@pytest.mark.parametrize(("small", "large"), [(1, 2), (2, 4), (1, 5)])
def test_over_all_independent_draws_the_mean_is_exact(small, large):
    assert mean_error(two_sizes, independent(small, large), small, large, None) < 1e-12


def test_where_the_large_batch_is_all_examples_each_estimate_of_the_mean_gradient_is_exact():
    for pair in disjoint(1, 5):
        found = two_sizes(*pair, 1, 5, 5)
        assert found.gradient_squared == pytest.approx(POPULATION.gradient_squared)
        assert found.trace == pytest.approx(POPULATION.trace)  # one batch each: exact as well


@pytest.mark.parametrize(
    ("small", "large", "examples"), [(2, 2, 5), (3, 2, 5), (0, 2, 5), (2, 6, 5)]
)
def test_sizes_that_say_nothing_are_refused(small, large, examples):
    with pytest.raises(ValueError, match="do not hold"):
        two_sizes(1.0, 1.0, small, large, examples)


def test_of_gaussian_gradients_the_variances_are_those_of_the_formula():
    """2tr(Σ²)/(k − 1), 4GᵀΣG/(kb) + 2tr(Σ²)/(b²k(k − 1)), and −2tr(Σ²)/(bk(k − 1)) together."""
    random, mean, size, count = np.random.default_rng(0), np.array([0.3, -0.2, 0.1]), 4, 6
    root = np.array([[1.0, 0, 0], [0.5, 2, 0], [-1, 0.3, 0.2]])
    covariance = root @ root.T
    batches = mean + random.normal(size=(100_000, count, 3)) @ root.T / np.sqrt(size)
    pair = squared(batches).mean(axis=1), squared(batches.mean(axis=1))
    found = np.cov(two_sizes(*pair, size, size * count))
    both = 2 * np.trace(covariance @ covariance) / (count - 1)
    of_mean = 4 * mean @ covariance @ mean / (count * size) + both / (size**2 * count)
    expected = [[of_mean, -both / (size * count)], [-both / (size * count), both]]
    np.testing.assert_allclose(found, expected, rtol=0.03)


# Least squares on the airfoil data, whose gradients have a closed form.


def half_mse(model, batch):
    x, y = batch
    return ((model(x)[:, 0] - y) ** 2).mean() / 2


@pytest.fixture(scope="module")
def airfoil(real):
    scaled = ((real - real.mean(axis=0)) / real.std(axis=0))[:1500]
    return scaled[:, :5], scaled[:, 5]


def linear(parameters, dtype=torch.float64):
    model = nn.Linear(len(parameters) - 1, 1, dtype=dtype)
    with torch.no_grad():
        model.weight[0] = torch.tensor(parameters[:-1])
        model.bias[0] = parameters[-1]
    return model


def points(x, y):
    """The parameters at the start, where the loss is near 0.25, and far down."""
    rate = objective.stability_limit(x) / 2
    return objective.descend(x, y, np.zeros(x.shape[1] + 1), rate, 10)[[0, 5, 10]]


def closed_form(x, y, point):
    single = gradients.per_example(x, y, point)
    return Noise(squared(single.mean(axis=0)), gradients.trace(single))


def tensors(x, y, dtype=torch.float64):
    return torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)


def test_on_least_squares_the_exact_values_are_those_of_the_closed_form(airfoil):
    for point in points(*airfoil):
        found = noise.exact(linear(point), half_mse, tensors(*airfoil))
        assert found == pytest.approx(closed_form(*airfoil, point), rel=1e-11)


def test_a_model_in_float32_rounds_as_its_gradients_do(airfoil):
    point = points(*airfoil)[1]
    model, data = linear(point, torch.float32), tensors(*airfoil, torch.float32)
    found = noise.exact(model, half_mse, data)
    assert found == pytest.approx(closed_form(*airfoil, point), rel=1e-4)


@pytest.mark.parametrize(("size", "count"), [(1, 20), (10, 10), (100, 15)])
def test_on_least_squares_estimates_have_no_bias(airfoil, size, count):
    random = np.random.default_rng(1)
    for point in points(*airfoil)[1:]:
        model, data = linear(point), tensors(*airfoil)
        drawn = np.array(
            [noise.sampled(model, half_mse, data, size, count, random) for _ in range(150)]
        )
        expected = np.array(closed_form(*airfoil, point))
        error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
        assert (np.abs(drawn.mean(axis=0) - expected) < 4 * error + 1e-9 * expected).all()
        slope, trace = expected
        of_large = slope + trace * gradients.variance(size * count, 1500)
        assert (error < [0.3 * of_large, 0.3 * trace]).all()  # or nothing would be seen


def test_draws_are_disjoint_and_new_in_each_call():
    seen = []

    def loss(model, batch):
        seen.append(batch.tolist())
        return (model.weight * batch).mean()

    random, model = np.random.default_rng(0), nn.Linear(1, 1, bias=False)
    for _ in range(2):
        noise.sampled(model, loss, torch.arange(7.0), 3, 2, random)
    assert [len(batch) for batch in seen] == [3] * 4
    assert len({*seen[0], *seen[1]}) == 6
    assert seen[:2] != seen[2:]
    with pytest.raises(ValueError, match="more than 7 examples"):
        noise.sampled(model, loss, torch.arange(7.0), 3, 3, random)


@pytest.mark.parametrize("sizes", [[3], [3, 2]])
def test_batches_of_one_number_or_of_several_sizes_are_refused(sizes):
    def loss(model, batch):
        return (model.weight * batch).mean()

    with pytest.raises(ValueError, match="several of one size"):
        noise.of_batches(nn.Linear(1, 1), loss, [torch.ones(size) for size in sizes], 9)


# Models of other kinds.


def classify(model, batch):
    x, label = batch
    return nn.functional.cross_entropy(model(x), label)


class Branching(nn.Module):
    """Chooses its way by its input, which can only be done for one example after the other."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) if x.sum() > -1e9 else x


def labelled(count=40, features=4):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, features, generator=generator, dtype=torch.float64)
    return x, torch.randint(3, (count,), generator=generator)


def mlp(*between):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), *between, nn.Tanh(), nn.Linear(8, 3)).double()


def test_all_at_once_is_the_same_as_one_by_one_and_as_autograd():
    model, data = mlp(), labelled()
    single = []
    for x, label in zip(*data, strict=True):
        model.zero_grad()
        classify(model, (x[None], label[None])).backward()
        single.append(np.concatenate([part.grad.numpy().ravel() for part in model.parameters()]))
    expected = squared(np.mean(single, axis=0)), gradients.trace(np.array(single))
    assert noise.exact(model, classify, data) == pytest.approx(expected, rel=1e-12)
    assert noise.exact(Branching(model), classify, data) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("memory", [1, 8 * 67 * 3])
def test_memory_changes_nothing(memory):
    model, data = mlp(), labelled()
    found = noise.exact(model, classify, data, memory)
    assert found == pytest.approx(noise.exact(model, classify, data), rel=1e-12)


def test_only_what_is_trained_counts():
    model, data = mlp(), labelled()
    whole = noise.exact(model, classify, data)
    model[0].requires_grad_(False)
    model.unused = nn.Parameter(torch.ones(2, dtype=torch.float64))
    part = noise.exact(model, classify, data)
    assert part.trace < whole.trace
    assert part == pytest.approx(noise.exact(Branching(model), classify, data))


def summed(model, batch):
    return classify(model, batch) * len(batch[0])


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (mlp(nn.BatchNorm1d(8)), classify),
        (
            nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.BatchNorm2d(1), nn.Flatten(), mlp()),
            classify,
        ),
        (mlp(nn.Dropout(0.1)), classify),
        (mlp(), summed),
    ],
    ids=["batchnorm1d", "batchnorm2d", "dropout", "sum"],
)
def test_what_has_no_gradient_of_an_example_is_refused(model, loss):
    with pytest.raises(NotExact, match="no gradients of single examples"):
        noise.exact(model.double(), loss, labelled())


def test_where_it_does_not_train_batch_normalisation_is_exact():
    model = mlp(nn.BatchNorm1d(8)).eval()
    found = noise.exact(model, classify, labelled())
    assert found == pytest.approx(noise.exact(Branching(model), classify, labelled()))


def test_an_error_of_the_loss_itself_is_not_taken_for_it():
    def broken(*_):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        noise.exact(mlp(), broken, labelled())


def test_looking_changes_nothing_in_the_model():
    model, data = mlp(nn.BatchNorm1d(8)), labelled()
    classify(model, data).backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    slopes = [one.grad.clone() for one in model.parameters()]
    with torch.no_grad():
        noise.sampled(model, classify, data, 5, 4, np.random.default_rng(0))
    with pytest.raises(NotExact):
        noise.exact(model, classify, data)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    grads = [one.grad for one in model.parameters()]
    assert all(torch.equal(*pair) for pair in zip(slopes, grads, strict=True))
    assert model.training
