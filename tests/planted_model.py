"""Tables of a planted model: what a step costs, how noisy its gradient is, how long a run takes."""

import numpy as np
import pandas as pd

from minibatch.own.crossing import points
from minibatch.summaries import model_answer, model_prediction

N, SIZES = 1000, [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
T0, C, B = 1e-3, 1e-5, 40.0  # B·t₀/c: the best size is √4000 = 63 of independent draws
SIZE, RATE, STEPS, TARGET = 50, 0.1, 200, 0.5


def samples(spread=0.01, launches=5, ways=(("eager", "direct"), ("eager", "DataLoader"))):
    random, rows = np.random.default_rng(0), []
    for launch in range(launches):
        slow = np.exp(random.normal(0, spread))
        for implementation, loader in ways:
            for size in SIZES:
                steps = -(-N // size)
                seconds = slow * (T0 + C * size) * np.exp(random.normal(0, spread))
                rows.append(
                    {"framework": "pytorch", "device": "cpu", "implementation": implementation}
                    | {"loader": loader, "machine": "here", "batch_size": size, "launch": launch}
                    | {"repeat": 0, "epochs": 1, "epoch_steps": steps, "steps": steps}
                    | {"examples": N, "seconds": steps * seconds * (1 + (loader != "direct"))}
                    | {"cpu_seconds": steps * seconds, "first_call_seconds": 1.0, "busy": False}
                    | dict.fromkeys(("start_seconds", "load_seconds"), np.nan)
                    | dict.fromkeys(("compute_seconds", "update_seconds"), np.nan)
                )
    return pd.DataFrame(rows)


def reference(seeds=8):
    """Losses that fall as 1/s, to the target after STEPS steps."""
    random, rows = np.random.default_rng(1), []
    for seed in range(seeds):
        factor = np.exp(random.normal(0, 0.02))
        for step in points(20, 2 * STEPS):
            loss = factor * TARGET * STEPS / max(step, 1)
            rows.append({"seed": seed, "step": step, "loss": loss})
    about = {"batch_size": SIZE, "learning_rate": RATE, "target_loss": TARGET, "part": "reference"}
    return pd.DataFrame(rows).assign(**about)


def noise(scale=B, spread=0.02, seeds=5):
    """B from half of `scale` at the start to one and a half of it at the end."""
    random, rows = np.random.default_rng(2), []
    for seed in range(seeds):
        for point, share in enumerate(np.linspace(0.5, 1.5, 8)):
            squared = 3 * np.exp(random.normal(0, spread))
            rows.append(
                {"seed": seed, "point": point, "step": round(point * STEPS / 7)}
                | {"method": "exact", "gradient_squared": squared, "trace": 3 * share * scale}
            )
    return pd.DataFrame(rows)


def predicted(**changes):
    tables = {"samples": samples(), "reference": reference(), "noise": noise()}
    return model_prediction.summarise(tables | changes, examples=N)


def real(
    table, steps=1.0, seconds=1.0, launches=5, spread=0.02, unreached=(), late=(), everywhere=False
):
    """Real training that takes `steps` and `seconds` times what was predicted."""
    random, rows = np.random.default_rng(3), []
    tried = table[table.tried]
    for launch in range(launches):
        for row in tried.itertuples():
            factor = steps.get(row.batch_size, 1) if isinstance(steps, dict) else steps
            reach = row.steps * factor * np.exp(random.normal(0, spread))
            lost = row.batch_size in unreached and (launch == 0 or everywhere)
            reach = np.inf if lost else reach
            reach = np.nan if row.batch_size in late and launch == 1 else reach
            about = {"launch": launch, "batch_size": row.batch_size, "busy": False}
            about |= {"learning_rate": row.learning_rate, "steps_to_target": reach}
            rows.append(about | {"seed": 0, "step": 1, "loss": 1.0, "seconds": np.nan})
            if np.isfinite(reach):
                taken = reach * row.step_seconds * seconds
                rows.append(about | {"seed": 0, "step": 1, "loss": 0.5, "seconds": taken})
    return pd.DataFrame(rows)


def checked(table, **about):
    return model_answer.summarise({"predicted": table, "real": real(table, **about)})
