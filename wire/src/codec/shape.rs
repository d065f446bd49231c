//! The types that members should have. JSON with members of other types is read without them.
//!
//! An event is parsed into its type at once, which is all that happens to nearly every event. Only
//! if that fails it is written anew by the shape of its type: members that the type does not name
//! are left out, numbers and texts are given their usual form where they have one, and the rest is
//! left out and reported. Then it is parsed again.

use bytes::Bytes;
use serde::de::{Deserializer, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codec::json::{Members, Text, quoted, write_string};
use crate::codec::lenient::{Count, Lenient, SaidTier, count};
use crate::codec::well_formed::well_formed;
use crate::oddity::Oddity;

/// What a value should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A whole number that is not negative.
    Count,
    Flag,
    Text,
    /// Whoever reads it looks at it.
    Any,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
}

/// A type with a shape.
pub(crate) trait Shaped {
    const SHAPE: Shape;
}

impl Shaped for u64 {
    const SHAPE: Shape = Shape::Count;
}

impl Shaped for bool {
    const SHAPE: Shape = Shape::Flag;
}

impl Shaped for Text<'_> {
    const SHAPE: Shape = Shape::Text;
}

impl Shaped for &RawValue {
    const SHAPE: Shape = Shape::Any;
}

impl Shaped for Value {
    const SHAPE: Shape = Shape::Any;
}

impl<T> Shaped for Lenient<T> {
    const SHAPE: Shape = Shape::Any;
}

impl Shaped for Count {
    const SHAPE: Shape = Shape::Any;
}

impl Shaped for SaidTier {
    const SHAPE: Shape = Shape::Any;
}

impl<T: Shaped> Shaped for Option<T> {
    const SHAPE: Shape = T::SHAPE;
}

impl<T: Shaped> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);
}

/// Declares a type that is read from an object, each member under its name in JSON, together with
/// its shape. A list is no such object, although serde would take one.
macro_rules! shaped {
    (
        $(#[$meta:meta])*
        $visible:vis struct $name:ident $(<$a:lifetime>)? {
            $($(#[$field_meta:meta])* $field_visible:vis $field:ident: $kind:ty = $key:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(serde::Deserialize)]
        #[serde(remote = "Self")]
        $visible struct $name $(<$a>)? {
            $($(#[$field_meta])* #[serde(rename = $key)] $field_visible $field: $kind,)*
        }

        impl<'de $(: $a, $a)?> serde::Deserialize<'de> for $name $(<$a>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize($crate::codec::shape::ObjectOnly(deserializer))
            }
        }

        impl $(<$a>)? $crate::codec::shape::Shaped for $name $(<$a>)? {
            const SHAPE: $crate::codec::shape::Shape = $crate::codec::shape::Shape::Object(&[
                $(($key, <$kind as $crate::codec::shape::Shaped>::SHAPE),)*
            ]);
        }
    };
}

pub(crate) use shaped;

/// Reads a struct from an object and from nothing else.
pub(crate) struct ObjectOnly<D>(pub D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectOnly<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// JSON that did not fit its type.
#[derive(Debug)]
pub(crate) struct Mended {
    /// What the client may get: as it came, if it was JSON at all.
    pub native: Bytes,
    /// What fits the type.
    pub fitting: Bytes,
    pub oddities: Vec<Oddity>,
}

/// Writes `json` anew, so that it fits `T`. An error is that of a text which is no JSON.
pub(crate) fn mended<T: Shaped>(json: &Bytes) -> Result<Mended, serde_json::Error> {
    let mut oddities = Vec::new();
    let mut native = json.clone();
    if let Err(error) = serde_json::from_slice::<&RawValue>(&native) {
        native = well_formed(json).ok_or(error)?;
        serde_json::from_slice::<&RawValue>(&native)?;
        oddities.push(Oddity::NoJson);
    }
    let value: &RawValue = serde_json::from_slice(&native)?;
    let mut fitting = Vec::with_capacity(native.len());
    if !write(value.get(), &T::SHAPE, &mut fitting, &mut oddities) {
        fitting.extend_from_slice(b"null");
    }
    Ok(Mended { native, fitting: Bytes::from(fitting), oddities })
}

/// Appends `value` in this shape, or nothing if there is nothing of it in it.
fn write(value: &str, shape: &Shape, out: &mut Vec<u8>, oddities: &mut Vec<Oddity>) -> bool {
    let first = value.as_bytes().first().copied().unwrap_or_default();
    let (usual, oddity) = match (shape, first) {
        (_, b'n') => return false,
        (Shape::Any, _) | (Shape::Text, b'"') | (Shape::Flag, b't' | b'f') => {
            out.extend_from_slice(value.as_bytes());
            return true;
        }
        (Shape::Count, _) => {
            if value.parse::<u64>().is_ok() {
                out.extend_from_slice(value.as_bytes());
                return true;
            }
            (count(value).map(|count| count.to_string()), Oddity::Number)
        }
        // such as an id that is a number
        (Shape::Text, b'-' | b'0'..=b'9') => (Some(quoted(value)), Oddity::Text),
        (Shape::Text, _) => (None, Oddity::Text),
        (Shape::Flag, _) => {
            let flag = value.trim_matches('"').to_ascii_lowercase();
            (Some(flag).filter(|flag| flag == "true" || flag == "false"), Oddity::Flag)
        }
        (Shape::Object(members), b'{') => return write_object(value, members, out, oddities),
        (Shape::Object(_), _) => (None, Oddity::Object),
        (Shape::List(element), b'[') => return write_list(value, element, out, oddities),
        // one element that stands without its list
        (Shape::List(element @ Shape::Object(_)), b'{') => {
            oddities.push(Oddity::List);
            out.push(b'[');
            let begun = out.len();
            write(value, element, out, oddities);
            if out[begun..] == *b"{}" {
                out.truncate(begun);
            }
            out.push(b']');
            return true;
        }
        (Shape::List(_), _) => (None, Oddity::List),
    };
    oddities.push(oddity);
    out.extend_from_slice(usual.as_deref().unwrap_or_default().as_bytes());
    usual.is_some()
}

fn write_object(
    value: &str,
    shapes: &[(&'static str, Shape)],
    out: &mut Vec<u8>,
    oddities: &mut Vec<Oddity>,
) -> bool {
    let Ok(Members(members)) = Members::parse(value.as_bytes()) else { return false };
    out.push(b'{');
    let begun = out.len();
    for (name, shape) in shapes {
        let mut named = members.iter().rev().filter(|(key, _)| &**key == *name);
        // of two with one name the last one counts, as for most who read JSON
        let Some((_, value)) = named.next() else { continue };
        if named.next().is_some() {
            oddities.push(Oddity::DuplicateMember);
        }
        let before = out.len();
        if before > begun {
            out.push(b',');
        }
        write_string(name, out);
        out.push(b':');
        if !write(value.get(), shape, out, oddities) {
            out.truncate(before);
        }
    }
    out.push(b'}');
    true
}

fn write_list(value: &str, element: &Shape, out: &mut Vec<u8>, oddities: &mut Vec<Oddity>) -> bool {
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(value) else { return false };
    out.push(b'[');
    let begun = out.len();
    for value in elements {
        let before = out.len();
        if before > begun {
            out.push(b',');
        }
        if !write(value.get(), element, out, oddities) {
            out.truncate(before);
        }
    }
    out.push(b']');
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    shaped! {
        struct Outer<'a> {
            #[serde(borrow)]
            id: Option<Text<'a>> = "id",
            #[serde(borrow)]
            items: Option<Vec<Inner<'a>>> = "items",
            used: Option<Used> = "used",
            done: Option<bool> = "isDone",
        }
    }

    shaped! {
        struct Inner<'a> {
            #[serde(borrow)]
            any: Option<&'a RawValue> = "any",
            index: Option<u64> = "index",
        }
    }

    shaped! {
        #[derive(Clone, Copy)]
        struct Used {
            first: Option<u64> = "first",
            second: Option<u64> = "second",
        }
    }

    fn fitting(json: &str) -> (String, Vec<Oddity>) {
        let mended = mended::<Outer<'_>>(&Bytes::from(json.to_owned())).unwrap();
        let fitting = String::from_utf8(mended.fitting.to_vec()).unwrap();
        serde_json::from_str::<Outer<'_>>(&fitting).unwrap();
        (fitting, mended.oddities)
    }

    #[test]
    fn what_has_another_type_is_left_out_and_what_can_be_read_is_read() {
        for (json, read, oddities) in [
            (r#"{"id":17}"#, r#"{"id":"17"}"#, vec![Oddity::Text]),
            (r#"{"id":["a"],"new":{"x":[]}}"#, "{}", vec![Oddity::Text]),
            (
                r#"{"used":{"first":12.0,"second":"12"}}"#,
                r#"{"used":{"first":12,"second":12}}"#,
                vec![Oddity::Number; 2],
            ),
            (r#"{"used":{"first":-3,"second":1.5}}"#, r#"{"used":{}}"#, vec![Oddity::Number; 2]),
            (r#"{"used":{"first":1e400,"second":null}}"#, r#"{"used":{}}"#, vec![Oddity::Number]),
            (r#"{"used":[1,2]}"#, "{}", vec![Oddity::Object]),
            (r#"{"used":false,"id":"a"}"#, r#"{"id":"a"}"#, vec![Oddity::Object]),
            (r#"{"items":{}}"#, r#"{"items":[]}"#, vec![Oddity::List]),
            (
                r#"{"items":{"index":"0"}}"#,
                r#"{"items":[{"index":0}]}"#,
                vec![Oddity::List, Oddity::Number],
            ),
            (
                r#"{"items":[3,{"any":[ 1 ]},null]}"#,
                r#"{"items":[{"any":[ 1 ]}]}"#,
                vec![Oddity::Object],
            ),
            (
                r#"{"items":"x","isDone":"True"}"#,
                r#"{"isDone":true}"#,
                vec![Oddity::List, Oddity::Flag],
            ),
            (r#"{"id":"a","id":"b"}"#, r#"{"id":"b"}"#, vec![Oddity::DuplicateMember]),
            (r#"{"id":"a","used":{"first":NaN}}"#, r#"{"id":"a","used":{}}"#, vec![Oddity::NoJson]),
        ] {
            assert_eq!(fitting(json), (read.to_owned(), oddities), "{json}");
        }
        assert!(mended::<Outer<'_>>(&Bytes::from_static(b"<html>")).is_err());
    }

    #[test]
    fn a_list_is_no_object() {
        assert!(serde_json::from_str::<Outer<'_>>(r#"{"used":[1,2]}"#).is_err());
        assert!(serde_json::from_str::<Used>(r#"{"first":1,"second":2}"#).is_ok());
    }
}
