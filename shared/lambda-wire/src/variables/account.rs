//! The AWS account that the environment names, with the variables that Lambda sets and every SDK knows.
//!
//! Plain texts: what makes clients of them has the types of the SDK.

use super::{Reader, not_empty, url};

/// An AWS account and a region of it. Has no `Debug`, which would write the secret where nobody expects it.
pub struct Account {
    /// The region, `AWS_REGION`.
    pub region: String,
    /// Whose key it is, `AWS_ACCESS_KEY_ID`.
    pub key_id: String,
    /// The key, `AWS_SECRET_ACCESS_KEY`.
    pub secret: String,
    /// What a key that was lent for a session needs besides, `AWS_SESSION_TOKEN`; `None` for a key that lasts.
    pub token: Option<String>,
    /// Where every service is, `AWS_ENDPOINT_URL`.
    endpoint: Option<String>,
}

impl Account {
    /// Reads region, credentials and the endpoint of all services. The session token may be missing, and so may the
    /// endpoint.
    pub fn read(reader: &mut Reader<impl Fn(&str) -> Option<String>>) -> Self {
        Self {
            region: reader.required("AWS_REGION", not_empty),
            key_id: reader.required("AWS_ACCESS_KEY_ID", not_empty),
            secret: reader.required("AWS_SECRET_ACCESS_KEY", not_empty),
            token: reader.read("AWS_SESSION_TOKEN", None, |text| not_empty(text).map(Some)),
            endpoint: reader.read("AWS_ENDPOINT_URL", None, |text| url(text).map(Some)),
        }
    }

    /// Reads where one service is, or else all of them are, as the SDKs' reference guide has it ("Service-specific
    /// endpoints"); `None` where the region has it. `variable` is `AWS_ENDPOINT_URL_` and the service.
    pub fn endpoint(
        &self,
        reader: &mut Reader<impl Fn(&str) -> Option<String>>,
        variable: &'static str,
    ) -> Option<String> {
        reader.read(variable, self.endpoint.clone(), |text| url(text).map(Some))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [(&str, &str); 3] =
        [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];

    /// Reads an account and the endpoints of two services; what is expected is the token and both endpoints.
    fn check(variables: &[(&str, &str)], expected: Result<[Option<&str>; 3], &str>) {
        let mut reader = Reader::new(|name: &str| {
            variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
        });
        let account = Account::read(&mut reader);
        let kinesis = account.endpoint(&mut reader, "AWS_ENDPOINT_URL_KINESIS");
        let firehose = account.endpoint(&mut reader, "AWS_ENDPOINT_URL_FIREHOSE");
        let found = reader.finish([account.token, kinesis, firehose]).map_err(|error| error.to_string());
        let expected = expected.map(|texts| texts.map(|text| text.map(str::to_owned)));
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    /// Reads an account with a lasting key and some variables more.
    fn check_with(variables: &[(&str, &str)], expected: Result<[Option<&str>; 3], &str>) {
        check(&[&KEY, variables].concat(), expected);
    }

    #[test]
    fn region_and_key_are_those_of_their_variables() {
        let find =
            |name: &str| KEY.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
        let account = Account::read(&mut Reader::new(find));
        assert_eq!([account.region, account.key_id, account.secret], ["eu-central-1", "id", "secret"]);
    }

    #[test]
    fn a_token_and_endpoints_may_be_missing() {
        check_with(&[], Ok([None; 3]));
        check_with(&[("AWS_SESSION_TOKEN", "token")], Ok([Some("token"), None, None]));
    }

    #[test]
    fn the_endpoint_of_a_service_comes_before_the_one_of_all() {
        let (all, kinesis) = (("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_KINESIS", "http://b"));
        check_with(&[all], Ok([None, Some("http://a"), Some("http://a")]));
        check_with(&[kinesis], Ok([None, Some("http://b"), None]));
        check_with(&[all, kinesis], Ok([None, Some("http://b"), Some("http://a")]));
    }

    #[test]
    fn each_variable_is_told_once() {
        check(
            &[("AWS_REGION", ""), ("AWS_ENDPOINT_URL", "localhost")],
            Err("AWS_REGION: expected a value, was empty; \
                 AWS_ACCESS_KEY_ID: expected a value, was not set; \
                 AWS_SECRET_ACCESS_KEY: expected a value, was not set; \
                 AWS_ENDPOINT_URL: expected a URL of `http` or `https`, was \"localhost\""),
        );
        check_with(
            &[("AWS_SESSION_TOKEN", ""), ("AWS_ENDPOINT_URL_FIREHOSE", "localhost")],
            Err("AWS_SESSION_TOKEN: expected a value, was empty; \
                 AWS_ENDPOINT_URL_FIREHOSE: expected a URL of `http` or `https`, was \"localhost\""),
        );
    }
}
