//! The size of an image, from its header alone: PNG, JPEG, GIF and WebP, known by their first bytes
//! and not by what they are said to be. What could be read in two ways has no size.

use ainfera_schema::PixelSize;

/// A side of more pixels is a mistake or a lie, and every vendor refuses it.
const LONGEST_SIDE: u32 = 65_535;

/// `head` is the beginning of the file, as far as it matters.
pub(super) fn read(head: &[u8]) -> Option<PixelSize> {
    let size = match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => png(rest),
        [0xff, 0xd8, rest @ ..] => jpeg(rest),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', rest @ ..] => gif(rest),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => webp(rest),
        _ => None,
    }?;
    let is_plausible = |side: u32| (1..=LONGEST_SIDE).contains(&side);
    (is_plausible(size.width) && is_plausible(size.height)).then_some(size)
}

/// The first chunk is the header, by the standard; every decoder draws what it says.
fn png(chunks: &[u8]) -> Option<PixelSize> {
    if chunks.get(4..8)? != b"IHDR" || memchr::memmem::find(chunks.get(8..)?, b"IHDR").is_some() {
        return None;
    }
    Some(PixelSize { width: be32(chunks.get(8..)?)?, height: be32(chunks.get(12..)?)? })
}

/// Segments up to the first scan. A second frame header has no meaning, and each decoder another
/// one for it.
fn jpeg(mut segments: &[u8]) -> Option<PixelSize> {
    let mut found = None;
    loop {
        let [0xff, marker, rest @ ..] = segments else { return None };
        match marker {
            // fill bytes before a marker
            0xff => segments = segments.get(1..)?,
            0x01 | 0xd0..=0xd8 => segments = rest,
            0xd9 => return None,
            0xda => return found,
            _ => {
                let length = usize::from(be16(rest)?);
                let is_frame =
                    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
                if is_frame {
                    let size = PixelSize {
                        height: u32::from(be16(rest.get(3..)?)?),
                        width: u32::from(be16(rest.get(5..)?)?),
                    };
                    if found.replace(size).is_some() {
                        return None;
                    }
                }
                segments = rest.get(length.max(2)..)?;
            }
        }
    }
}

/// The larger of the screen and its first picture, which may stand out of it.
fn gif(rest: &[u8]) -> Option<PixelSize> {
    let screen =
        PixelSize { width: u32::from(le16(rest)?), height: u32::from(le16(rest.get(2..)?)?) };
    let mut blocks = after_colours(rest.get(7..)?, *rest.get(4)?)?;
    loop {
        match blocks {
            [0x21, _, extension @ ..] => blocks = after_sub_blocks(extension)?,
            [0x2c, picture @ ..] => {
                let at = |place: usize| picture.get(place..).and_then(le16).map(u32::from);
                let (right, bottom) = (at(0)? + at(4)?, at(2)? + at(6)?);
                return Some(PixelSize {
                    width: screen.width.max(right),
                    height: screen.height.max(bottom),
                });
            }
            _ => return None,
        }
    }
}

fn after_colours(rest: &[u8], flags: u8) -> Option<&[u8]> {
    let colours = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 0x07) + 1) };
    rest.get(colours..)
}

fn after_sub_blocks(mut blocks: &[u8]) -> Option<&[u8]> {
    loop {
        let [length, rest @ ..] = blocks else { return None };
        blocks = rest.get(usize::from(*length)..)?;
        if *length == 0 {
            return Some(blocks);
        }
    }
}

/// The first chunk has the size: of the canvas, or of the only picture.
fn webp(chunks: &[u8]) -> Option<PixelSize> {
    let data = chunks.get(8..)?;
    match chunks.get(..4)? {
        b"VP8X" => {
            Some(PixelSize { width: le24(data.get(4..)?)? + 1, height: le24(data.get(7..)?)? + 1 })
        }
        b"VP8L" if *data.first()? == 0x2f => {
            let bits = u32::from_le_bytes(data.get(1..5)?.try_into().ok()?);
            Some(PixelSize { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 })
        }
        b"VP8 " if data.get(3..6)? == [0x9d, 0x01, 0x2a] => {
            let side =
                |at: usize| data.get(at..).and_then(le16).map(|side| u32::from(side & 0x3fff));
            Some(PixelSize { width: side(6)?, height: side(8)? })
        }
        _ => None,
    }
}

fn be16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?))
}

fn be32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))
}

fn le16(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(..2)?.try_into().ok()?))
}

fn le24(bytes: &[u8]) -> Option<u32> {
    let [low, middle, high] = bytes.get(..3)? else { return None };
    Some(u32::from_le_bytes([*low, *middle, *high, 0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(width: u32, height: u32) -> Option<PixelSize> {
        Some(PixelSize { width, height })
    }

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend(width.to_be_bytes());
        png.extend(height.to_be_bytes());
        png.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
        png
    }

    fn frame(marker: u8, width: u16, height: u16) -> Vec<u8> {
        let mut segment = vec![0xff, marker, 0, 11, 8];
        segment.extend(height.to_be_bytes());
        segment.extend(width.to_be_bytes());
        segment.extend([1, 1, 0x11, 0]);
        segment
    }

    fn jpeg_of(segments: &[Vec<u8>]) -> Vec<u8> {
        let mut jpeg = vec![0xff, 0xd8];
        segments.iter().for_each(|segment| jpeg.extend(segment));
        jpeg.extend([0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9]);
        jpeg
    }

    #[test]
    fn each_format_says_its_size() {
        assert_eq!(read(&png_of(800, 600)), size(800, 600));
        // a thumbnail inside of a camera's own segment has a frame header of its own
        let mut camera = vec![0xff, 0xe1, 0, 15];
        camera.extend(frame(0xc0, 160, 120));
        assert_eq!(read(&jpeg_of(&[camera, frame(0xc2, 4032, 3024)])), size(4032, 3024));
        let gif = |extension: &[u8]| {
            [b"GIF89a\x10\0\x08\0\x80\0\0\0\0\0\0\0\0", extension, b"\x2c\0\0\0\0\x40\0\x20\0\0"]
                .concat()
        };
        assert_eq!(
            read(&gif(b"\x21\xf9\x04\0\0\0\0\0")),
            size(64, 32),
            "the picture is larger than the screen"
        );
        assert_eq!(
            read(b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"),
            size(800, 600)
        );
        assert_eq!(
            read(b"RIFF\0\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x20\x03\x58\x02"),
            size(800, 600)
        );
        let lossless: u32 = 799 | 599 << 14;
        let webp = [&b"RIFF\0\0\0\0WEBPVP8L\x05\0\0\0\x2f"[..], &lossless.to_le_bytes()].concat();
        assert_eq!(read(&webp), size(800, 600));
    }

    #[test]
    fn what_could_be_read_in_two_ways_has_no_size() {
        let two_frames = jpeg_of(&[frame(0xc0, 10, 10), frame(0xc0, 8000, 8000)]);
        assert_eq!(read(&two_frames), None);
        assert_eq!(read(&jpeg_of(&[frame(0xc0, 10, 0)])), None, "the height comes later");
        assert_eq!(read(&jpeg_of(&[])), None, "no frame at all");
        let mut two_headers = png_of(1, 1);
        two_headers.extend(&png_of(8000, 8000)[8..]);
        assert_eq!(read(&two_headers), None);
        assert_eq!(read(&png_of(0, 5)), None);
        assert_eq!(read(&png_of(1 << 30, 5)), None);
        assert_eq!(read(b"\x89PNG\r\n\x1a\n\0\0\0\0tEXt"), None, "the header is not first");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail(
            start in 0usize..4,
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let starts: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF89a", b"RIFF\0\0\0\0WEBP"];
            let read = read(&[starts[start], &rest].concat());
            let longest = |size: PixelSize| size.width.max(size.height);
            prop_assert!(read.is_none_or(|size| longest(size) <= LONGEST_SIDE));
        }
    }
}
