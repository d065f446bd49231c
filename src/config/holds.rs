//! `[holds]`: how much of what a call may cost is reserved before it begins.

use ainfera_routing::HoldMode;

use super::document::Section;

const WORDS: [(&str, HoldMode); 2] = [("strict", HoldMode::Strict), ("sliced", HoldMode::Sliced)];

pub(super) fn read(root: &Section<'_>) -> HoldMode {
    let set = root
        .field("holds")
        .and_then(|field| field.table(|section| section.field("mode")?.one_of(&WORDS)));
    set.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(text: &str) -> Result<HoldMode, String> {
        read_document(text, |root| Some(read(root))).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn all_of_it_is_held_unless_one_says_otherwise() {
        assert_eq!(read_text(""), Ok(HoldMode::Strict));
        assert_eq!(read_text("[holds]\n"), Ok(HoldMode::Strict));
        assert_eq!(read_text("[holds]\nmode = \"sliced\"\n"), Ok(HoldMode::Sliced));
        let mistake = read_text("[holds]\nmode = \"none\"\n").unwrap_err();
        assert!(
            mistake.starts_with("line 2: holds.mode: \"none\" is none of strict, sliced"),
            "{mistake}"
        );
    }
}
