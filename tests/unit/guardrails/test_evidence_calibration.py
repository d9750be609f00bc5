"""What repeated runs of the unchanged champion say, and what each candidate may spend."""

import math

import pytest

from guardrails.evidence import alpha_for, calibrate, is_deterministic, pairs_for


@pytest.mark.parametrize("samples", [[], [1.0], [1.0, 1.0000001], [math.nan, math.nan], [math.inf, math.inf]], ids=repr)
def test_metric_is_not_called_deterministic_without_two_equal_finite_runs(samples: list[float]) -> None:
    assert not is_deterministic(samples)


def test_equal_runs_are_deterministic_and_zero_has_no_sign() -> None:
    assert is_deterministic([41.0, 41.0])
    assert is_deterministic([0.0, -0.0])


def test_deterministic_metric_needs_one_pair() -> None:
    calibration = calibrate([41.0, 41.0, 41.0])
    assert (calibration.deterministic, calibration.noise, calibration.suggested_pairs) == (True, 0.0, 1)


def test_one_run_says_nothing_of_noise() -> None:
    with pytest.raises(ValueError, match="at least two"):
        calibrate([41.0])


@pytest.mark.parametrize("sample", [math.nan, math.inf])
def test_unknown_sample_is_refused(sample: float) -> None:
    with pytest.raises(ValueError, match="sample"):
        calibrate([1.0, sample])


def test_noise_is_relative_and_ignores_one_stalled_run() -> None:
    calm = calibrate([100.0, 104.0, 96.0, 102.0, 98.0])
    stalled = calibrate([100.0, 104.0, 96.0, 102.0, 900.0])
    assert calm.noise == pytest.approx(0.0297, abs=1e-3)
    assert stalled.noise < 2 * calm.noise < stalled.sd / stalled.mean
    assert calm.mean == pytest.approx(100.0)


def test_mostly_equal_runs_are_still_noisy() -> None:
    calibration = calibrate([10.0, 10.0, 10.0, 12.0])
    assert not calibration.deterministic
    assert calibration.noise > 0.0


def test_noise_around_zero_is_absolute() -> None:
    assert calibrate([-2.0, 0.0, 2.0]).noise == pytest.approx(2.9652)


@pytest.mark.parametrize(
    "samples", [[1.7e308, -1.7e308], [1.7e308, 1.6e308], [5e-324, 0.0], [5e-324, 1.7e308, -5e-324]], ids=repr
)
def test_extreme_samples_stay_finite(samples: list[float]) -> None:
    calibration = calibrate(samples)
    assert all(math.isfinite(value) for value in (calibration.mean, calibration.sd, calibration.noise))
    assert calibration.suggested_pairs >= 1


def test_gain_of_two_standard_deviations_takes_about_ten_pairs() -> None:
    assert calibrate([100.0, 104.0, 96.0, 102.0, 98.0]).suggested_pairs == 10
    assert pairs_for(noise=0.07, gain=0.14) == 10


def test_smaller_gains_and_smaller_alphas_take_more_pairs() -> None:
    assert pairs_for(0.07, 0.14) < pairs_for(0.07, 0.07) < pairs_for(0.07, 0.07, alpha=alpha_for(50))


@pytest.mark.parametrize("gain", [0.0, -0.1, 1e-9])
def test_gain_that_drowns_in_noise_takes_more_pairs_than_anyone_has(gain: float) -> None:
    assert pairs_for(0.07, gain) == 1000


def test_endlessly_many_candidates_spend_no_more_than_the_total() -> None:
    spent = math.fsum(alpha_for(index) for index in range(1, 10_001))
    assert spent == pytest.approx(0.05 * (1 - 1 / math.sqrt(10_001)))
    assert math.fsum(alpha_for(index) for index in range(1, 51)) < 0.044


def test_shares_shrink_slowly_and_never_to_nothing() -> None:
    shares = [alpha_for(index) for index in (1, 2, 10, 50, 10**9)]
    assert shares == sorted(shares, reverse=True)
    assert 1 / shares[0] == pytest.approx(68.3, abs=0.1)
    assert 1 / shares[3] == pytest.approx(14_354, abs=1)
    assert shares[-1] > 0.0


def test_total_can_be_chosen() -> None:
    assert alpha_for(3, total_alpha=0.1) == pytest.approx(2 * alpha_for(3))


@pytest.mark.parametrize(("index", "total"), [(0, 0.05), (-1, 0.05), (1, 0.0), (1, 1.0), (1, math.nan)])
def test_shares_of_nothing_are_refused(index: int, total: float) -> None:
    with pytest.raises(ValueError):
        alpha_for(index, total)


@pytest.mark.parametrize("wrong", [{"noise": math.nan}, {"gain": math.inf}, {"alpha": 0.0}, {"alpha": 1.0}], ids=repr)
def test_forecast_from_unknown_numbers_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        pairs_for(**({"noise": 0.1, "gain": 0.1} | wrong))


def test_hoped_for_effect_sets_the_forecast() -> None:
    samples = [100.0, 104.0, 96.0, 102.0, 98.0]
    assert (
        calibrate(samples, effect=0.2).suggested_pairs
        < calibrate(samples).suggested_pairs
        < calibrate(samples, effect=0.03).suggested_pairs
    )
