//! Arithmetic over the bars of a window, oldest first.

use crate::indicator::real;

/// The newest `count` of a window's values, all of them when there are fewer.
pub(crate) fn newest<T>(values: &[T], count: usize) -> &[T] {
    values.get(values.len().saturating_sub(count)..).unwrap_or_default()
}

/// The mean, summed from the first to the last.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / real(values.len())
}

/// The sums of several numbers of each bar, from the first bar to the last.
pub(crate) fn sums<const N: usize>(bars: &[[f64; N]]) -> [f64; N] {
    let mut sums = [0.0; N];
    for bar in bars {
        for (sum, number) in sums.iter_mut().zip(bar) {
            *sum += number;
        }
    }
    sums
}

/// The mean in which the oldest value has weight 1, the next one 2, and so on.
pub(crate) fn weighted_mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = real(values.len());
    let (mut sum, mut weight) = (0.0, 0.0);
    for value in values {
        weight += 1.0;
        sum += weight * value;
    }
    sum / (n * (n + 1.0) / 2.0)
}

/// The population standard deviation.
///
/// Both sums are taken of distances from the oldest value, in one pass. No value of n lies more than `sqrt(n - 1)`
/// deviations from their mean (Samuelson's inequality), so the difference loses a factor of n of the digits at worst;
/// and a window of equal values has exactly 0.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let origin = values.first().copied().unwrap_or_default();
    let (mut sum, mut squares) = (0.0, 0.0);
    for value in values {
        let distance = value - origin;
        sum += distance;
        squares += distance * distance;
    }
    let n = real(values.len());
    let variance = (squares - sum * sum / n) / n;
    // Rounding may leave less than nothing.
    if variance > 0.0 { variance.sqrt() } else { 0.0 }
}

/// The highest value.
pub(crate) fn highest(values: &[f64]) -> f64 {
    extreme(values, f64::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// The lowest value.
pub(crate) fn lowest(values: &[f64]) -> f64 {
    extreme(values, f64::INFINITY, |a, b| if b < a { b } else { a })
}

/// How many comparisons run beside each other: each waits for the one before it, and the order does not matter.
const LANES: usize = 4;

fn extreme(values: &[f64], worst: f64, better: impl Fn(f64, f64) -> f64) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut best = [worst; LANES];
    for chunk in chunks {
        for (best, value) in best.iter_mut().zip(chunk) {
            *best = better(*best, *value);
        }
    }
    best.iter().chain(rest).fold(worst, |best, value| better(best, *value))
}

/// How many bars ago the highest value of a window was; of several, the newest.
pub(crate) fn since_highest(values: &[f64], highest: f64) -> usize {
    values.iter().rev().position(|value| *value >= highest).unwrap_or_default()
}

/// How many bars ago the lowest value of a window was; of several, the newest.
pub(crate) fn since_lowest(values: &[f64], lowest: f64) -> usize {
    values.iter().rev().position(|value| *value <= lowest).unwrap_or_default()
}

/// Where a value lies between the lowest low (0) and the highest high (1); `None` when the two are one.
pub(crate) fn position(value: f64, (lowest, highest): (f64, f64)) -> Option<f64> {
    (highest > lowest).then(|| (value - lowest) / (highest - lowest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_found_wherever_they_lie() {
        for length in 1..=9_u32 {
            for at in 0..length {
                let values: Vec<_> =
                    (0..length).map(|i| if i == at { 9.0 } else { f64::from(i) / 9.0 }).collect();
                assert_eq!(highest(&values).to_bits(), 9.0_f64.to_bits(), "{values:?}");
                let values: Vec<_> = values.iter().map(|value| -value).collect();
                assert_eq!(lowest(&values).to_bits(), (-9.0_f64).to_bits(), "{values:?}");
            }
        }
    }

    #[test]
    fn equal_values_deviate_by_exactly_nothing() {
        assert_eq!(deviation(&[0.1; 7]).to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn an_outlier_at_the_origin_keeps_the_digits() {
        // One of n values at 1e6 and the others at 0: the deviation is 1e6 * sqrt(n - 1) / n.
        let mut values = [0.0; 1000];
        values[0] = 1e6;
        let expected = 1e6 * 999.0_f64.sqrt() / 1000.0;
        assert!((deviation(&values) - expected).abs() <= 1e-12 * expected);
    }
}
