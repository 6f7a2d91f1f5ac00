//! The snapshot that rules look at, built from rows.

use std::collections::BTreeSet;

use hearback_core::{Owner, id::ResponseId};
use hearback_rules::{AccountFacts, CaseFacts, Facts, PersonFacts, ResponseFacts, Trigger};
use hearback_store::{accounts, cases, persons, responses, snapshot::CaseRows, time::from_millis};

use crate::{
    reading::Survey,
    rows::{read_email, read_owner, read_properties, read_segment, small},
    workspace::Workspace,
};

/// A case as the rules see it.
pub fn facts(workspace: &Workspace, rows: &CaseRows, trigger: Trigger, survey: &Survey, previous_score: Option<u8>) -> Facts {
    of(workspace, &rows.response, &rows.person, rows.account.as_ref(), &rows.case, trigger, survey, previous_score)
}

/// The same of rows that stand apart.
#[expect(clippy::too_many_arguments, reason = "they are the parts of the facts, one for each")]
pub fn of(
    workspace: &Workspace,
    response: &responses::Model,
    person: &persons::Model,
    account: Option<&accounts::Model>,
    case: &cases::Model,
    trigger: Trigger,
    survey: &Survey,
    previous_score: Option<u8>,
) -> Facts {
    Facts {
        trigger,
        chain: Vec::new(),
        response: response_facts(response, survey, previous_score),
        person: person_facts(person),
        account: account.map(account_facts),
        case: case_facts(case),
        calendar: workspace.hours_for_facts(case),
    }
}

/// Who looks after the customer's account.
pub fn account_owner(account: Option<&accounts::Model>) -> Option<Owner> {
    account.and_then(|account| read_owner(account.owner.as_deref()))
}

/// The answer as the rules see it.
pub fn response_facts(row: &responses::Model, survey: &Survey, previous_score: Option<u8>) -> ResponseFacts {
    ResponseFacts {
        id: ResponseId::from_uuid(row.id),
        revision: small(row.revision),
        survey: survey.key.clone(),
        metric: survey.scale.metric,
        score: u8::try_from(row.score).unwrap_or(u8::MAX),
        segment: read_segment(&row.segment),
        previous_score,
        channel: row.channel.clone(),
        comment: row.comment.clone(),
        answered_at: from_millis(row.answered_at),
    }
}

/// The customer as the rules see them.
pub fn person_facts(row: &persons::Model) -> PersonFacts {
    PersonFacts {
        email: read_email(row.email.as_deref()),
        name: row.name.clone(),
        locale: row.locale.clone(),
        properties: read_properties(&row.properties),
        owner: read_owner(row.owner.as_deref()),
    }
}

/// The account as the rules see it.
pub fn account_facts(row: &accounts::Model) -> AccountFacts {
    AccountFacts { key: row.key.clone(), owner: read_owner(row.owner.as_deref()), properties: read_properties(&row.properties) }
}

/// The case as the rules see it.
pub fn case_facts(row: &cases::Model) -> CaseFacts {
    CaseFacts {
        loop_status: *row.loop_status,
        tags: serde_json::from_str::<BTreeSet<String>>(&row.tags).unwrap_or_default(),
        owner: read_owner(row.owner.as_deref()),
        contacts: small(row.contacts),
        open_tasks: small(row.open_tasks),
        done: BTreeSet::new(),
    }
}
