//! Everything that is not one score or two.

use hearback_core::{
    Counts, Score,
    locale::{Number, PluralRules},
    metric::Scale,
    stats::{
        Confidence, Split,
        ces::{self, Orientation},
        crr, csat,
        interval::{Adjusted, T3},
        multiple, percentile, recovery, sample_size, themes, trend,
    },
};
use serde_json::Value;

use super::{
    Entry, floats,
    scores::{confidence, split},
};

fn counts(entry: &Entry, key: &str, first: usize) -> Counts {
    let mut counts = Counts::default();
    for (bin, count) in counts.bins.iter_mut().skip(first).zip(entry.value(key).as_array().unwrap()) {
        *bin = count.as_i64().unwrap();
    }
    counts
}

pub fn histogram(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    let counts = counts(&input, "counts_0_to_10", 0);
    let split = counts.split(Scale::NPS);
    assert_eq!((expected.count("n"), split), (counts.scored(), super::scores::split(&expected)), "{}", entry.path);
    expected.same("nps", split.nps());
    expected.same("mean_ltr", counts.mean());
    expected.same("sd_ltr", counts.sd());
}

pub fn merge(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    if entry.has("op") {
        assert_eq!(entry.text("op"), "edit score 6->9 then delete it");
        let answer = |value| Counts::of(Some(Score::new(Scale::NPS, value).unwrap()), false);
        let edited = counts(&input, "start", 0) - answer(6) + answer(9);
        let deleted = edited - answer(9);
        for (state, bins, nps) in [(edited, "after_edit", "nps_after_edit"), (deleted, "after_delete", "nps_after_delete")] {
            assert_eq!(state, counts(&expected, bins, 0));
            expected.same(nps, state.split(Scale::NPS).nps());
        }
    } else {
        let merged = counts(&input, "a", 0) + counts(&input, "b", 0);
        assert_eq!(merged, counts(&expected, "merged", 0));
        assert_eq!(merged.scored(), expected.count("n"));
        expected.same("nps", merged.split(Scale::NPS).nps());
    }
}

pub fn multiple_comparisons(entry: &Entry) {
    let (input, expected) = (entry.floats("input"), entry.entry("expected"));
    expected.all_same("holm", &multiple::holm(&input));
    expected.all_same("bh", &multiple::benjamini_hochberg(&input));
    if expected.has("bonferroni") {
        expected.all_same("bonferroni", &multiple::bonferroni(&input));
    }
}

pub fn sample_size_margin(entry: &Entry) {
    entry.notes(&["formula"]);
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    input.notes(&["assumption"]);
    let (up, down) = (input.float("p_promoter"), input.float("p_detractor"));
    input.same("variance_unit", up + down - (up - down).powi(2));
    let needed = sample_size::for_margin(input.float("margin_points"), input.float("variance_unit"), confidence(&input));
    assert_eq!(needed, Some(expected.count("n")), "{}", entry.path);
}

pub fn sample_size_difference(entry: &Entry) {
    entry.notes(&["formula"]);
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    let (confidence, power) = (Confidence::new(1.0 - input.float("alpha")).unwrap(), Confidence::new(input.float("power")).unwrap());
    let variances = (input.float("v1"), input.float("v2"));
    let needed = sample_size::for_difference(input.float("delta_points"), variances, confidence, power);
    assert_eq!(needed, Some(expected.count("n_per_group")), "{}", entry.path);
}

pub fn csat(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    let counts = counts(&input, "counts_from_1", 1);
    let small = |key| u8::try_from(input.count(key)).unwrap();
    let found = csat::csat(&counts, small("scale_max"), small("top_boxes"), Confidence::P95).unwrap();
    assert_eq!(expected.count("n"), found.satisfied.n);
    expected.same("csat_top2_pct", found.satisfied.percent);
    expected.all_same("wilson95", &[found.satisfied.interval.low, found.satisfied.interval.high]);
    expected.same("mean", found.mean);
    expected.same("sd", found.sd);
    expected.same("mean_0_100", found.mean_0_100);
    expected.same("nicereply_100_minus_unhappy_pct_low2", csat::not_unhappy_percent(&counts, 2));
}

pub fn ces(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    assert_eq!(input.text("orientation"), "1=disagree/hard .. max=agree/easy");
    let counts = counts(&input, "counts_from_1", 1);
    let max = u8::try_from(input.count("scale_max")).unwrap();
    let found = ces::ces(&counts, max, Orientation::HighIsEasy, Confidence::P95).unwrap();
    assert_eq!(ces::ces(&counts.flipped(1, max), max, Orientation::HighIsHard, Confidence::P95), Some(found));
    assert_eq!((expected.count("n"), expected.count("n")), (found.agree.n, found.net.n()));
    expected.same("mean", found.mean);
    expected.same("pct_agree_5to7_or_4to5", found.agree.percent);
    expected.all_same("wilson95", &[found.agree.interval.low, found.agree.interval.high]);
    expected.same("pct_difficult", found.difficult_percent);
    expected.same("net_easy_minus_difficult_6_7_vs_1_3", found.net.nps());
}

pub fn crr(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    let found = crr::retention(input.count("start"), input.count("end"), input.count("new"), Confidence::P95);
    assert_eq!(expected.value("error").as_str(), found.err().map(crr::RetentionError::as_str), "{}", entry.path);
    expected.same("crr_pct", found.ok().map(|rate| rate.kept.percent));
    expected.same("churn_pct", found.ok().map(|rate| rate.churn_percent));
    match found {
        Ok(rate) => expected.all_same("wilson95", &[rate.kept.interval.low, rate.kept.interval.high]),
        Err(_) => assert!(expected.value("wilson95").is_null()),
    }
}

pub fn themes(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    let (all, theme) = (split(&input.entry("all")), split(&input.entry("theme")));
    let found = themes::impact(all, theme, Confidence::P95).unwrap();
    assert_eq!((expected.count("n"), expected.count("n_theme")), (all.n(), found.mentions));
    expected.same("share", found.share);
    expected.same("nps_all", all.nps());
    expected.same("nps_theme", found.score_with);
    expected.same("nps_without", found.score_without);
    expected.same("impact_loo", found.impact);
    expected.same("share_times_gap", found.share * (found.score_with - found.score_without));
    expected.all_same("gap_ci_aw_t3", &[found.gap.low, found.gap.high]);
    expected.same("gap_p", found.p_value);
    expected.all_same("impact_ci_given_share", &[found.interval.low, found.interval.high]);
    expected.same("detractor_share_of_all_detractors", found.detractor_share);
    expected.same("lift_detractor", found.lift);
    assert_eq!(found.standing == themes::Standing::Ranked, found.mentions >= 10, "{}", entry.path);
}

pub fn trend(entry: &Entry) {
    let waves: Vec<Split> = entry.value("input").as_array().unwrap().iter().map(|wave| split(&Entry::new("wave", wave))).collect();
    let expected = entry.entry("expected");
    let adjusted: Vec<Adjusted> = waves.iter().map(|wave| Adjusted::new(*wave, T3).unwrap()).collect();
    expected.all_same("adj_nps", &adjusted.iter().map(|wave| wave.centre).collect::<Vec<_>>());
    expected.all_same("adj_var_points2", &adjusted.iter().map(|wave| wave.error.powi(2)).collect::<Vec<_>>());
    let found = trend::trend(&waves, Confidence::P95).unwrap();
    expected.same("slope_points_per_wave", found.slope);
    expected.same("se", found.error);
    expected.same("z", found.z);
    expected.same("p_two_sided", found.p_value);
    expected.all_same("slope_ci95", &[found.interval.low, found.interval.high]);
    expected.same("heterogeneity_Q", found.heterogeneity);
    assert_eq!(expected.count("df"), u64::from(found.degrees));
    expected.same("heterogeneity_p", found.heterogeneity_p);
}

pub fn percentiles(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    let minutes: Vec<u64> = input.value("minutes").as_array().unwrap().iter().map(|minutes| minutes.as_u64().unwrap()).collect();
    let mut floats = floats(input.value("minutes"));
    let (smooth, rank) = (expected.entry("type7"), expected.entry("nearest_rank"));
    for percent in smooth.map.keys() {
        smooth.same(percent, percentile::interpolated(&mut floats, percent.parse().unwrap()));
    }
    for percent in rank.map.keys() {
        assert_eq!(percentile::nearest_rank(&mut minutes.clone(), percent.parse().unwrap()), Some(rank.count(percent)), "{percent}");
    }
    expected.same("within_48h_pct", percentile::within_percent(&minutes, &(48 * 60)));
    expected.same("within_24h_pct", percentile::within_percent(&minutes, &(24 * 60)));
}

pub fn recovery(entry: &Entry) {
    let (input, expected) = (entry.entry("input"), entry.entry("expected"));
    let (asked, passives, promoters) = (input.count("detractor_resurveyed"), input.count("became_passive"), input.count("became_promoter"));
    let found = recovery::recovery(Split::new(asked - passives - promoters, passives, promoters), asked, Confidence::P95).unwrap();
    expected.notes(&["resurvey_coverage_note"]);
    expected.same("recovery_rate_pct", found.recovered.percent);
    expected.same("full_recovery_pct", found.fully.percent);
    expected.all_same("wilson95_recovery", &[found.recovered.interval.low, found.recovered.interval.high]);
}

/// The rules of a language's file.
fn rules_of(language: &str) -> PluralRules {
    let path = format!("{}/../../templates/lang/{language}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    PluralRules::parse(&serde_json::from_value(file.get("plural").unwrap().clone()).unwrap()).unwrap()
}

/// `{"lt": {"21": "one"}, "decimals": {"lt 1.5": "many"}}`
pub fn plural_rules(rules: &Entry) {
    for group in rules.map.keys() {
        for (written, category) in rules.value(group).as_object().unwrap() {
            let (language, number) =
                if group == "decimals" { written.split_once(' ').unwrap() } else { (group.as_str(), written.as_str()) };
            let number = Number::parse(number.split(' ').next().unwrap()).unwrap();
            assert_eq!(Value::from(rules_of(language).form(number)), *category, "{language} {written}");
        }
    }
}
