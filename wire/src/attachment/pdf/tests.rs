use super::*;
use proptest::prelude::*;

const WORDS: &str = "BT (Hello, world.) Tj ET";

/// A file of these objects, numbered from 1.
fn file(objects: &[&str]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    for (index, object) in objects.iter().enumerate() {
        file.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).bytes());
    }
    file.extend(b"trailer << /Root 1 0 R >>\n%%EOF");
    file
}

fn stream(members: &str, data: &str) -> String {
    format!("<< {members} /Length {} >>\nstream\n{data}\nendstream", data.len())
}

fn packed(members: &str, data: &[u8]) -> Vec<u8> {
    let data = miniz_oxide::deflate::compress_to_vec_zlib(data, 6);
    let head = format!("<< {members} /Filter /FlateDecode /Length {} >>\nstream\n", data.len());
    [head.as_bytes(), &data, b"\nendstream"].concat()
}

/// Two pages, each with the words.
fn two_pages() -> Vec<String> {
    vec![
        "<< /Type /Catalog /Pages 2 0 R >>".into(),
        "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>".into(),
        "<< /Type /Page /Parent 2 0 R /Contents 5 0 R >>".into(),
        "<< /Type /Page /Parent 2 0 R /Contents [5 0 R] >>".into(),
        stream("", WORDS),
    ]
}

fn extent_of(objects: &[String]) -> Option<DocumentExtent> {
    extent(&file(&objects.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn counted(pages: u64, text_bytes: u64) -> Option<DocumentExtent> {
    Some(DocumentExtent { pages, text_bytes })
}

#[test]
fn pages_are_counted_and_their_text_is_bounded() {
    // the string and its bracket, twice, at three bytes a character and one between
    assert_eq!(extent_of(&two_pages()), counted(2, 2 * 14 * 4));
}

#[test]
fn a_packed_stream_is_read_as_a_plain_one() {
    let mut objects = file(&two_pages()[..4].iter().map(String::as_str).collect::<Vec<_>>());
    objects.extend(b"\n5 0 obj\n");
    objects.extend(packed("", WORDS.as_bytes()));
    objects.extend(b"\nendobj\n");
    assert_eq!(extent(&objects), counted(2, 2 * 14 * 4));
}

#[test]
fn a_stream_that_is_packed_twice_is_read() {
    let mut objects = two_pages();
    let digits: String = WORDS.bytes().map(|byte| format!("{byte:02x}")).collect();
    objects[4] = stream("/Filter [/ASCIIHexDecode]", &format!("{digits}>"));
    assert_eq!(extent_of(&objects), counted(2, 2 * 14 * 4));
    objects[4] = stream("/Filter [/ASCIIHexDecode /FlateDecode]", &format!("{digits}>"));
    assert_eq!(extent_of(&objects), None);
}

#[test]
fn pages_that_are_packed_into_a_stream_of_objects_are_found() {
    let tree = [
        "<< /Type /Pages /Kids [3 0 R 4 0 R 6 0 R] /Count 1 >>",
        "<< /Type /Page >>",
        "<< /Type /Page >>",
        "<< /Type /Page >>",
    ];
    let offsets: Vec<usize> = tree
        .iter()
        .scan(0, |at, object| Some(std::mem::replace(at, *at + object.len() + 1)))
        .collect();
    let header = format!("2 {} 3 {} 4 {} 6 {} ", offsets[0], offsets[1], offsets[2], offsets[3]);
    let data = format!("{header}{}", tree.join(" "));
    let mut objects = file(&["<< /Type /Catalog /Pages 2 0 R >>"]);
    objects.extend(b"\n9 0 obj\n");
    objects.extend(packed(&format!("/Type /ObjStm /N 4 /First {}", header.len()), data.as_bytes()));
    objects.extend(b"\nendobj\n");
    assert_eq!(extent(&objects), counted(3, 0));
    let unknown = String::from_utf8_lossy(&objects).replace("/FlateDecode", "/LZWDecode  ");
    assert_eq!(extent(unknown.as_bytes()), None, "they may be pages");
}

#[test]
fn of_two_definitions_of_an_object_the_larger_counts() {
    let mut updated = two_pages();
    updated.push("<< /Type /Page /Contents 5 0 R >>".into());
    let mut file = file(&updated.iter().map(String::as_str).collect::<Vec<_>>());
    file.extend(b"\n2 0 obj << /Type /Pages /Kids [3 0 R 4 0 R 6 0 R] /Count 3 >> endobj\n");
    assert_eq!(extent(&file), counted(3, 3 * 14 * 4));
    file.extend(b"\n2 0 obj << /Type /Pages /Kids [] /Count 0 >> endobj\n");
    assert_eq!(
        extent(&file),
        counted(3, 3 * 14 * 4),
        "another table may still lead to the larger one"
    );
    file.extend(format!("\n5 0 obj {} endobj\n", stream("", "(x) Tj (y) Tj")).bytes());
    assert_eq!(extent(&file), counted(3, 3 * (14 + 4) * 4));
}

#[test]
fn a_count_above_the_pages_counts_and_one_below_zero_leaves_the_file_uncounted() {
    let mut objects = two_pages();
    objects[1] = objects[1].replace("/Count 2", "/Count 500");
    assert_eq!(extent_of(&objects).unwrap().pages, 500);
    objects[1] = objects[1].replace("/Count 500", "/Count 1");
    assert_eq!(extent_of(&objects).unwrap().pages, 2);
    objects[1] = objects[1].replace("/Count 1", "/Count -7");
    assert_eq!(extent_of(&objects), None);
}

#[test]
fn what_cannot_be_followed_is_not_counted() {
    for (of, with) in [
        ("/Kids [3 0 R 4 0 R]", "/Kids [3 0 R 3 0 R]"),
        ("/Kids [3 0 R 4 0 R]", "/Kids [3 0 R 2 0 R]"),
        ("/Kids [3 0 R 4 0 R]", "/Kids [<< /Type /Page >>]"),
        ("/Contents 5 0 R", "/Contents 5 0 R /Encrypt 9 0 R"),
        ("/Length", "/Filter /LZWDecode /Length"),
        ("/Length", "/Filter [/FlateDecode /LZWDecode] /Length"),
        ("/Length", "/Filter /FlateDecode /DecodeParms << /Predictor 12 >> /Length"),
        ("/Length", "/Filter /FlateDecode /Length"),
    ] {
        let objects: Vec<String> =
            two_pages().iter().map(|object| object.replacen(of, with, 1)).collect();
        assert_ne!(objects, two_pages(), "{with}");
        assert_eq!(extent_of(&objects), None, "{with}");
    }
    assert_eq!(extent(b"no PDF"), None);
    assert_eq!(extent(b"%PDF-1.7 and nothing else"), None);
}

#[test]
fn a_stream_is_as_long_as_the_longest_reading_of_it() {
    let mut objects = two_pages();
    objects[4] =
        "<< /Length 200 >>\nstream\n(a) Tj endstream (hidden behind its end) Tj\nendstream".into();
    assert!(extent_of(&objects).unwrap().text_bytes > 2 * 3 * 20);
    objects[4] = "<< /Length 0 >>\nstream\n(longer than the file says) Tj\nendstream".into();
    assert!(extent_of(&objects).unwrap().text_bytes > 2 * 3 * 20);
}

#[test]
fn a_form_counts_as_often_as_it_may_be_drawn() {
    let mut objects = two_pages();
    objects[4] = stream("", "/F1 Do /F1 Do /F2 Do");
    objects.push(stream("/Type /XObject /Subtype /Form", "(twelve bytes) Tj"));
    let drawn = extent_of(&objects).unwrap().text_bytes;
    assert_eq!(drawn, (2 * 3 * 13 + 13) * 4);
    // a form that draws the form ten times
    objects.push(stream("/Subtype /Form", &"/F1 Do ".repeat(10)));
    assert!(extent_of(&objects).unwrap().text_bytes >= 2 * 3 * 130 * 4);
}

#[test]
fn a_map_that_makes_much_of_one_byte_counts() {
    let mut objects = two_pages();
    objects.push("<< /Type /Font /ToUnicode 7 0 R >>".into());
    objects.push(stream("", "1 beginbfchar <41> <4E2D4E2D4E2D4E2D4E2D> endbfchar"));
    assert_eq!(extent_of(&objects), counted(2, 2 * 14 * 16));
}

#[test]
fn a_text_for_readers_who_cannot_see_counts_at_each_mark() {
    let mut objects = two_pages();
    objects[4] = stream("", "/Span /P BDC EMC /Span /P BDC EMC");
    objects.push(format!("<< /ActualText ({}) >>", "x".repeat(99)));
    assert_eq!(extent_of(&objects), counted(2, (2 * 2 * 100 + 100) * 4));
}

#[test]
fn a_file_without_a_tree_holds_no_more_than_its_bytes() {
    let broken = [b"%PDF-1.4\n".to_vec(), b"1 0 obj<</Type/Page>>endobj\n".repeat(2_000)].concat();
    assert_eq!(extent(&broken), counted(1, broken.len() as u64));
    let with_stream = [broken, b"2 0 obj << >> stream\nx\nendstream endobj".to_vec()].concat();
    assert_eq!(extent(&with_stream), None);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let mut file = file(&two_pages()[..4].iter().map(String::as_str).collect::<Vec<_>>());
    file.extend(b"\n5 0 obj\n");
    file.extend(packed("", &vec![b' '; 64 * 1024 * 1024]));
    assert!(file.len() < 200_000);
    assert_eq!(extent(&file), None);
}

#[test]
fn a_file_that_would_be_read_again_and_again_is_given_up() {
    for nest in ["1 0 obj (", "1 0 obj [(", "1 0 obj << /A <"] {
        let file = [b"%PDF-1.7\n".to_vec(), nest.repeat(150_000).into_bytes()].concat();
        assert_eq!(extent(&file), None, "{nest}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in 0usize..400,
    ) {
        let mut file = file(&two_pages().iter().map(String::as_str).collect::<Vec<_>>());
        let at = at.min(file.len());
        file.splice(at..at, bytes);
        let _ = extent(&file);
    }
}
