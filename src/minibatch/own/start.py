"""A model file in the process of a stage."""

import os
from pathlib import Path

import torch

from minibatch.own.contract import Contract
from minibatch.tables import cores, provenance


def contract(parameters: dict) -> Contract:
    """Load it, with all cores for PyTorch unless the file says otherwise.

    It works in its own folder, whose files it may name by relative paths.
    """
    torch.set_num_threads(cores.available())
    os.chdir(Path(parameters["model"]).parent)
    found = Contract(Path(parameters["model"]))
    if "evaluated" in parameters:
        found.data.evaluated = parameters["evaluated"]
    return found


def about(found: Contract) -> dict:
    """On what, and with what, a table of it is made."""
    gpus = [torch.cuda.get_device_name(found.device)] if found.device.type == "cuda" else []
    return provenance.collect(
        threads=[torch.get_num_threads()], frameworks=[f"torch {torch.__version__}"], gpus=gpus
    )
