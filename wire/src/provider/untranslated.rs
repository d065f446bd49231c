//! Members inside a request that no translation reads, at any depth: what a writer does not know
//! of, it cannot name itself.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::disclosure::coercion::{Change, Coercions, Reason};

/// What translations read of a value. What is not an object or a list is read whole.
#[derive(Debug)]
enum Shape {
    Whole,
    /// `caller`: that the model itself called a tool is what everybody takes it for.
    Caller,
    Each(&'static Shape),
    Members(&'static [(&'static str, Shape)]),
}

use Shape::{Caller, Each, Members, Whole};

/// All members of all blocks that have a meaning in other dialects, or that are named elsewhere.
static BLOCK: Shape = Members(&[
    ("type", Whole),
    ("text", Whole),
    ("id", Whole),
    ("name", Whole),
    ("input", Whole),
    ("tool_use_id", Whole),
    ("content", Each(&BLOCK)),
    ("is_error", Whole),
    ("source", Members(&SOURCE)),
    ("title", Whole),
    ("context", Whole),
    ("thinking", Whole),
    ("signature", Whole),
    ("data", Whole),
    ("cache_control", Whole),
    ("citations", Whole),
    ("caller", Caller),
]);
/// Where the bytes of an image or document are; of a search result it is a text.
static SOURCE: [(&str, Shape); 6] = [
    ("type", Whole),
    ("media_type", Whole),
    ("data", Whole),
    ("url", Whole),
    ("file_id", Whole),
    ("content", Each(&BLOCK)),
];
static TURN: Shape = Members(&[("role", Whole), ("content", Each(&BLOCK))]);
static TOOL: Shape = Members(&[
    ("type", Whole),
    ("name", Whole),
    ("description", Whole),
    ("input_schema", Whole),
    ("strict", Whole),
    ("cache_control", Whole),
]);
static MESSAGES: Shape = Each(&TURN);
static SYSTEM: Shape = Each(&BLOCK);
static TOOLS: Shape = Each(&TOOL);
static METADATA: Shape = Members(&[("user_id", Whole)]);
static OUTPUT_CONFIG: Shape = Members(&[("effort", Whole), ("format", Whole)]);
static TOOL_CHOICE: Shape =
    Members(&[("type", Whole), ("name", Whole), ("disable_parallel_tool_use", Whole)]);
static THINKING: Shape = Members(&[("type", Whole), ("budget_tokens", Whole), ("display", Whole)]);

/// Names what is not read inside one member of the body. `value` has been parsed before: where it
/// is no JSON nothing is named.
pub fn report_untranslated(member: &str, value: &RawValue, coercions: &mut Coercions) {
    let shape = match member {
        "messages" => &MESSAGES,
        "system" => &SYSTEM,
        "tools" => &TOOLS,
        "metadata" => &METADATA,
        "output_config" => &OUTPUT_CONFIG,
        "tool_choice" => &TOOL_CHOICE,
        "thinking" => &THINKING,
        _ => return,
    };
    let walk = Walk { shape, at: &Path { parent: None, step: Step::Member(member) }, coercions };
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_str(value.get()));
}

/// Where the walk is, from the inside to the outside.
struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Member(&'a str),
    Index(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}.")?;
        }
        match self.step {
            Step::Member(name) => f.write_str(name),
            Step::Index(index) => write!(f, "{index}"),
        }
    }
}

struct Walk<'a> {
    shape: &'static Shape,
    at: &'a Path<'a>,
    coercions: &'a mut Coercions,
}

impl Walk<'_> {
    fn name(&mut self) {
        self.coercions.add(self.at.to_string(), Change::Dropped(Reason::Unknown));
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<(), D::Error> {
        match self.shape {
            Whole => IgnoredAny::deserialize(deserializer).map(drop),
            Caller => {
                let said = <&RawValue>::deserialize(deserializer)?;
                if !is_direct(said) {
                    self.name();
                }
                Ok(())
            }
            Each(_) | Members(_) => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Walk { shape, at, coercions } = self;
        while let Some(key) = map.next_key::<Text<'_>>()? {
            let at = Path { parent: Some(at), step: Step::Member(&key) };
            let read = match shape {
                Members(members) => {
                    members.iter().find(|(name, _)| *name == &*key).map(|(_, shape)| shape)
                }
                Each(_) | Whole | Caller => Some(&Whole),
            };
            let mut walk =
                Walk { shape: read.unwrap_or(&Whole), at: &at, coercions: &mut *coercions };
            if read.is_none() {
                walk.name();
            }
            map.next_value_seed(walk)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let Walk { shape, at, coercions } = self;
        let shape = if let Each(shape) = shape { shape } else { &Whole };
        for index in 0.. {
            let at = Path { parent: Some(at), step: Step::Index(index) };
            if sequence
                .next_element_seed(Walk { shape, at: &at, coercions: &mut *coercions })?
                .is_none()
            {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

fn is_direct(caller: &RawValue) -> bool {
    let caller: Result<serde_json::Value, _> = serde_json::from_str(caller.get());
    caller.is_ok_and(|caller| caller.is_null() || caller["type"] == "direct")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(member: &str, value: &str) -> Vec<String> {
        let mut coercions = Coercions::default();
        report_untranslated(
            member,
            &RawValue::from_string(value.to_owned()).unwrap(),
            &mut coercions,
        );
        coercions.texts()
    }

    #[test]
    fn what_nobody_reads_is_named_at_any_depth() {
        assert_eq!(
            named(
                "messages",
                r#"[{"role":"user","content":"x"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"a","new":{"b":1}}],"toolset_name":"s"}],"name":"n"}]"#
            ),
            [
                "messages.1.content.0.content.0.new=dropped:unknown",
                "messages.1.content.0.toolset_name=dropped:unknown",
                "messages.1.name=dropped:unknown"
            ]
        );
        assert_eq!(
            named(
                "tools",
                r#"[{"name":"f","input_schema":{"x":1}},{"name":"g","defer_loading":true}]"#
            ),
            ["tools.1.defer_loading=dropped:unknown"]
        );
        assert_eq!(
            named("metadata", r#"{"user_id":null,"team":"a"}"#),
            ["metadata.team=dropped:unknown"]
        );
    }

    #[test]
    fn what_nobody_reads_of_a_source_is_named() {
        let image = |source: &str| {
            format!(r#"[{{"role":"user","content":[{{"type":"image","source":{source}}}]}}]"#)
        };
        assert_eq!(
            named("messages", &image(r#"{"type":"url","url":"https://a.example","hash":"x"}"#)),
            ["messages.0.content.0.source.hash=dropped:unknown"]
        );
        assert_eq!(
            named(
                "messages",
                &image(r#"{"type":"content","content":[{"type":"text","text":"a","new":1}]}"#)
            ),
            ["messages.0.content.0.source.content.0.new=dropped:unknown"]
        );
        assert_eq!(named("messages", &image(r#""https://a.example""#)), Vec::<String>::new());
    }

    #[test]
    fn a_call_by_the_model_itself_is_nothing_to_name() {
        let content = |caller: &str| {
            format!(
                r#"[{{"role":"assistant","content":[{{"type":"tool_use","caller":{caller}}}]}}]"#
            )
        };
        assert_eq!(named("messages", &content(r#"{"type":"direct"}"#)), Vec::<String>::new());
        assert_eq!(
            named("messages", &content(r#"{"type":"code_execution_20250825","tool_id":"s"}"#)),
            ["messages.0.content.0.caller=dropped:unknown"]
        );
    }
}
