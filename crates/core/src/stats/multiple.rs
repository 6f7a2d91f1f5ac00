//! Adjusted p-values when many things are tested at once. Decide which cells are tested before looking at any p.

/// Bonferroni: each p times the number of tests.
pub fn bonferroni(p_values: &[f64]) -> Vec<f64> {
    p_values.iter().map(|p| (p * p_values.len() as f64).min(1.0)).collect()
}

/// Holm's step-down: for alerts that page people.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let tests = p_values.len();
    let ascending = order(p_values);
    let mut largest = 0.0_f64;
    scatter(
        tests,
        ascending.into_iter().enumerate().map(|(rank, (index, p))| {
            largest = largest.max((p * (tests - rank) as f64).min(1.0));
            (index, largest)
        }),
    )
}

/// Benjamini-Hochberg q-values: for lists of what is worth a look.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let tests = p_values.len();
    let ascending = order(p_values);
    let mut smallest = 1.0_f64;
    scatter(
        tests,
        ascending.into_iter().enumerate().rev().map(|(rank, (index, p))| {
            smallest = smallest.min(p * tests as f64 / (rank + 1) as f64);
            (index, smallest)
        }),
    )
}

fn order(p_values: &[f64]) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    order
}

/// Puts each value back to where its p-value stood.
fn scatter(len: usize, values: impl Iterator<Item = (usize, f64)>) -> Vec<f64> {
    let mut placed = vec![1.0; len];
    for (index, value) in values {
        if let Some(slot) = placed.get_mut(index) {
            *slot = value;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn adjusted_values_are_ordered_by_severity(p_values in prop::collection::vec(0.0_f64..=1.0, 0..40)) {
            let (bonferroni, holm, bh) = (bonferroni(&p_values), holm(&p_values), benjamini_hochberg(&p_values));
            for (((p, b), h), q) in p_values.iter().zip(bonferroni).zip(holm).zip(bh) {
                prop_assert!(*p <= q + 1e-12 && q <= h + 1e-12 && h <= b + 1e-12 && b <= 1.0);
            }
        }
    }
}
