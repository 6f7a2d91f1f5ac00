//! From facts to rows: the rules are asked, what they decide is written, and what they must not do is stopped.

pub mod apply;
pub mod backtest;
pub mod decide;
pub mod facts;
pub mod guard;
pub mod history;
pub mod publish;
pub mod records;
pub mod replay;
pub mod resurvey;
