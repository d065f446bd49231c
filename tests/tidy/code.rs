//! Tells code from text and comments: a rule about names must not read what a string says.

/// One line of a file, with its strings and comments taken apart from the code.
#[derive(Default)]
pub struct Line {
    /// The code alone. A string is a pair of quotes here.
    pub code: String,
    /// The line holds a string, or a part of one that goes over several lines.
    pub has_text: bool,
}

enum State {
    Code,
    BlockComment,
    /// Inside of a string that ends with a quote and this many number signs.
    Text {
        number_signs: usize,
        has_escapes: bool,
    },
}

/// The lines of a Rust file.
pub fn lines(text: &str) -> Vec<Line> {
    let mut state = State::Code;
    text.lines().map(|line| read_line(line, &mut state)).collect()
}

fn read_line(line: &str, state: &mut State) -> Line {
    let characters: Vec<char> = line.chars().collect();
    let mut read = Line::default();
    let mut at = 0;
    while at <= characters.len() {
        match state {
            State::Code => {
                let Some(character) = characters.get(at) else { break };
                if starts(&characters[at..], "//") {
                    break;
                } else if starts(&characters[at..], "/*") {
                    *state = State::BlockComment;
                } else if *character == '"' {
                    *state = string_that_begins(&read.code);
                    read.has_text = true;
                } else if let Some(length) = character_literal(&characters[at..]) {
                    at += length - 1;
                }
                read.code.push(*character);
            }
            State::BlockComment => {
                if starts(&characters[at.min(characters.len())..], "*/") {
                    *state = State::Code;
                    at += 1;
                }
            }
            State::Text { number_signs, has_escapes } => {
                read.has_text = true;
                let escaped = *has_escapes && characters.get(at) == Some(&'\\');
                if escaped {
                    at += 1;
                } else if ends_text(&characters[at.min(characters.len())..], *number_signs) {
                    read.code.push('"');
                    at += *number_signs;
                    *state = State::Code;
                }
            }
        }
        at += 1;
    }
    read
}

/// `r##"` begins a string in which a backslash is a backslash.
fn string_that_begins(code_before: &str) -> State {
    let without_signs = code_before.trim_end_matches('#');
    let number_signs = code_before.len() - without_signs.len();
    let before_r = without_signs.strip_suffix('r');
    let before_r = before_r.map(|rest| rest.strip_suffix('b').unwrap_or(rest));
    let is_raw = before_r.is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric()));
    State::Text { number_signs: if is_raw { number_signs } else { 0 }, has_escapes: !is_raw }
}

/// The length of `'x'` or `'\x'`, but not of a lifetime.
fn character_literal(characters: &[char]) -> Option<usize> {
    match characters {
        ['\'', '\\', ..] => {
            characters.iter().skip(3).position(|character| *character == '\'').map(|end| end + 4)
        }
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

fn ends_text(characters: &[char], number_signs: usize) -> bool {
    let mut characters = characters.iter();
    characters.next() == Some(&'"')
        && characters.take(number_signs).filter(|sign| **sign == '#').count() == number_signs
}

fn starts(characters: &[char], with: &str) -> bool {
    let mut characters = characters.iter();
    with.chars().all(|expected| characters.next() == Some(&expected))
}

/// The words of the names in a piece of code: `ClientHold` and `client_hold` are `client`, `hold`.
pub fn words(code: &str) -> Vec<String> {
    let mut words = Vec::new();
    for name in code.split(|character: char| !character.is_alphanumeric()) {
        let mut word = String::new();
        let mut after_lower_case = false;
        for character in name.chars() {
            if character.is_uppercase() && after_lower_case {
                words.push(std::mem::take(&mut word));
            }
            after_lower_case = character.is_lowercase();
            word.extend(character.to_lowercase());
        }
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn strings_and_comments_are_no_code() {
    let text = "let a = \"said\"; // told\nlet b = r#\"\nheard \" asked\n\"#; said('\"', '\\'');";
    let lines = lines(text);
    let code: Vec<&str> = lines.iter().map(|line| line.code.as_str()).collect();
    assert_eq!(code[..3], ["let a = \"\"; ", "let b = r#\"", ""]);
    assert!(code[3].starts_with("\"; said("), "{}", code[3]);
    let has_text: Vec<bool> = lines.iter().map(|line| line.has_text).collect();
    assert_eq!(has_text, [true, true, true, true]);
}

#[test]
fn names_are_taken_apart_into_words() {
    assert_eq!(
        words("fn client_hold(a: ClientHold)"),
        ["fn", "client", "hold", "a", "client", "hold"]
    );
}
