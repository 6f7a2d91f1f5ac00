//! The way through a survey, one question on a screen, and what counts as somebody's own hand on it.

use chrono::TimeDelta;

use super::{Body, Question};
use crate::Segment;

/// What was just answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering<'k> {
    /// The score alone.
    Score,
    /// The follow-up question, with the score or after it.
    Why,
    /// The further question with this key.
    Question(&'k str),
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'b> {
    /// The follow-up question.
    Why,
    /// A further question.
    Question(&'b Question),
    /// Nothing: the customer is thanked.
    Thanks,
}

/// How far somebody came before the form that they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The link was opened.
    Opened,
    /// We asked whether that is really meant.
    Asked,
    /// Something was confirmed by hand before.
    Confirmed,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Opened, Self::Asked, Self::Confirmed];

    /// The word that is signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Asked => "asked",
            Self::Confirmed => "confirmed",
        }
    }

    /// Whether a form that comes back this long after it was shown was sent by somebody's own hand. Programs that check links
    /// open them, run their scripts, and some send their forms: they do it at once, touch nothing, and answer no question
    /// about it. `is_touched`: the page saw a key, a finger or a mouse.
    pub fn is_by_hand(self, shown_for: TimeDelta, is_touched: bool) -> bool {
        /// Nobody reads faster.
        const SHORTEST: TimeDelta = TimeDelta::seconds(1);
        match self {
            Self::Opened => is_touched && shown_for >= SHORTEST,
            Self::Asked => shown_for >= SHORTEST,
            Self::Confirmed => true,
        }
    }
}

impl Body {
    /// What somebody in this segment is shown after an answer. After a question that they are not asked any more: thanks.
    pub fn next(&self, segment: Segment, answered: Answering<'_>) -> Next<'_> {
        let mut rest = self.questions_for(segment);
        let next = match answered {
            Answering::Score => return Next::Why,
            Answering::Why => rest.next(),
            Answering::Question(key) => rest.skip_while(|question| question.key != key).nth(1),
        };
        next.map_or(Next::Thanks, Next::Question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::{QuestionType, Words};

    fn question(key: &str, segments: &[Segment]) -> Question {
        Question { key: key.to_owned(), text: Words::of("en", key), ask: QuestionType::Text, segments: segments.to_vec() }
    }

    #[test]
    fn each_segment_walks_its_own_way() {
        let questions = vec![question("all", &[]), question("sad", &[Segment::Detractor]), question("last", &[])];
        let body = Body { questions, ..Body::default() };
        let walk = |segment| {
            let (mut keys, mut answered) = (Vec::new(), Answering::Why);
            while let Next::Question(next) = body.next(segment, answered) {
                keys.push(next.key.as_str());
                answered = Answering::Question(&next.key);
            }
            keys
        };
        assert_eq!(body.next(Segment::Passive, Answering::Score), Next::Why);
        assert_eq!(walk(Segment::Detractor), ["all", "sad", "last"]);
        assert_eq!(walk(Segment::Promoter), ["all", "last"]);
        assert_eq!(body.next(Segment::Promoter, Answering::Question("sad")), Next::Thanks);
    }

    #[test]
    fn only_a_hand_counts() {
        let (quick, slow) = (TimeDelta::milliseconds(900), TimeDelta::seconds(1));
        let by_hand = |stage: Stage| {
            [(quick, false), (quick, true), (slow, false), (slow, true)].map(|(for_, touched)| stage.is_by_hand(for_, touched))
        };
        assert_eq!(by_hand(Stage::Opened), [false, false, false, true]);
        assert_eq!(by_hand(Stage::Asked), [false, false, true, true]);
        assert_eq!(by_hand(Stage::Confirmed), [true; 4]);
    }
}
