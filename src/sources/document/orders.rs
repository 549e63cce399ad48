//! Telling a server by a template what was done here. It may be told twice, under one
//! `Idempotency-Key`.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use url::Url;

use super::super::http_client::{Clients, Http, Request};
use super::super::mirror::within;
use super::super::orders::{Done, Refused};
use super::super::settings::{ActionTemplate, HttpDocument, SourceSettings, Verb};
use crate::domain::upstream::template::{Template, Values, json, percent};
use crate::domain::upstream::{Call, Order};

/// What is told to one server.
pub struct Orders {
    settings: HttpDocument,
    timeout: Duration,
    http: Http,
}

impl Orders {
    pub fn new(source: &SourceSettings, settings: &HttpDocument, clients: &Clients) -> Self {
        let http = Http::new(source, clients);
        Self { settings: settings.clone(), timeout: source.timeout, http }
    }

    pub(in super::super) async fn carry_out(&self, order: &Order) -> Result<Done, Refused> {
        let Call::Tell { action, values } = &order.what.call else {
            return Err(Refused::ForGood("it takes no such order".to_owned()));
        };
        let Some(template) = self.settings.actions.iter().find(|a| a.on == *action) else {
            let why = format!("its config has no [[sources.actions]] for {action} any more");
            return Err(Refused::ForGood(why));
        };
        let request = self.request(template, values)?.header("Idempotency-Key", &order.key())?;
        let answer = within(self.timeout, self.http.send(&request)).await?;
        let status = answer.status.as_u16();
        if answer.status.is_client_error() && status != 408 {
            return Err(Refused::ForGood(answer.unexpected().to_string()));
        }
        answer.checked()?;
        Ok(Done { said: format!("answered {status}"), made: None })
    }

    fn request(&self, template: &ActionTemplate, values: &Values) -> Result<Request, Refused> {
        let url = filled(&template.url, values).map_err(Refused::ForGood)?;
        let mut request = Request { writes: true, ..Request::get(url) };
        request.method = match template.verb {
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Patch => Method::PATCH,
            Verb::Delete => Method::DELETE,
        };
        if let Some(body) = &template.body {
            request.body = Some(body.fill(values, json).into_bytes());
            let json = HeaderValue::from_static("application/json");
            request.headers.insert(CONTENT_TYPE, json);
        }
        for (name, value) in &self.settings.headers {
            request = request.header(name, value)?;
        }
        Ok(request)
    }
}

/// The address with its gaps filled, if what fills them stays where its gap is.
fn filled(template: &Template, values: &Values) -> Result<Url, String> {
    let parsed = |text: &str| text.parse::<Url>().map_err(|e| format!("no address: {e}"));
    let plain = template.names().map(|name| (name.to_owned(), "x".to_owned())).collect();
    let (shape, url) = (template.fill(&plain, percent), template.fill(values, percent));
    let (shape, url) = (parsed(&shape)?, parsed(&url)?);
    let segments = |url: &Url| url.path_segments().map(Iterator::count);
    // A segment that is only a dot vanishes, and leaves an empty one at the end.
    let empty =
        |url: &Url| url.path_segments().map_or(0, |all| all.filter(|s| s.is_empty()).count());
    let keeps = segments(&shape) == segments(&url) && empty(&shape) == empty(&url);
    if shape.origin() != url.origin() || !keeps {
        return Err("a value of the incident cannot be put into the address".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a/b?c#d", Ok("https://app.example/alerts/a%2Fb%3Fc%23d/ack"))]
    #[case("é \n", Ok("https://app.example/alerts/%C3%A9%20%0A/ack"))]
    #[case("..", Err(()))]
    #[case(".", Err(()))]
    fn a_value_stays_one_segment_of_the_address(
        #[case] value: &str,
        #[case] expect: Result<&str, ()>,
    ) {
        let template = Template::parse("https://app.example/alerts/{{ alert }}/ack").unwrap();
        let values = Values::from([("alert".to_owned(), value.to_owned())]);
        let found = filled(&template, &values).map(|u| u.to_string()).map_err(|_| ());
        assert_eq!(found, expect.map(str::to_owned));
    }

    #[test]
    fn a_dot_at_the_end_does_not_vanish() {
        let template = Template::parse("https://app.example/{{id}}/note/{{comment}}").unwrap();
        let values =
            [("id".to_owned(), "INC-1".to_owned()), ("comment".to_owned(), ".".to_owned())];
        assert!(filled(&template, &Values::from(values)).is_err());
    }

    #[test]
    fn a_value_stays_one_text_of_the_body() {
        let template = Template::parse(r#"{"title": "{{title}}", "by": "{{by}}"}"#).unwrap();
        let values = Values::from([("title".to_owned(), "a\"b\\\n\u{1b}".to_owned())]);
        let body: serde_json::Value = serde_json::from_str(&template.fill(&values, json)).unwrap();
        assert_eq!(body["title"], "a\"b\\\n\u{1b}");
        assert_eq!(body["by"], "");
    }

    #[test]
    fn a_gap_has_a_name_that_is_known() {
        let why = |text| Template::parse(text).unwrap_err();
        assert!(why("{{ids}}").contains("nothing is called \"ids\""));
        assert!(why("{{labels.}}").contains("nothing is called"));
        assert!(why("{{id").contains("without"));
        assert_eq!(Template::parse("a{b}{{labels.x}}").unwrap().names().count(), 1);
    }
}
