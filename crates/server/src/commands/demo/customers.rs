//! The people of the demo: customers, the companies some of them belong to, and our own staff.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hearback_core::id::{AccountId, WorkspaceId};
use hearback_engine::{customers::people::NewPerson, role::Role};
use hearback_rules::Property;
use hearback_store::{accounts, time::millis};

use super::{random::Random, words::LANGUAGES};

/// What the demo's company is called.
pub const COMPANY: &str = "Rida Bikes";
/// Where its staff has mail.
const DOMAIN: &str = "rida.example";
/// Customers of each language.
const PER_LANGUAGE: usize = 46;

/// Somebody who works at the demo's company.
pub struct Staff {
    /// The log-in, without the domain.
    pub login: &'static str,
    /// Display name.
    pub name: &'static str,
    /// What they may do.
    pub role: Role,
    /// The language of the customers they look after.
    pub language: Option<&'static str>,
}

/// The manager first: the one whose log-in is shown. She may do everything, so that everything can be tried.
pub const STAFF: [Staff; 4] = [
    Staff { login: "emma", name: "Emma Clarke", role: Role::Admin, language: None },
    Staff { login: "ieva", name: "Ieva Petraitė", role: Role::Agent, language: Some("lt") },
    Staff { login: "martins", name: "Mārtiņš Ozols", role: Role::Agent, language: Some("lv") },
    Staff { login: "aino", name: "Aino Virtanen", role: Role::Agent, language: Some("fi") },
];

impl Staff {
    /// The log-in.
    pub fn email(&self) -> String {
        format!("{}@{DOMAIN}", self.login)
    }
}

/// Companies: key and name.
const ACCOUNTS: [(&str, &str); 6] = [
    ("north-parcel", "North Parcel"),
    ("harbour-cafe", "Harbour Café"),
    ("linden-school", "Linden School"),
    ("medel-clinic", "Medel Clinic"),
    ("studio-kvadrat", "Studio Kvadrat"),
    ("green-mile", "Green Mile Couriers"),
];

/// What is sold.
pub const PRODUCTS: [&str; 3] = ["City bike", "Cargo bike", "Service plan"];

/// A customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// As it is sent with each answer.
    pub person: NewPerson,
    /// Index into [`LANGUAGES`].
    pub language: usize,
    /// Index into [`PRODUCTS`].
    pub product: usize,
    /// How much kinder (or, below 0, harsher) than others.
    pub mood: i64,
}

/// The companies as rows.
pub fn accounts(ws: WorkspaceId, now: DateTime<Utc>) -> Vec<accounts::Model> {
    ACCOUNTS
        .iter()
        .map(|(key, name)| accounts::Model {
            workspace_id: ws.uuid(),
            id: AccountId::derived(&format!("demo account {key}")).uuid(),
            key: (*key).to_owned(),
            name: (*name).to_owned(),
            owner: None,
            value: None,
            properties: "{}".to_owned(),
            created_at: millis(now),
        })
        .collect()
}

/// All customers, the same ones each time.
pub fn customers(random: &mut Random) -> Vec<Customer> {
    let mut customers = Vec::new();
    for (language, (code, words)) in LANGUAGES.iter().enumerate() {
        for number in 0..PER_LANGUAGE {
            let [women, men] = words.names;
            let (first, last) = if number % 2 == 0 { women } else { men };
            // Each first name meets each last name once before a pair comes again.
            let turn = number / 2;
            let (Some(given), Some(family)) = (first.get(turn % first.len()), last.get((turn + turn / first.len()) % last.len())) else {
                continue;
            };
            let name = format!("{given} {family}");
            customers.push(customer(random, language, code, &name));
        }
    }
    customers
}

fn customer(random: &mut Random, language: usize, code: &str, name: &str) -> Customer {
    let product = usize::try_from(random.between(0, 2)).unwrap_or(0);
    let account = random.chance(22).then(|| random.pick(&ACCOUNTS)).flatten();
    let host = account.map_or_else(|| "mail.example".to_owned(), |(key, _)| format!("{key}.example"));
    let text = |value: &str| Property::Text(value.to_owned());
    let plan = if account.is_some() { "Business" } else { "Private" };
    let properties = BTreeMap::from([
        ("product".to_owned(), text(PRODUCTS.get(product).copied().unwrap_or_default())),
        ("plan".to_owned(), text(plan)),
        ("orders".to_owned(), Property::Number(f64::from(u8::try_from(random.between(1, 9)).unwrap_or(1)))),
    ]);
    let timezone = match code {
        "lt" => "Europe/Vilnius",
        "lv" => "Europe/Riga",
        "fi" => "Europe/Helsinki",
        _ => "Europe/London",
    };
    Customer {
        person: NewPerson {
            email: Some(format!("{}@{host}", plain(name))),
            name: Some(name.to_owned()),
            locale: Some(code.to_owned()),
            timezone: Some(timezone.to_owned()),
            account: account.map(|(key, _)| (*key).to_owned()),
            owner: STAFF.iter().find(|staff| staff.language == Some(code)).map(Staff::email),
            properties,
            ..NewPerson::default()
        },
        language,
        product,
        mood: random.between(-14, 12),
    }
}

/// A name as it stands in addresses: without accents, with a dot.
fn plain(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .map(|letter| match letter {
            'ą' | 'ā' | 'ä' => 'a',
            'č' => 'c',
            'ę' | 'ė' | 'ē' => 'e',
            'ģ' => 'g',
            'į' | 'ī' => 'i',
            'ķ' => 'k',
            'ļ' => 'l',
            'ņ' => 'n',
            'ö' => 'o',
            'š' => 's',
            'ų' | 'ū' => 'u',
            'ž' => 'z',
            ' ' => '.',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn customers_are_many_distinct_and_always_the_same() {
        let all = customers(&mut Random::new(1));
        let addresses: BTreeSet<_> = all.iter().filter_map(|customer| customer.person.email.clone()).collect();
        assert_eq!(addresses.len(), 4 * PER_LANGUAGE);
        assert!(addresses.iter().all(|address| hearback_core::Email::parse(address).is_ok()));
        let again = customers(&mut Random::new(1));
        assert_eq!(all.last().map(|c| c.person.clone()), again.last().map(|c| c.person.clone()));
    }
}
