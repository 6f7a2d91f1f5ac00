//! What may be said about a score: its value, its uncertainty, and whether two of them differ.
//!
//! Owns every number that is shown about answers. The entry is [`Split`]: detractors, passives and
//! promoters as whole numbers; scores, rounding and bands are exact fractions of them. An empty split
//! has no score: that is `None`, never 0. Refuses to know where the answers came from and who looks.
//!
//! Units: *points* run from -100 to 100 (a difference from -200 to 200), *shares* from 0 to 100 per cent,
//! unless a name says `_unit` (-1 to 1).

pub mod band;
pub mod ces;
pub mod compare;
pub mod crr;
pub mod csat;
pub mod display;
pub mod interval;
pub mod multiple;
pub mod normal;
pub mod other_intervals;
pub mod percentile;
pub mod proportion;
pub mod recovery;
pub mod response_rate;
pub mod rounding;
pub mod sample_size;
pub mod special;
pub mod split;
pub mod themes;
pub mod trend;

pub use band::Band;
pub use compare::{Comparison, Verdict};
pub use display::Visibility;
pub use interval::{Confidence, Interval, Method};
pub use split::Split;
