//! `[reservations]`: how much of what a call may cost is set aside before it begins.

use ainfera_routing::ReservationMode;

use super::document::Section;

const WORDS: [(&str, ReservationMode); 2] =
    [("strict", ReservationMode::Strict), ("sliced", ReservationMode::Sliced)];

pub(super) fn read(root: &Section<'_>) -> ReservationMode {
    let set = root
        .renamed_field("reservations", "holds")
        .and_then(|field| field.table(|section| section.field("mode")?.one_of(&WORDS)));
    set.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(text: &str) -> Result<ReservationMode, String> {
        read_document(text, |root| Some(read(root))).map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn the_whole_cost_is_reserved_unless_the_file_says_sliced() {
        assert_eq!(read_text(""), Ok(ReservationMode::Strict));
        assert_eq!(read_text("[reservations]\n"), Ok(ReservationMode::Strict));
        let sliced = "[reservations]\nmode = \"sliced\"\n";
        assert_eq!(read_text(sliced), Ok(ReservationMode::Sliced));
        let mistake = read_text("[reservations]\nmode = \"none\"\n").unwrap_err();
        assert!(
            mistake.starts_with("line 2: reservations.mode: \"none\" is none of strict, sliced"),
            "{mistake}"
        );
    }

    #[test]
    fn the_older_name_of_the_table_is_read_but_not_beside_the_present_one() {
        let older = "[holds]\nmode = \"sliced\"\n";
        assert_eq!(read_text(older), Ok(ReservationMode::Sliced));
        let both = format!("[reservations]\nmode = \"strict\"\n{older}");
        let mistake = read_text(&both).unwrap_err();
        assert!(mistake.contains("holds: is the older name of \"reservations\""), "{mistake}");
    }
}
