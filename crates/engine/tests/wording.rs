//! What a survey says, in each language.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use std::sync::Arc;

use common::World;
use hearback_core::survey::{Body, Words};
use hearback_engine::{reading::Survey, surveys::wording::wording};

#[tokio::test]
async fn own_words_come_first_and_the_shipped_ones_fill_the_rest() {
    let world = World::new().await;
    let workspace = world.cx.workspaces.get(world.cx.db.read(), world.ws).await.unwrap();
    let nps = &workspace.surveys["nps"];
    let shipped = wording(&world.cx, &workspace, nps, Some("lt-LT"));
    assert_eq!(shipped.lang, "lt");
    assert!(shipped.question.contains(&workspace.name) && shipped.question.starts_with("Kiek tikėtina"), "{}", shipped.question);
    assert!(shipped.thanks.detractor.contains("48"), "{}", shipped.thanks.detractor);
    assert_eq!(shipped.scores.len(), 11);
    assert_eq!(shipped.scores[0].label, format!("0: {}", shipped.low));
    let body = Body { question: Words::of("en", "How was {company}?"), ask_contact: false, ..Body::default() };
    let own = Survey { body: Arc::new(body), ..nps.clone() };
    let said = wording(&world.cx, &workspace, &own, Some("xx"));
    assert_eq!((said.lang.as_str(), said.question), ("en", format!("How was {}?", workspace.name)));
    assert_eq!((said.consent, said.send.as_str()), (None, "Send"));
    for key in workspace.surveys.keys() {
        for lang in ["en", "lt", "lv", "fi"] {
            let said = wording(&world.cx, &workspace, &workspace.surveys[key], Some(lang));
            let all = serde_json::to_value(&said).unwrap();
            let empty = all.as_object().unwrap().iter().find(|(_, text)| text.as_str() == Some(""));
            assert_eq!((said.lang.as_str(), empty), (lang, None));
        }
    }
}
