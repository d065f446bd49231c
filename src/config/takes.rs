//! `takes` of a model: what it takes, in place of what the model table knows by its name.

use ainfera_schema::{EFFORT_WORDS, ModelTakes, Sampling, Taken, ToolsOver};

use super::document::Section;
use super::field::Field;
use super::mistake::did_you_mean;

const SAMPLING: [(&str, Sampling); 3] =
    [("all", Sampling::All), ("one_of_two", Sampling::OneOfTwo), ("none", Sampling::None)];
const TOOLS_OVER: [(&str, ToolsOver); 2] =
    [("either", ToolsOver::Either), ("responses", ToolsOver::Responses)];

/// What the table of a model says; each entry that it leaves out stays as it was corrected before.
pub(super) fn read(model: &Section<'_>, before: Option<&ModelTakes>) -> ModelTakes {
    let said = model.field("takes").and_then(|field| field.table(|section| Some(entries(section))));
    let (said, before) = (said.unwrap_or_default(), before.cloned().unwrap_or_default());
    ModelTakes {
        sampling: said.sampling.or(before.sampling),
        efforts: said.efforts.or(before.efforts),
        forced_tools: said.forced_tools.or(before.forced_tools),
        prefill: said.prefill.or(before.prefill),
        images: said.images.or(before.images),
        tools_over: said.tools_over.or(before.tools_over),
    }
}

fn entries(section: &Section<'_>) -> ModelTakes {
    let taken = |key| {
        let flag = section.field(key).and_then(|field| field.flag());
        flag.map(|taken| if taken { Taken::Yes } else { Taken::No })
    };
    ModelTakes {
        sampling: section.field("sampling").and_then(|field| field.one_of(&SAMPLING)),
        efforts: section.field("efforts").and_then(|field| efforts(&field)),
        forced_tools: taken("forced_tools"),
        prefill: taken("prefill"),
        images: taken("images"),
        tools_over: section.field("tools_over").and_then(|field| field.one_of(&TOOLS_OVER)),
    }
}

/// Each word once, from the least to the most.
fn efforts(field: &Field<'_>) -> Option<Vec<&'static str>> {
    let said = field.texts()?;
    for word in &said {
        if !EFFORT_WORDS.contains(word) {
            let offer = did_you_mean(word, EFFORT_WORDS);
            field.refuse(format!("\"{word}\" is none of {}{offer}", EFFORT_WORDS.join(", ")));
            return None;
        }
    }
    Some(EFFORT_WORDS.into_iter().filter(|word| said.contains(word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(takes: &str) -> Result<Config, String> {
        let text = format!(
            "[[providers]]\nid = \"a\"\nkind = \"anthropic\"\napi_key = {{ env = \"KEY\" }}\n\
             [[models]]\nslug = \"claude-opus-5-5\"\ntakes = {takes}\n"
        );
        Config::from_toml(&text, &|name| (name == "KEY").then(|| "k".to_owned()))
            .map_err(|mistakes| format!("{mistakes:?}"))
    }

    #[test]
    fn single_entries_are_corrected_and_mistakes_named() {
        let taken = config(
            "{ sampling = \"one_of_two\", efforts = [\"max\", \"low\"], forced_tools = true, tools_over = \"responses\" }",
        )
        .unwrap();
        let model =
            taken.models.iter().find(|model| model.slug.as_str() == "claude-opus-5-5").unwrap();
        assert_eq!(
            model.takes,
            ModelTakes {
                sampling: Some(Sampling::OneOfTwo),
                efforts: Some(vec!["low", "max"]),
                forced_tools: Some(Taken::Yes),
                tools_over: Some(ToolsOver::Responses),
                ..ModelTakes::default()
            }
        );
        for (takes, message) in [
            ("{ efforts = [\"hihg\"] }", "\\\"hihg\\\" is none of none, minimal"),
            ("{ efforts = \"high\" }", "must be a list of strings"),
            ("{ sampling = \"some\" }", "\\\"some\\\" is none of all"),
            ("{ prefil = true }", "unknown key; did you mean \\\"prefill\\\"?"),
        ] {
            let error = config(takes).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
