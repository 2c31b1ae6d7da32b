import re
import sys

import pytest
import torch

from minibatch.errors import UserError
from minibatch.own.contract import Contract, OutOfMemory
from minibatch.own.model_checks import check

GOOD = {
    "import": "import torch",
    "model": "def model():\n    return torch.nn.Linear(2, 1)",
    "data": "def data():\n    return torch.ones(20, 2), torch.arange(20.0).reshape(-1, 1)",
    "loss": "def loss(model, batch):\n    x, y = batch\n    return ((model(x) - y) ** 2).mean()",
}


def written(tmp_path, **changes):
    """A model file, with some parts of a good one changed or, by None, left out."""
    path = tmp_path / "net.py"
    parts = GOOD | changes
    path.write_text("\n\n\n".join(part for part in parts.values() if part is not None) + "\n")
    return path


def refused(path):
    with pytest.raises(UserError) as raised:
        check(Contract(path), str(path))
    said = str(raised.value)
    assert "\n" not in said
    return said


def loss(body):
    return {"loss": f"def loss(model, batch):\n    x, y = batch\n    return {body}"}


def data(body):
    return {"data": f"def data():\n    return {body}"}


BAD = {
    "no model": ({"model": None}, r"net\.py: has no model\(\); see docs/your-own\.md"),
    "two missing": ({"model": None, "loss": None}, r"no model\(\) and no loss\(model, batch\)"),
    "syntax": ({"more": "def f(:"}, r"net\.py:\d+: SyntaxError: "),
    "import": ({"more": "import no_such"}, r"net\.py:\d+: ModuleNotFoundError: No module"),
    "it ends the program": ({"more": "raise SystemExit(3)"}, r"net\.py:\d+: SystemExit: 3"),
    "no module": (
        {"model": "def model():\n    return 3"},
        r"returns a value of type int, not a t",
    ),
    "nothing to train": (
        {"model": "def model():\n    return torch.nn.Linear(2, 1).requires_grad_(False)"},
        r"no parameters that need gradients",
    ),
    "model fails": (
        {"model": "def model():\n    return torch.nn.Linear(2)"},
        r"net\.py:5: Type",
    ),
    "shapes": (data("torch.ones(20, 3), torch.ones(20, 1)"), r"net\.py:\d+: RuntimeError: mat1"),
    "vector": (loss("((model(x) - y) ** 2)"), r"a tensor of shape \(8, 1\), not one number"),
    "no tensor": (loss("1.0"), r"returns a value of type float, not one number as a tensor"),
    "nothing": (loss("None"), r"returns nothing, not one number"),
    "summed": (loss("((model(x) - y) ** 2).sum()"), r"summed over the batch: every example twice"),
    "no mean": (loss("((model(x) - y) ** 2).mean() / len(x) ** 2"), r"no mean over the examples"),
    "nan": (loss("((model(x) - y) ** 2).mean() * float('nan')"), r"first 8 examples is nan"),
    "gradient nan": (loss("(model(x) * 0).abs().sqrt().mean() + y.mean()"), r"is not finite"),
    "detached": (loss("((model(x) - y) ** 2).mean().detach()"), r"has no gradient"),
    "constant": (loss("model(x).mean() * 0 + y.mean()"), r"gradient at the first step is 0"),
    "one example": (data("torch.ones(1, 2), torch.ones(1, 1)"), r"data\(\) has 1 example; batch"),
    "none": (data("torch.ones(0, 2), torch.ones(0, 1)"), r"data\(\) has 0 examples; batch"),
    "lengths": (
        data("torch.ones(4, 2), torch.ones(5, 1)"),
        r"lengths, \(4, 2\), \(5, 1\)",
    ),
    "no data": (data("None"), r"data\(\) returns NoneType; it has to be a tensor"),
    "target": (
        {"more": "target_loss = 1e6"},
        r"target_loss = 1e\+06 is not below [\d.]+, ",
    ),
    "target is text": (
        {"more": "target_loss = 'low'"},
        r"target_loss = 'low' is not a positive",
    ),
    "half a pair": ({"more": "learning_rate = 0.1"}, r"go together; give both or none"),
    "part of an example": (
        {"more": "learning_rate = 0.1\nbatch_size = 2.5"},
        r"batch_size = 2\.5 is not a positive whole number",
    ),
    "batch above all": (
        {"more": "learning_rate = 0.1\nbatch_size = 21"},
        r"batch_size = 21 is above the 20 examples",
    ),
    "device": ({"more": "device = 'cuda:77'"}, r"device = 'cuda:77' is none of this machine"),
    "optimizer": (
        {"more": "def optimizer(p, lr):\n    return 3"},
        r"returns a value of type int, not",
    ),
    "rate": (
        {"more": "def optimizer(p, lr):\n    return torch.optim.SGD(p, 0.1)"},
        r"takes another learning rate than the one",
    ),
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_what_cannot_be_asked_about_is_one_line(tmp_path, changes, line):
    assert re.search(line, refused(written(tmp_path, **changes)))


def test_what_can_be_asked_about_passes(tmp_path):
    path = written(tmp_path)
    check(Contract(path), str(path))


def test_a_file_that_is_not_there_or_is_no_python_is_one_line(tmp_path):
    assert "there is no such file" in refused(tmp_path / "none.py")
    (tmp_path / "net.txt").write_text("x")
    assert "has to end in .py" in refused(tmp_path / "net.txt")


def test_an_error_is_blamed_on_the_line_of_the_users_that_called(tmp_path):
    (tmp_path / "parts.py").write_text("def broken(x):\n    return x.no_such\n")
    path = written(tmp_path, more="from parts import broken", **loss("broken(model(x))"))
    said = refused(path)
    sys.modules.pop("parts", None)
    assert said.startswith(f"{tmp_path}/parts.py:2: AttributeError: ")


def test_what_lies_beside_the_file_hides_no_package(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('imported')\n")
    path = written(tmp_path, more="import random\nrandom.random()")
    check(Contract(path), str(path))


def test_an_allocation_that_fails_is_no_fault_of_the_file(tmp_path):
    huge = "((model(x) - y) ** 2).mean() + torch.empty(2**48).sum()"
    contract = Contract(written(tmp_path, **loss(huge)))
    with pytest.raises(OutOfMemory):
        contract.loss(contract.model(0), contract.data.batch([0, 1]))


def test_a_seed_decides_on_the_initial_parameters(tmp_path):
    contract = Contract(written(tmp_path))
    one, same, other = (contract.model(seed).weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
