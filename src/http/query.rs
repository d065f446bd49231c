//! What the query of a read says: which page of a list. A value that cannot be meant is refused by
//! its name.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use actix_web::HttpRequest;
use actix_web::web::Query;
use ainfera_wire::error::BadRequest;

use super::error::ApiError;

const DEFAULT_LIMIT: u32 = 100;
const HIGHEST_LIMIT: u32 = 500;

/// The parameters of a request's query.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
        pairs
            .map(|pairs| Self(pairs.into_inner()))
            .map_err(|error| refused("query", error.to_string()))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A whole number within a range.
    pub fn whole<N: FromStr + PartialOrd + Display>(
        &self,
        name: &str,
        range: RangeInclusive<N>,
    ) -> Result<Option<N>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number
            .map(Some)
            .ok_or_else(|| refused(name, format!("must be a whole number from {least} to {most}")))
    }

    /// A place in a list by a number that the list has given out.
    pub fn cursor(&self, name: &str, least: i64) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| *number >= least);
        number
            .map(Some)
            .ok_or_else(|| refused(name, "is not a cursor that this list has given out"))
    }

    /// How many of a list.
    pub fn limit(&self) -> Result<u32, ApiError> {
        Ok(self.whole("limit", 1..=HIGHEST_LIMIT)?.unwrap_or(DEFAULT_LIMIT))
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let word = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| Some(*meaning));
        let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        word.ok_or_else(|| refused(name, format!("must be one of {}", known())))
    }
}

pub fn refused(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::BadRequest(BadRequest::new(name, message))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn parameters(query: &str) -> Parameters {
        Parameters::of(&TestRequest::with_uri(&format!("/?{query}")).to_http_request()).unwrap()
    }

    #[test]
    fn a_page_has_a_size_within_limits() {
        for (query, expected) in [
            ("", Some(100)),
            ("limit=1", Some(1)),
            ("limit=500", Some(500)),
            ("other=3", Some(100)),
        ] {
            assert_eq!(parameters(query).limit().ok(), expected, "{query}");
        }
        for query in [
            "limit=0",
            "limit=501",
            "limit=-1",
            "limit=",
            "limit=ten",
            "limit=1.5",
            "limit=99999999999",
        ] {
            let refusal = parameters(query).limit().unwrap_err().to_string();
            assert_eq!(refusal, "limit: must be a whole number from 1 to 500", "{query}");
        }
    }

    #[test]
    fn a_cursor_is_a_number_that_was_given_out() {
        assert_eq!(parameters("").cursor("after", 1).unwrap(), None);
        assert_eq!(parameters("after=7").cursor("after", 1).unwrap(), Some(7));
        for query in ["after=0", "after=-1", "after=x", "after=", "after=9223372036854775808"] {
            let refusal = parameters(query).cursor("after", 1).unwrap_err().to_string();
            assert_eq!(refusal, "after: is not a cursor that this list has given out", "{query}");
        }
    }

    #[test]
    fn a_word_is_one_of_those_that_are_known() {
        let words = [("a", 1), ("b", 2)];
        assert_eq!(parameters("it=b").one_of("it", &words).unwrap(), Some(2));
        let refusal = parameters("it=c").one_of("it", &words).unwrap_err().to_string();
        assert_eq!(refusal, "it: must be one of a, b");
    }
}
