//! Everything that is kept about one person, read for that person.
//!
//! Owns: which tables have rows of a person. Whoever adds one adds it here, in [`crate::erasure`] and in [`crate::merge`].

use hearback_core::{id::WorkspaceId, state::DeliveryStatus};
use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{
    StoreError, cases, contact_attempts, deliveries, events, former_addresses, incentive_codes, interactions, invitations, messages,
    opt_outs, persons, preferences, referrals, responses, stored::words, suppressions, testimonials, unconfirmed,
};

/// The rows, each kind in order of time.
#[derive(Debug, Default)]
pub struct Everything {
    pub former_addresses: Vec<former_addresses::Model>,
    pub preferences: Vec<preferences::Model>,
    pub suppressions: Vec<suppressions::Model>,
    pub responses: Vec<responses::Model>,
    pub unconfirmed: Vec<unconfirmed::Model>,
    pub cases: Vec<cases::Model>,
    /// What happened in the cases; for the changes that the person made.
    pub events: Vec<events::Model>,
    pub contacts: Vec<contact_attempts::Model>,
    pub codes: Vec<incentive_codes::Model>,
    pub deliveries: Vec<deliveries::Model>,
    pub invitations: Vec<invitations::Model>,
    pub messages: Vec<messages::Model>,
    pub interactions: Vec<interactions::Model>,
    pub testimonials: Vec<testimonials::Model>,
    pub referrals: Vec<referrals::Model>,
}

/// Which rows: a column that says so, and its values.
type Of<'a, E, V> = (<E as EntityTrait>::Column, &'a [V]);

async fn rows<E, V>(
    conn: &impl ConnectionTrait,
    (workspace, ws): (E::Column, Uuid),
    (column, values): Of<'_, E, V>,
    order: E::Column,
) -> Result<Vec<E::Model>, StoreError>
where
    E: EntityTrait,
    V: Clone + Into<Value>,
{
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let found = E::find().filter(workspace.eq(ws)).filter(column.is_in(values.iter().cloned())).order_by_asc(order);
    Ok(found.all(conn).await?)
}

/// Everything about these persons: somebody, and those who were merged into them.
pub async fn of(conn: &impl ConnectionTrait, ws: WorkspaceId, persons: &[persons::Model]) -> Result<Everything, StoreError> {
    let ws = ws.uuid();
    let ids: Vec<Uuid> = persons.iter().map(|person| person.id).collect();
    let mut addresses = Vec::new();
    for person in persons {
        addresses.extend(opt_outs::addresses(conn, person).await?);
    }
    let mut messages = {
        use messages::{Column, Entity};
        rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::ReceivedAt).await?
    };
    messages.extend(messages::unattached_from(conn, ws, &addresses).await?);
    messages.sort_by_key(|row| row.received_at);
    let responses = {
        use responses::{Column, Entity};
        rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::AnsweredAt).await?
    };
    let answers: Vec<Uuid> = responses.iter().map(|response| response.id).collect();
    let cases = {
        use cases::{Column, Entity};
        rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::ResponseId, &answers), Column::AnsweredAt).await?
    };
    let followed: Vec<Uuid> = cases.iter().map(|case| case.id).collect();
    Ok(Everything {
        preferences: {
            use preferences::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::StoppedAt).await?
        },
        suppressions: {
            use suppressions::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::Address, &addresses), Column::CreatedAt).await?
        },
        unconfirmed: {
            use unconfirmed::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::GivenAt).await?
        },
        events: {
            use events::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::CaseId, &followed), Column::Id).await?
        },
        contacts: {
            use contact_attempts::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::CaseId, &followed), Column::At).await?
        },
        codes: {
            use incentive_codes::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::CaseId, &followed), Column::GivenAt).await?
        },
        deliveries: {
            use deliveries::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::CreatedAt).await?
        },
        invitations: {
            use invitations::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::CreatedAt).await?
        },
        former_addresses: former_addresses::of(conn, ws, &ids).await?,
        messages,
        interactions: {
            use interactions::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::At).await?
        },
        testimonials: {
            use testimonials::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::GivenAt).await?
        },
        referrals: {
            use referrals::{Column, Entity};
            rows::<Entity, _>(conn, (Column::WorkspaceId, ws), (Column::PersonId, &ids), Column::CreatedAt).await?
        },
        responses,
        cases,
    })
}

/// Whether a mail of this kind was made for the person since then, and was not given up.
pub async fn was_asked(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    person: hearback_core::id::PersonId,
    kind: &str,
    since: i64,
) -> Result<bool, StoreError> {
    use deliveries::{Column, Entity};
    let made = Entity::find()
        .filter(Column::WorkspaceId.eq(ws.uuid()))
        .filter(Column::PersonId.eq(person.uuid()))
        .filter(Column::Kind.eq(kind))
        .filter(Column::CreatedAt.gt(since))
        .filter(Column::Status.is_not_in(words(&DeliveryStatus::NEVER_ARRIVED)));
    Ok(made.one(conn).await?.is_some())
}
