//! Members of a body under either of their names: Google's reference has `generationConfig`, and
//! its servers take `generation_config` as well.

use std::borrow::Cow;

use serde_json::Value;

use crate::codec::node::Object;
use crate::error::bad_request::BadRequest;

/// The other spelling of a name.
pub(crate) fn snake_case(camel_case: &str) -> String {
    let mut snake = String::with_capacity(camel_case.len() + 4);
    for letter in camel_case.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The first spelling of a name.
pub(crate) fn camel_case(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut camel = String::with_capacity(name.len());
    let mut begins_word = false;
    for letter in name.chars() {
        match letter {
            '_' if !camel.is_empty() => begins_word = true,
            _ if std::mem::take(&mut begins_word) => camel.push(letter.to_ascii_uppercase()),
            _ => camel.push(letter),
        }
    }
    Cow::Owned(camel)
}

/// The name that the caller used, and what it says.
pub(crate) type Said = (Cow<'static, str>, Value);

/// Takes the member of this name, in whichever spelling it stands.
pub(crate) fn take(
    object: &mut Object<'_>,
    name: &'static str,
) -> Result<Option<Said>, BadRequest> {
    let said = object.take(name).map(|value| (Cow::Borrowed(name), value));
    let other_name = snake_case(name);
    if other_name == name {
        return Ok(said);
    }
    match (said, object.take(&other_name)) {
        (Some(_), Some(_)) => Err(object.mistake(&other_name, format!("is said as `{name}` too"))),
        (None, Some(value)) => Ok(Some((Cow::Owned(other_name), value))),
        (said, None) => Ok(said),
    }
}

/// The same, for a member that must be there.
pub(crate) fn required(object: &mut Object<'_>, name: &'static str) -> Result<Said, BadRequest> {
    let said = take(object, name)?;
    said.ok_or_else(|| object.mistake(name, "field required"))
}

/// A list, with the name that it has in the body.
pub(crate) type NamedList = (Cow<'static, str>, Vec<Value>);

/// The elements of a list, where there is one, and the name of their list.
pub(crate) fn take_list(
    object: &mut Object<'_>,
    name: &'static str,
) -> Result<Option<NamedList>, BadRequest> {
    match take(object, name)? {
        None => Ok(None),
        Some((name, Value::Array(elements))) => Ok(Some((name, elements))),
        Some((name, _)) => Err(object.mistake(&name, "must be an array")),
    }
}

/// A text, where there is one.
pub(crate) fn take_text(
    object: &mut Object<'_>,
    name: &'static str,
) -> Result<Option<bytestring::ByteString>, BadRequest> {
    let Some((name, value)) = take(object, name)? else { return Ok(None) };
    object.path.member(&name).text(value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::node::Path;
    use serde_json::json;

    #[test]
    fn each_name_has_two_spellings() {
        for (camel, snake) in [
            ("generationConfig", "generation_config"),
            ("topP", "top_p"),
            ("contents", "contents"),
            ("parametersJsonSchema", "parameters_json_schema"),
        ] {
            assert_eq!((&*snake_case(camel), &*camel_case(snake)), (snake, camel));
        }
    }

    #[test]
    fn a_member_is_taken_in_either_spelling_and_in_one_of_them_only() {
        let body = json!({"top_p": 1, "topK": 2, "maxOutputTokens": 3, "max_output_tokens": 4});
        let mut body = Object::read(body, Path::Body).unwrap();
        assert_eq!(take(&mut body, "topP").unwrap(), Some(("top_p".into(), json!(1))));
        assert_eq!(take(&mut body, "topK").unwrap(), Some(("topK".into(), json!(2))));
        let twice = take(&mut body, "maxOutputTokens").unwrap_err().to_string();
        assert_eq!(twice, "max_output_tokens: is said as `maxOutputTokens` too");
    }
}
