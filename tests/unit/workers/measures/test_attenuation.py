"""HU statistics against NumPy's own, slice by slice."""

from __future__ import annotations

import numpy as np
import pytest

from workers.measures.attenuation import Histogram


def test_the_statistics_are_those_of_every_voxel_above_air() -> None:
    values = np.random.default_rng(3).normal(40, 200, (6, 64, 64)).astype(np.float32)
    counted = Histogram()
    for slice_ in values:
        counted.add(slice_)
    body = np.rint(values[np.rint(values) > -300])
    found = counted.body()
    assert found is not None
    assert found.voxels == body.size
    assert found.mean_hu == pytest.approx(body.mean(), abs=1e-3)
    assert found.deviation_hu == pytest.approx(body.std(), abs=1e-3)
    assert found.median_hu == pytest.approx(np.percentile(body, 50, method="inverted_cdf"))
    assert found.tenth_percentile_hu == pytest.approx(np.percentile(body, 10, method="inverted_cdf"))
    assert found.ninetieth_percentile_hu == pytest.approx(np.percentile(body, 90, method="inverted_cdf"))


def test_air_alone_has_no_body_and_padding_is_not_counted() -> None:
    counted = Histogram()
    counted.add(np.full((8, 8), -1000, np.float32))
    counted.add(np.full((8, 8), np.nan, np.float32))
    assert counted.body() is None


def test_values_beyond_the_scale_count_at_its_ends() -> None:
    counted = Histogram()
    counted.add(np.array([[9000.0, 3071.0]], np.float32))
    found = counted.body()
    assert found is not None
    assert found.mean_hu == 3071
