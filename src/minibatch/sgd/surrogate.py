"""A stand-in for the dataset where no network is: other rows, the same least-squares problem.

Its first 1500 standardised rows have exactly the mean and the second moments of the real ones, so
the loss surface, its optimum and the path of full-batch descent are the real ones to rounding.
Only the higher moments of the gradient noise differ: these rows are Gaussian.

`python -m minibatch.sgd.surrogate airfoil_self_noise.dat` prints FACTOR and REST, made from the
data (NASA airfoil self-noise, Brooks, Pope and Marcolini 1989; CC BY 4.0, doi 10.24432/C5VW2C).
"""

import sys

import numpy as np

from minibatch.sgd.scaling import scale

ROWS = 1500

# fmt: off
# The upper triangle R with RᵀR = 1/1500 · Z̃ᵀZ̃, where Z̃ = [1 Z] and Z are the first 1500
# standardised rows: five features and the target.
FACTOR = np.array(
    [[ 1.0, -1.4047929101988453e-03, -2.9808860442919164e-03,
       7.4747908067649858e-04,  1.4466896670674849e-03, -6.3455450114902308e-03,
       5.5561501716476962e-03],
     [ 0.0,  1.0004162930622862e+00, -2.7529341380480660e-01,
      -3.1405760402641930e-03,  1.3489318528141730e-01, -2.3493576816494183e-01,
      -3.8733398961245818e-01],
     [ 0.0,  0.0,  9.6008427225401860e-01,
      -5.2664768858903643e-01,  1.0225436818068562e-01,  7.0904995907495327e-01,
      -2.6534395005134320e-01],
     [ 0.0,  0.0,  0.0,
       8.5108896578029891e-01,  6.7593526402888668e-02,  1.8067899249203595e-01,
      -4.4610350573746954e-01],
     [ 0.0,  0.0,  0.0,
       0.0,  9.8373291066915358e-01, -5.3274334045365468e-02,
       2.3467849453522757e-01],
     [ 0.0,  0.0,  0.0,
       0.0,  0.0,  6.2321509183324419e-01,
      -1.6909700736243927e-01],
     [ 0.0,  0.0,  0.0,
       0.0,  0.0,  0.0,
       6.9525240753547612e-01]]
)

# The standardised rows after them, which fix the mean and variance of the whole columns.
REST = np.array(
    [[ 0.35335899594896236,  1.4904430221522478, -0.373739540326309 , -0.723344833538015 ,
       3.172772505745433 , -2.6437047085420735 ],
     [ 0.6706657769949188,  1.4904430221522478, -0.373739540326309 , -0.723344833538015 ,
       3.172772505745433 , -2.698806230157595  ],
     [ 1.083164592354662 ,  1.4904430221522478, -0.373739540326309 , -0.723344833538015 ,
       3.172772505745433 , -2.991714318745373  ]]
)
# fmt: on


def factorise(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute FACTOR and REST from a raw table."""
    scaled = scale(table, "standardize")
    augmented = np.column_stack([np.ones(ROWS), scaled[:ROWS]])
    return np.linalg.cholesky(augmented.T @ augmented / ROWS).T, scaled[ROWS:]


def table(seed: int = 0) -> np.ndarray:
    """Draw a surrogate table, shape (1503, 6): already standardised, the target last."""
    noise = np.random.RandomState(seed).normal(size=(ROWS, len(FACTOR) - 1))
    # Orthonormal columns, the constant one first: Z̃ᵀZ̃ then is RᵀR by construction.
    basis, triangle = np.linalg.qr(np.column_stack([np.ones(ROWS), noise]))
    basis = basis * np.sign(np.diag(triangle)) * np.sqrt(ROWS)
    return np.vstack([(basis @ FACTOR)[:, 1:], REST])


if __name__ == "__main__":
    np.set_printoptions(precision=17, floatmode="unique", linewidth=100)
    for name, matrix in zip(("FACTOR", "REST"), factorise(np.loadtxt(sys.argv[1])), strict=True):
        print(f"{name} =\n{np.array2string(matrix, separator=', ')}")
