//! Every object that stands anywhere in the file, in all its definitions.

use std::cell::Cell;
use std::collections::HashMap;

use crate::attachment::pdf::MOST_UNPACKED_BYTES;
use crate::attachment::pdf::filters::Filter;
use crate::attachment::pdf::lexer::{Lexer, is_space};
use crate::attachment::pdf::value::Value;

/// More objects than a file of a few hundred pages has.
const MOST_OBJECTS: usize = 200_000;

/// How often the whole file may be read, and so much more for a short one.
const MOST_READINGS: usize = 8;
const LEAST_WORK_BYTES: usize = 1024 * 1024;

/// One definition of an object.
#[derive(Debug)]
pub(super) struct Object {
    pub value: Value,
    /// Where the bytes of its stream begin, if it has one.
    stream: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Objects<'a> {
    file: &'a [u8],
    definitions: HashMap<u32, Vec<Object>>,
    /// How much may still be unpacked.
    room: Cell<usize>,
    /// How many bytes may still be read: objects that lie in one another would be read again and
    /// again.
    work: Cell<usize>,
}

impl<'a> Objects<'a> {
    /// `None` where some of them are packed in a way that cannot be undone here.
    pub(super) fn find(file: &'a [u8]) -> Option<Self> {
        let (room, work) = (
            Cell::new(MOST_UNPACKED_BYTES),
            Cell::new(file.len() * MOST_READINGS + LEAST_WORK_BYTES),
        );
        let mut objects = Self { file, definitions: HashMap::new(), room, work };
        let mut found = 0usize;
        // also inside of streams: a table may point anywhere
        for at in memchr::memmem::find_iter(file, b"obj") {
            let Some(number) = number_before(&file[..at]) else { continue };
            found += 1;
            if found > MOST_OBJECTS {
                return None;
            }
            let mut lexer = Lexer::new(file, at + 3);
            let value = Value::parse(&mut lexer);
            objects.charge(lexer.at.saturating_sub(at))?;
            let Some(value) = value else { continue };
            let stream = stream_start(file, &mut lexer);
            objects.definitions.entry(number).or_default().push(Object { value, stream });
        }
        objects.unpack(found)?;
        Some(objects)
    }

    /// Takes so many bytes off what may still be read.
    fn charge(&self, bytes: usize) -> Option<()> {
        self.work.set(self.work.get().checked_sub(bytes)?);
        Some(())
    }

    /// What a reference stands for, in every definition.
    pub(super) fn of(&self, number: u32) -> &[Object] {
        self.definitions.get(&number).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Object> {
        self.definitions.values().flatten()
    }

    /// How many there are under names of their own.
    pub(super) fn count(&self) -> usize {
        self.definitions.len()
    }

    /// The bytes of an object's stream, unpacked. `None`: it has none that can be.
    pub(super) fn stream(&self, object: &Object) -> Option<Vec<u8>> {
        let start = object.stream?;
        let raw = self.file.get(start..)?;
        if object.value.has("DecodeParms") || object.value.has("DP") || object.value.has("F") {
            return None;
        }
        let filters = Filter::all(&object.value.members("Filter").collect::<Vec<_>>())?;
        let packed = raw.get(..self.plain_length(object, raw))?;
        self.charge(packed.len())?;
        let mut bytes = match filters.first() {
            None => packed.get(..packed.len().min(self.room.get() + 1))?.to_vec(),
            Some(outermost) => outermost.undo(packed, self.room.get())?,
        };
        for filter in filters.iter().skip(1) {
            bytes = filter.undo(&bytes, self.room.get())?;
        }
        self.room.set(self.room.get().checked_sub(bytes.len())?);
        Some(bytes)
    }

    /// The longest that any reader takes it to be.
    fn plain_length(&self, object: &Object, raw: &[u8]) -> usize {
        let searched = memchr::memmem::find(raw, b"endstream").unwrap_or(raw.len());
        let said = object.value.members("Length").flat_map(|length| self.wholes(length)).max();
        let said = said.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        searched.max(said).min(raw.len())
    }

    /// A number, or what a reference to one stands for.
    pub(super) fn wholes(&self, value: &Value) -> Vec<i64> {
        let whole =
            |value: &Value| if let Value::Whole(number) = value { Some(*number) } else { None };
        match value {
            Value::Reference(number) => {
                self.of(*number).iter().filter_map(|object| whole(&object.value)).collect()
            }
            other => whole(other).into_iter().collect(),
        }
    }

    /// Objects that are packed into streams, known by the two members that unpacking needs.
    fn unpack(&mut self, mut found: usize) -> Option<()> {
        let mut unpacked = Vec::new();
        for object in self.all().filter(|object| {
            object.stream.is_some() && object.value.has("First") && object.value.has("N")
        }) {
            let bytes = self.stream(object)?;
            let firsts: Vec<i64> =
                object.value.members("First").flat_map(|first| self.wholes(first)).collect();
            let [first] = firsts.as_slice() else { return None };
            let first = usize::try_from(*first).ok().filter(|first| *first <= bytes.len())?;
            let mut header = Lexer::new(&bytes[..first], 0);
            while let (Some(Value::Whole(number)), Some(Value::Whole(offset))) =
                (Value::parse(&mut header), Value::parse(&mut header))
            {
                found += 1;
                if found > MOST_OBJECTS {
                    return None;
                }
                let at = usize::try_from(offset).ok()?.checked_add(first)?;
                let value = Value::parse(&mut Lexer::new(&bytes, at))?;
                unpacked.push((u32::try_from(number).ok()?, Object { value, stream: None }));
            }
        }
        for (number, object) in unpacked {
            self.definitions.entry(number).or_default().push(object);
        }
        Some(())
    }
}

/// Where the bytes of a stream begin that follows the value.
fn stream_start(file: &[u8], lexer: &mut Lexer<'_>) -> Option<usize> {
    if lexer.next()? != crate::attachment::pdf::lexer::Token::Word(b"stream") {
        return None;
    }
    match file.get(lexer.at..)? {
        [b'\r', b'\n', ..] => Some(lexer.at + 2),
        [b'\r' | b'\n', ..] => Some(lexer.at + 1),
        _ => Some(lexer.at),
    }
}

/// The number of an object whose `obj` stands behind: `12 0 obj`.
fn number_before(bytes: &[u8]) -> Option<u32> {
    let bytes = without_space(bytes)?;
    let (bytes, _) = without_digits(bytes)?;
    let (_, digits) = without_digits(without_space(bytes)?)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn without_space(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().rposition(|byte| !is_space(*byte))?;
    (end + 1 < bytes.len()).then(|| &bytes[..=end])
}

fn without_digits(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let count = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).take(10).count();
    (count > 0).then(|| bytes.split_at(bytes.len() - count))
}
