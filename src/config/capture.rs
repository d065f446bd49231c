//! `[capture]`: what a client may rely on when its answer is over.

use ainfera_actors::capture::acknowledge::Acknowledge;

use super::document::Section;

const WORDS: [(&str, Acknowledge); 2] =
    [("before_stop", Acknowledge::BeforeStop), ("after", Acknowledge::After)];

pub(super) fn read(root: &Section<'_>) -> Acknowledge {
    let set = root
        .field("capture")
        .and_then(|field| field.table(|section| section.field("acknowledge")?.one_of(&WORDS)));
    set.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(text: &str) -> Result<Acknowledge, String> {
        read_document(text, |root| Some(read(root))).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn the_row_comes_first_unless_one_says_otherwise() {
        assert_eq!(read_text(""), Ok(Acknowledge::BeforeStop));
        assert_eq!(read_text("[capture]\n"), Ok(Acknowledge::BeforeStop));
        assert_eq!(read_text("[capture]\nacknowledge = \"after\"\n"), Ok(Acknowledge::After));
        let mistake = read_text("[capture]\nacknowledge = \"before\"\n").unwrap_err();
        assert!(
            mistake.starts_with(
                "line 2: capture.acknowledge: \"before\" is none of before_stop, after"
            ),
            "{mistake}"
        );
    }
}
