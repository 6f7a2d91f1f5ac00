//! What a newcomer reads after `hearback demo`: where to go, how to get in, what to try.

use super::{
    customers::{COMPANY, STAFF},
    state::{Folder, State},
};
use crate::config::Config;

/// The whole text. `waiting`: the address of a customer who was asked and has not answered.
pub fn text(config: &Config, folder: &Folder, state: &State, waiting: Option<&str>) -> String {
    let url = &config.server.public_url;
    let State { email, password, api_key, .. } = state;
    let manager = STAFF.first().map_or("", |staff| staff.name);
    let dir = folder.0.display();
    let mails = waiting.map_or_else(|| format!("{url}/mail"), |address| format!("{url}/mail?q={address}"));
    format!(
        "
{COMPANY} sells bicycles. Its customers have answered \"would you recommend us?\" for a year, in four languages.
You are {manager}, who looks after them. No mail leaves this machine.

  Open      {url}/
  Log in    {email}
  Password  {password}
  API key   {api_key}
  Mail      {url}/mail shows what would have been sent ({dir}/mail)
  Data      {dir}; starting again continues, deleting the folder starts afresh

Try this:

  1. Look at the dashboard: the score with its interval, how many loops were closed, who waits.
  2. Open the cases and take the one that is most overdue. Log a call, enter the cause and what was done, close it.
     Try to close it without a call first: you are told what is missing.
  3. Be an unhappy customer, and watch what happens:

     curl -s {url}/api/v1/responses -H 'Authorization: Bearer {api_key}' \\
       -H 'Content-Type: application/json' \\
       -d '{{\"survey\":\"nps\",\"score\":2,\"comment\":\"The chain fell off.\",\"external_id\":\"try-1\",\"person\":{{\"email\":\"you@mail.example\",\"name\":\"You\",\"locale\":\"en\"}}}}'

     A case is open, somebody has a task, and two mails are at {url}/mail.
  4. Answer as a customer who was asked and has not answered yet: open {mails},
     choose the mail \"One short question\", press 3, write a word, send. The case is open; the campaign's page shows one more answer.
  5. Change your mind: put the \"id\" of the answer in place of ID. The happy customer's mails follow.

     curl -s -X PATCH {url}/api/v1/responses/ID -H 'Authorization: Bearer {api_key}' \\
       -H 'Content-Type: application/json' -d '{{\"score\":10}}'
  6. Ask for the figures as a program would. One product makes people unhappy lately: which?

     curl -s '{url}/api/v1/metrics?survey=nps&by=product' -H 'Authorization: Bearer {api_key}'

Stop with Ctrl-C.
"
    )
}
