//! Asking somebody again after their case was closed: one ordinary invitation, with all the limits that a wave has.
//!
//! Owns: for whom and about what it is made. Pure; when it is sent, or why not, is decided where it is due
//! (`campaigns::invite`), and the timeline of the case reads it from there.

use hearback_core::{LoopStatus, campaign::Channel, id::InvitationId, timeline::Step};
use hearback_rules::Planned;
use hearback_store::{
    cases, invitations,
    outbox::{self, Job},
};

use crate::{
    automation::apply::{Changes, Scene, skipped},
    invitations::row,
    reading::Survey,
    workspace::Workspace,
};

/// Adds the invitation with the job that sees to it; what was done, for the timeline.
pub(crate) fn ask(scene: &Scene, case: &cases::Model, planned: &Planned, survey: Option<&str>, changes: &mut Changes) -> Step {
    let named = |key: Option<&str>, step: Step| Step { survey: key.map(str::to_owned), ..step };
    if case.loop_status != LoopStatus::Closed {
        return named(survey, skipped("the case is not closed"));
    }
    let Some(survey) = survey_of(scene.workspace, case, survey) else {
        return named(survey, skipped("the survey is not published any more"));
    };
    // Once for each closing of the case.
    let id = InvitationId::derived(&format!("again/{}/{}", planned.step.key(), case.closed_at.unwrap_or_default()));
    changes.invitations.push(invitations::Model {
        case_id: Some(case.id),
        account_key: scene.person.account_key.clone(),
        ..row(scene.workspace, survey, id, scene.person.id, Channel::Email, scene.now)
    });
    let job = Job::Invite { invitation: id };
    changes.jobs.push(outbox::row(scene.workspace.id, &job, &format!("invitation/{id}/job"), scene.now, scene.now, None));
    named(Some(&survey.key), Step { invitation: Some(id), ..Step::default() })
}

/// The published version of the survey that is named, or of the one that was answered.
fn survey_of<'w>(workspace: &'w Workspace, case: &cases::Model, key: Option<&str>) -> Option<&'w Survey> {
    let key = key.or_else(|| workspace.survey(case.survey_id).map(|survey| survey.key.as_str()))?;
    workspace.surveys.get(key).filter(|survey| !survey.closed)
}
