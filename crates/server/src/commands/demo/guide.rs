//! What a newcomer reads after `hearback demo`: where to go, how to get in, what to try.

use super::{
    campaign::{CAMPAIGN, Waiting},
    customers::{COMPANY, STAFF},
    state::{Folder, State},
};
use crate::config::Config;

/// The whole text. `waiting`: a customer who was asked, has not answered and still can.
pub fn text(config: &Config, folder: &Folder, state: &State, waiting: Option<&Waiting>) -> String {
    let url = &config.server.public_url;
    let State { email, password, api_key, .. } = state;
    let manager = STAFF.first().map_or("", |staff| staff.name);
    let dir = folder.0.display();
    let answering = answering(url, api_key, waiting);
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

     A case is open, somebody has a task, and the mails to the customer and to the team are at {url}/mail.
  4. {answering}
  5. Change your mind: put the \"id\" of the answer in place of ID. The happy customer's mails follow.

     curl -s -X PATCH {url}/api/v1/responses/ID -H 'Authorization: Bearer {api_key}' \\
       -H 'Content-Type: application/json' -d '{{\"score\":10}}'
  6. Ask for the figures as a program would. One product makes people unhappy lately: which?

     curl -s '{url}/api/v1/metrics?survey=nps&by=product' -H 'Authorization: Bearer {api_key}'

Stop with Ctrl-C.
"
    )
}

fn answering(url: &str, api_key: &str, waiting: Option<&Waiting>) -> String {
    match waiting {
        Some(Waiting { email, link }) => format!(
            "Answer as a customer who was asked and has not answered yet: open {url}/mail?q={email},
     choose the mail \"One short question\", press 3, write a word, send. The case is open; the campaign's page shows one more answer.
     The mail leads to {link}"
        ),
        None => format!(
            "Everybody who was asked has answered, or their links have ended. Ask again, and answer as one of them:

     curl -s -X POST {url}/api/v1/campaigns/{CAMPAIGN}/waves -H 'Authorization: Bearer {api_key}'

     On working days from 9 to 17 the mails \"One short question\" come to {url}/mail. Open one, press 3, write a word, send."
        ),
    }
}
