"""Steps of SGD in the vectors of the processor: code for LLVM, since Numba has no vectors.

What Numba makes of plain loops keeps gradients in memory and uses vectors of half the width. Here
weights and gradients of LANES runs stay in registers over all steps between two points.
"""

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WIDTH = 16  # float32 numbers in a vector; where the processor has shorter ones, it takes several
BLOCKS = 2  # vectors side by side, so that one is computed while the other's sums are waited for
LANES = WIDTH * BLOCKS
CHAINS = 2  # partial sums of an error, likewise
FLAGS = ("contract",)  # a product and a sum may be rounded together

VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
INDEX = ir.IntType(64)


def steps(size: int, *, single: bool) -> Callable:
    """A function for Numba's code that takes steps of LANES runs, in place and in float32.

    Its arguments: parameters (size, rates), x (n, size), y, the order of an epoch, the first and
    the last place there, batch size, learning rates, what they are multiplied by, and the first of
    the runs. The last batch may be smaller. `single` is for batches of one example.
    """

    @intrinsic
    def advance(_, parameters, x, y, order, begin, end, batch_size, rates, decay, lane):
        about = parameters, x, y, order, begin, end, batch_size, rates, decay, lane

        def generate(context, builder, signature, arguments):
            code = _Code(context, builder, signature.args, arguments, size)
            code.advance(single=single)
            return context.get_dummy_value()

        return types.void(*about), generate

    return advance


class _Code:
    """The instructions of `steps`."""

    def __init__(self, context, builder: ir.IRBuilder, kinds, arguments, size: int):
        arrays = [
            context.make_array(kind)(context, builder, value)
            if isinstance(kind, types.Array)
            else value
            for kind, value in zip(kinds, arguments, strict=True)
        ]
        parameters, x, y, order, self._begin, self._end, self._batch, rates, decay, lane = arrays
        self._builder, self._size = builder, size
        self._x, self._y, self._order = x.data, y.data, order.data
        self._minus_decay = self._splat(builder.fneg(decay))
        self._places, self._rates = [], []
        stride = builder.extract_value(parameters.shape, 1)
        for block in range(BLOCKS):
            first = builder.add(lane, INDEX(WIDTH * block))
            offsets = [builder.add(first, builder.mul(stride, INDEX(row))) for row in range(size)]
            self._places.append([self._vector_at(parameters.data, offset) for offset in offsets])
            self._rates.append(self._load(self._vector_at(rates.data, first)))
        self._weights, self._gradients = (
            [[cgutils.alloca_once(builder, VECTOR) for _ in range(size)] for _ in range(BLOCKS)]
            for _ in range(2)
        )  # which LLVM keeps in registers

    def advance(self, *, single: bool) -> None:
        """All steps."""
        builder = self._builder
        for weights, places in zip(self._weights, self._places, strict=True):
            for weight, place in zip(weights, places, strict=True):
                builder.store(self._load(place), weight)
        with cgutils.for_range_slice(builder, self._begin, self._end, self._batch, INDEX) as (
            first,
            _,
        ):
            (self._step_on_one if single else self._step)(first)
        for weights, places in zip(self._weights, self._places, strict=True):
            for weight, place in zip(weights, places, strict=True):
                builder.store(builder.load(weight), place).align = 4

    def _step_on_one(self, at: ir.Value) -> None:
        """A step on a single example: its gradient is not kept."""
        x, errors = self._errors(at)
        for weights, error, rate in zip(self._weights, errors, self._rates, strict=True):
            scaled = self._product(error, self._product(rate, self._minus_decay))
            for value, weight in zip(x, weights, strict=True):
                self._add(weight, scaled, value)

    def _step(self, first: ir.Value) -> None:
        """A step on a batch, which the end of the epoch may cut short."""
        builder = self._builder
        last = builder.add(first, self._batch)
        last = builder.select(builder.icmp_signed("<", last, self._end), last, self._end)
        for gradients in self._gradients:
            for gradient in gradients:
                builder.store(VECTOR(None), gradient)
        with cgutils.for_range_slice(builder, first, last, INDEX(1), INDEX) as (at, _):
            x, errors = self._errors(at)
            for gradients, error in zip(self._gradients, errors, strict=True):
                for value, gradient in zip(x, gradients, strict=True):
                    self._add(gradient, error, value)
        count = self._splat(builder.sitofp(builder.sub(last, first), ir.FloatType()))
        share = builder.fdiv(self._minus_decay, count)
        for weights, gradients, rate in zip(
            self._weights, self._gradients, self._rates, strict=True
        ):
            scaled = self._product(rate, share)
            for weight, gradient in zip(weights, gradients, strict=True):
                self._add(weight, scaled, builder.load(gradient))

    def _errors(self, at: ir.Value) -> tuple[list[ir.Value], list[ir.Value]]:
        """The example at a place of the order, a vector a number, and its error in each block."""
        builder = self._builder
        example = builder.zext(builder.load(builder.gep(self._order, [at])), INDEX)
        row = builder.gep(self._x, [builder.mul(example, INDEX(self._size))])
        x = [
            self._splat(builder.load(builder.gep(row, [INDEX(index)])))
            for index in range(self._size)
        ]
        target = builder.load(builder.gep(self._y, [example]))
        errors = []
        for weights in self._weights:
            sums = [self._splat(builder.fneg(target)), *[VECTOR(None)] * (CHAINS - 1)]
            for index, (value, weight) in enumerate(zip(x, weights, strict=True)):
                product = self._product(value, builder.load(weight))
                chain = index % CHAINS
                sums[chain] = builder.fadd(product, sums[chain], flags=FLAGS)
            while len(sums) > 1:
                sums = [*sums[2:], builder.fadd(*sums[:2], flags=FLAGS)]
            errors.append(sums[0])
        return x, errors

    def _add(self, sum_: ir.Value, one: ir.Value, other: ir.Value) -> None:
        """Add the product of two vectors to one in a register."""
        product = self._product(one, other)
        self._builder.store(
            self._builder.fadd(product, self._builder.load(sum_), flags=FLAGS), sum_
        )

    def _product(self, one: ir.Value, other: ir.Value) -> ir.Value:
        return self._builder.fmul(one, other, flags=FLAGS)

    def _splat(self, value: ir.Value) -> ir.Value:
        """A vector of one number."""
        empty, lanes = VECTOR(ir.Undefined), ir.VectorType(ir.IntType(32), WIDTH)
        first = self._builder.insert_element(empty, value, ir.IntType(32)(0))
        return self._builder.shuffle_vector(first, empty, lanes(None))

    def _vector_at(self, data: ir.Value, offset: ir.Value) -> ir.Value:
        place = self._builder.gep(data, [offset])
        return self._builder.bitcast(place, VECTOR.as_pointer())

    def _load(self, place: ir.Value) -> ir.Value:
        loaded = self._builder.load(place)
        loaded.align = 4  # as float32 numbers are
        return loaded
