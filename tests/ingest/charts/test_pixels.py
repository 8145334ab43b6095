"""Pixels -> shapes: what hangs together, which ink a pixel is of, and lines that others cross."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ingest.charts.drawn import Curve
from ingest.charts.pixels import Pixels, boxes_of

MASKS = arrays(
    np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 255])
)


@given(MASKS)
@settings(max_examples=60)
def test_stretches_are_those_that_opencv_counts(mask: np.ndarray) -> None:
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    left, top, width, height = stats[:, :4].T
    expected = np.stack([left, top, left + width, top + height], axis=1)
    assert boxes_of(mask, (0, 99)).tolist() == expected.tolist()


def drawn(*lines: tuple[list[tuple[int, int]], tuple[int, int, int]]) -> np.ndarray:
    """Thick lines with soft edges through points, in colours given as red, green, blue; in a dark frame."""
    picture = np.full((300, 420, 3), 255, np.uint8)
    cv2.rectangle(picture, (20, 20), (400, 280), (0, 0, 0), 1, cv2.LINE_AA)
    for points, (red, green, blue) in lines:
        cv2.polylines(picture, [np.array(points)], False, (blue, green, red), 4, cv2.LINE_AA)
    return picture


def test_a_line_that_another_crosses_is_one_curve() -> None:
    below = ([(40, 250), (200, 60), (380, 240)], (31, 119, 180))
    above = ([(40, 60), (200, 250), (380, 80)], (255, 127, 14))
    curves = Pixels(drawn(below, above), 1.0).curves()
    assert sorted(round(curve.width, -1) for curve in curves) == [340, 340]


def test_a_pale_line_does_not_take_the_edges_of_a_dark_frame() -> None:
    pale = ([(40, 250), (200, 60), (380, 240)], (146, 198, 255))
    (curve,) = Pixels(drawn(pale), 1.0).curves()
    assert round(curve.box.height, -1) == 190


def test_an_axis_with_the_foot_of_another_one_does_not_rise() -> None:
    axis = Curve(((40.0, 60.0), (41.0, 150.0), *((42.0 + x, 250.0) for x in range(300))), (0, 0, 0))
    assert axis.box.height == 190
    assert axis.rise == 0
