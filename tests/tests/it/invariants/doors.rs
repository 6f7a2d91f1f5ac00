//! Who gets through which door: every route, asked by strangers, by each role and by each scope.

use hearback_engine::role::{Role, Scope};
use hearback_tests::{
    app::{TestApp, on_every_database},
    client::{Answer, Client},
};
use hearback_web::route::{self, Access, Route};

/// The route with an id in it that nobody has.
fn nowhere(route: &Route) -> String {
    let mut path = route.path.clone();
    while let Some((before, rest)) = path.split_once('{') {
        let (name, after) = rest.split_once('}').unwrap();
        let value = if name == "id" { "00000000-0000-7000-8000-000000000000" } else { "nothing-of-that-name" };
        path = format!("{before}{value}{after}");
    }
    path
}

/// A call without anything in it, or a form with nothing but the token of the session.
async fn ask(client: &Client, route: &Route, csrf: &str) -> Answer {
    let path = nowhere(route);
    match (route.method.as_str(), route.access) {
        ("GET", _) => client.get(&path).await,
        ("POST", Access::User(_)) => client.form(&path, &format!("csrf={csrf}")).await,
        (method, _) => client.send(method, &path, &[("content-type", "application/json")], "{}").await,
    }
}

/// Everything but the way out, which comes last.
fn all() -> Vec<&'static Route> {
    let mut all: Vec<&Route> = route::all().iter().collect();
    all.sort_by_key(|route| route.path == "/logout");
    assert!(all.len() > 40);
    all
}

async fn browser(app: &TestApp, role: Role) -> (Client, String) {
    let browser = app.log_in(&format!("{}@shop.example", role.as_str()), role).await;
    let page = browser.get("/").await.text();
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    (browser, csrf)
}

#[tokio::test]
async fn a_stranger_is_led_to_the_log_in_or_told_to_bring_a_key() {
    on_every_database(async |app| {
        let stranger = Client::stranger(app.address());
        for route in all() {
            let answer = ask(&stranger, route, "").await;
            match route.access {
                Access::Key(_) => assert_eq!(answer.status, 401, "{route:?}"),
                Access::User(_) => {
                    assert_eq!(answer.status, 303, "{route:?}");
                    assert!(answer.header("location").starts_with("/login"), "{route:?}");
                }
                Access::Anyone | Access::Form(_) => assert!(![401, 405, 500].contains(&answer.status), "{route:?}: {}", answer.status),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn each_role_gets_what_the_routes_say() {
    on_every_database(async |app| {
        for role in Role::ALL {
            let (browser, csrf) = browser(app, role).await;
            for route in all() {
                let answer = ask(&browser, route, &csrf).await;
                let refused = answer.status == 403 && answer.text().contains("takes the role");
                match route.access {
                    Access::User(least) => {
                        assert_eq!(refused, role < least, "{role:?} {route:?}: {} {}", answer.status, answer.text());
                        let expected = refused || [200, 303, 404, 409, 422].contains(&answer.status);
                        assert!(expected, "{role:?} {route:?}: {} {}", answer.status, answer.text());
                    }
                    Access::Key(_) => assert_eq!(answer.status, 401, "a session is no key: {route:?}"),
                    Access::Anyone | Access::Form(_) => assert!(!refused, "{route:?}"),
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn each_scope_gets_what_the_routes_say() {
    on_every_database(async |app| {
        for scope in Scope::ALL {
            let key = app.key(app.ws, scope).await;
            for route in all() {
                let answer = ask(&key, route, "").await;
                match route.access {
                    Access::Key(least) if scope < least => {
                        assert_eq!(
                            (answer.status, answer.header("content-type")),
                            (403, "application/problem+json"),
                            "{scope:?} {route:?}"
                        );
                    }
                    Access::Key(_) => {
                        let expected = [200, 204, 404, 409, 415, 422].contains(&answer.status);
                        assert!(expected, "{scope:?} {route:?}: {} {}", answer.status, answer.text());
                    }
                    Access::User(_) => assert_eq!(answer.status, 303, "a key is no session: {route:?}"),
                    Access::Anyone | Access::Form(_) => assert!(![401, 405, 500].contains(&answer.status), "{route:?}: {}", answer.text()),
                }
            }
        }
    })
    .await;
}
