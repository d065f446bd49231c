//! The lines of a file of checkpoints. Everything here blocks and belongs on a blocking thread.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ainfera_schema::audit_break::AuditBreak;
use ainfera_schema::checkpoint::Checkpoint;
use ainfera_store::Kept;
use serde::{Deserialize, Serialize};

use super::checkpoint_file::Extent;

/// A file of recent checkpoints is rewritten when it has become so long, with its newest lines.
const LONGEST_RECENT: u64 = 256 * 1024;
const KEPT_OF_RECENT: usize = 128 * 1024;

/// A checkpoint as it is, or a break as in an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Checkpoint(Checkpoint),
    Break(#[serde(with = "break_line")] Box<AuditBreak>),
}

mod break_line {
    use super::{AuditBreak, Deserialize, Serialize};
    use serde::{Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Tagged {
        r#break: Box<AuditBreak>,
    }

    pub(super) fn serialize<S: Serializer>(
        declared: &AuditBreak,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Tagged { r#break: Box::new(declared.clone()) }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Box<AuditBreak>, D::Error> {
        Tagged::deserialize(deserializer).map(|tagged| tagged.r#break)
    }
}

/// What the last whole line says. What a crash left of a line is cut off. A line that is none is
/// told, and passed over.
pub(super) fn end_of(path: &Path, extent: Extent) -> std::io::Result<Option<Kept>> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut whole_bytes, mut damaged_lines) = (0, 0_u64);
    let (mut last, mut break_hash): (Option<(i64, String)>, Option<String>) = (None, None);
    each_line(&file, |line| {
        whole_bytes += line.len() as u64;
        match parse(line, extent) {
            Some(Line::Checkpoint(checkpoint)) => last = Some((checkpoint.number, checkpoint.hash)),
            Some(Line::Break(declared)) => break_hash = Some(declared.hash),
            None => damaged_lines += 1,
        }
    })?;
    file.set_len(whole_bytes)?;
    if damaged_lines > 0 {
        tracing::error!(path = %path.display(), damaged_lines, "lines of checkpoints kept outside are damaged, they are passed over");
    }
    Ok(last.map(|(number, hash)| Kept { number, hash, break_hash }))
}

/// The checkpoints from this number on that belong to the branch of the last one, oldest first.
pub(super) fn branch_of(path: &Path, from_number: i64) -> std::io::Result<Vec<Checkpoint>> {
    let mut branch: Vec<Checkpoint> = Vec::new();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(branch),
        Err(error) => return Err(error),
    };
    each_line(&file, |line| match parse(line, Extent::Whole) {
        Some(Line::Checkpoint(checkpoint)) if checkpoint.number >= from_number => {
            branch.push(checkpoint)
        }
        Some(Line::Break(declared)) => {
            branch.retain(|checkpoint| checkpoint.number <= declared.parting.parted_after)
        }
        Some(Line::Checkpoint(_)) | None => {}
    })?;
    Ok(branch)
}

fn parse(line: &[u8], extent: Extent) -> Option<Line> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let is_ours = match (&line, extent) {
        (_, Extent::Whole) => true,
        (Line::Checkpoint(checkpoint), Extent::Recent) => {
            checkpoint.check(std::slice::from_ref(&checkpoint.public_key)).is_ok()
        }
        (Line::Break(declared), Extent::Recent) => {
            declared.check(std::slice::from_ref(&declared.public_key)).is_ok()
        }
    };
    is_ours.then_some(line)
}

fn each_line(file: &File, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
        take(&line);
        line.clear();
    }
    Ok(())
}

pub(super) fn append(path: &Path, extent: Extent, lines: &[Line]) -> std::io::Result<()> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    if extent == Extent::Recent {
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    let before = file.seek(SeekFrom::End(0))?;
    let written = file.write_all(&text).and_then(|()| file.sync_all());
    if written.is_err() {
        // half a line would be taken for tampering
        file.set_len(before)?;
        return written;
    }
    if extent == Extent::Recent && before + text.len() as u64 > LONGEST_RECENT {
        shorten(path)?;
    }
    Ok(())
}

/// Keeps the newest lines, and the newest break: the file is replaced as a whole.
fn shorten(path: &Path) -> std::io::Result<()> {
    let (mut kept, mut bytes, mut newest_break) = (std::collections::VecDeque::new(), 0, None);
    each_line(&File::open(path)?, |line| {
        if matches!(parse(line, Extent::Whole), Some(Line::Break(_))) {
            newest_break = Some(line.to_vec());
        }
        bytes += line.len();
        kept.push_back(line.to_vec());
        while bytes > KEPT_OF_RECENT && kept.len() > 1 {
            bytes -= kept.pop_front().map_or(0, |line| line.len());
        }
    })?;
    if let Some(line) = newest_break.filter(|line| !kept.contains(line)) {
        kept.push_front(line);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file =
        OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&beside)?;
    for line in &kept {
        file.write_all(line)?;
    }
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use ainfera_schema::checkpoint::{CheckpointSigner, Unsigned};

    use super::*;

    fn checkpoint(number: i64) -> Checkpoint {
        CheckpointSigner::new(&[3; 32]).sign(Unsigned {
            number,
            created_at: String::new(),
            tree_size: 0,
            heads_count: 0,
            merkle_root: [0; 32],
            previous_hash: None,
            heads: Vec::new(),
        })
    }

    fn lines(numbers: std::ops::RangeInclusive<i64>) -> Vec<Line> {
        numbers.map(|number| Line::Checkpoint(checkpoint(number))).collect()
    }

    #[test]
    fn half_a_line_is_cut_off_and_the_last_whole_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints");
        for extent in [Extent::Whole, Extent::Recent] {
            assert_eq!(end_of(&path, extent).unwrap(), None);
            append(&path, extent, &lines(1..=2)).unwrap();
            let whole = std::fs::read(&path).unwrap();
            OpenOptions::new()
                .append(true)
                .open(&path)
                .unwrap()
                .write_all(b"{\"number\":3,")
                .unwrap();
            let end = end_of(&path, extent).unwrap().unwrap();
            assert_eq!((end.number, end.hash), (2, checkpoint(2).hash));
            assert_eq!(std::fs::read(&path).unwrap(), whole);
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_damaged_line_costs_no_other_and_one_that_was_forged_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        append(&path, Extent::Recent, &lines(1..=1)).unwrap();
        let forged = Checkpoint { tree_size: 9, ..checkpoint(7) };
        append(&path, Extent::Recent, &[Line::Checkpoint(forged)]).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\0\0\0\n").unwrap();
        assert_eq!(end_of(&path, Extent::Recent).unwrap().unwrap().number, 1);
        std::fs::write(&path, "no checkpoint\n").unwrap();
        assert_eq!(end_of(&path, Extent::Recent).unwrap(), None);
    }

    #[test]
    fn a_file_of_recent_ones_stays_short_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed");
        for first in (1..=2_000).step_by(100) {
            append(&path, Extent::Recent, &lines(first..=first + 99)).unwrap();
        }
        let metadata = std::fs::metadata(&path).unwrap();
        assert!(metadata.len() <= LONGEST_RECENT, "{}", metadata.len());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(end_of(&path, Extent::Recent).unwrap().unwrap().number, 2_000);
        let branch = branch_of(&path, 0).unwrap();
        assert!(branch.len() > 100, "{}", branch.len());
        assert!(branch.windows(2).all(|pair| pair[0].number + 1 == pair[1].number));
    }
}
