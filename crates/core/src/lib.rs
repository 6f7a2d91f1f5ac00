//! What a survey, a score, a case, a loop and a schedule *are*.
//!
//! Owns: the vocabulary as types, scoring and statistics, and every decision that needs no rule.
//! Refuses to know: databases, HTTP, mail, the wall clock and async. Everything here is a
//! function from values to values; time arrives as a value or through [`Clock`].

pub mod calendar;
pub mod campaign;
pub mod case;
pub mod clock;
pub mod color;
pub mod counts;
pub mod fold;
pub mod id;
pub mod locale;
pub mod logo;
pub mod metric;
pub mod moment;
pub mod owner;
pub mod pace;
pub mod policy;
pub mod proxies;
pub mod schedule;
pub mod seal;
pub mod span;
pub mod state;
pub mod stats;
pub mod survey;
pub mod text;
pub mod timeline;
pub mod token;
pub mod totp;
pub mod wall;
pub mod word;

pub use calendar::Calendar;
pub use case::{Case, CaseEvent, LoopStatus};
pub use clock::{Clock, ManualClock, SystemClock, WatchedClock};
pub use color::Color;
pub use counts::Counts;
pub use id::Id;
pub use locale::Locale;
pub use metric::{Metric, Scale, Score, ScoreError, Segment};
pub use owner::Owner;
pub use pace::Pace;
pub use policy::Policy;
pub use proxies::{Proxies, one_caller};
pub use schedule::Schedule;
pub use span::Span;
pub use state::State;
pub use stats::Split;
pub use text::{Email, TextError};
pub use word::Word;
