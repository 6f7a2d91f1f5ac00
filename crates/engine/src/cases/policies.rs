//! The policies of a workspace, for those who look at them and change them.
//!
//! Owns: what may be sent, and storing it. Refuses to know: what a policy says (that is `core`), and which one holds for a case (that is
//! [`crate::workspace::policies`]).

use hearback_core::{Policy, Segment, Span, id::WorkspaceId, policy::Requirement};
use hearback_store::{policies, workspaces};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, Ctx, EngineError, audit, error::Fields, workspace::policies::Defaults};

/// A policy and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Policy")]
pub struct Held {
    /// Key of a survey; absent: every survey that has none of its own.
    pub survey: Option<String>,
    /// Whose answers.
    pub segment: Segment,
    /// What it says.
    #[serde(flatten)]
    pub policy: Policy,
    /// Whether it is what holds where nobody said anything.
    pub usual: bool,
}

/// A policy as it is sent, unchecked; what is absent is as usual.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPolicy {
    /// Key of a survey; absent: every survey that has none of its own.
    #[serde(default)]
    pub survey: Option<String>,
    /// `detractor`, `passive` or `promoter`.
    #[schemars(with = "Segment")]
    pub segment: String,
    /// `48h`, `2bd`.
    #[serde(default)]
    pub first_contact: Option<String>,
    /// `5bd`.
    #[serde(default)]
    pub close: Option<String>,
    /// `4bh`; `0` is never.
    #[serde(default)]
    pub warn_before: Option<String>,
    /// 1 to 20.
    #[serde(default)]
    #[schemars(range(min = 1, max = 20))]
    pub attempts: Option<u32>,
    /// `5bd`; `0` is no spread.
    #[serde(default)]
    pub over: Option<String>,
    /// `contact`, `root_cause`, `resolution`, `acknowledgement`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<hearback_core::policy::Requirement>>")]
    pub needs: Option<Vec<String>>,
    /// Contact, resolve, close.
    #[serde(default)]
    pub forced_order: Option<bool>,
    /// Empty: any text.
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub root_causes: Option<Vec<String>>,
    /// `30d`; absent is never.
    #[serde(default)]
    pub lapse_after: Option<String>,
    /// `1bd`; absent is never.
    #[serde(default)]
    pub reassign_after: Option<String>,
    /// Whether a reply opens a finished case.
    #[serde(default)]
    pub reopen_on_reply: Option<bool>,
}

impl NewPolicy {
    fn read(self, usual: &Defaults, fields: &mut Fields) -> Option<(Option<String>, Segment, Policy)> {
        let segment = fields.check("segment", Segment::parse(&self.segment).ok_or("must be detractor, passive or promoter"))?;
        let usual = usual.segment(segment).clone();
        let mut span = |field: &str, text: Option<String>| text.and_then(|text| fields.check(field, Span::parse(text.trim())));
        let policy = Policy {
            first_contact: span("first_contact", self.first_contact).unwrap_or(usual.first_contact),
            close: span("close", self.close).unwrap_or(usual.close),
            warn_before: span("warn_before", self.warn_before).unwrap_or(usual.warn_before),
            over: span("over", self.over).unwrap_or(usual.over),
            lapse_after: span("lapse_after", self.lapse_after),
            reassign_after: span("reassign_after", self.reassign_after),
            attempts: self.attempts.unwrap_or(usual.attempts),
            forced_order: self.forced_order.unwrap_or(usual.forced_order),
            root_causes: self.root_causes.unwrap_or_default(),
            reopen_on_reply: self.reopen_on_reply.unwrap_or(usual.reopen_on_reply),
            needs: match self.needs {
                Some(words) => {
                    words.iter().filter_map(|word| fields.check("needs", Requirement::parse(word).ok_or(Requirement::EXPECTED))).collect()
                }
                None => usual.needs,
            },
        };
        for (field, message) in policy.mistakes() {
            fields.refuse(field, message);
        }
        Some((self.survey, segment, policy))
    }
}

/// All policies: those for every survey, the usual ones included, then those of single surveys.
pub async fn list(cx: &Ctx, ws: WorkspaceId) -> Result<Vec<Held>, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let stored = &workspace.policies.stored;
    let mut held: Vec<Held> = Vec::new();
    for segment in Segment::ALL {
        let own = stored.get(&segment).and_then(|of_segment| of_segment.get(""));
        let policy = workspace.policies.of("", segment).clone();
        held.push(Held { survey: None, segment, policy, usual: own.is_none() });
    }
    for segment in Segment::ALL {
        let mut of_surveys: Vec<_> = stored.get(&segment).into_iter().flatten().filter(|(survey, _)| !survey.is_empty()).collect();
        of_surveys.sort_by_key(|(survey, _)| survey.as_str());
        held.extend(of_surveys.into_iter().map(|(survey, policy)| Held {
            survey: Some(survey.clone()),
            segment,
            policy: policy.clone(),
            usual: false,
        }));
    }
    Ok(held)
}

/// Stores a policy, in place of the one before. It holds at once for what closing takes; clocks that run already stay.
pub async fn put(cx: &Ctx, ws: WorkspaceId, actor: &Actor, new: NewPolicy) -> Result<Held, EngineError> {
    let workspace = cx.workspaces.get(cx.db.read(), ws).await?;
    let mut fields = Fields::default();
    let read = new.read(&workspace.policies.usual, &mut fields);
    if let Some(survey) = read.as_ref().and_then(|(survey, ..)| survey.as_ref()).filter(|key| !workspace.surveys.contains_key(*key)) {
        fields.refuse("survey", format!("there is no published survey `{survey}`"));
    }
    fields.done()?;
    let Some((survey, segment, policy)) = read else { return Err(EngineError::field("segment", "is missing")) };
    let body = serde_json::to_string(&policy).map_err(|error| EngineError::field("policy", error))?;
    let (workspace_id, segment_word) = (ws.uuid(), segment.as_str().to_owned());
    let row = policies::Model { workspace_id, survey: survey.clone().unwrap_or_default(), segment: segment_word, body };
    let tx = cx.db.write().await?;
    workspaces::lock(&tx, ws).await?;
    policies::put(&tx, &row).await?;
    let subject = format!("{} {}", survey.as_deref().unwrap_or("every survey"), segment.as_str());
    audit::note(&tx, ws, actor, "policy.changed", &subject, Value::Null, cx.now());
    workspaces::bump_config(&tx, ws).await?;
    tx.commit().await?;
    Ok(Held { survey, segment, policy, usual: false })
}
