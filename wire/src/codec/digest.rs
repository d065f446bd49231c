//! Short names for long texts: the same text has the same name in every turn.

/// So many letters and digits that stand for a text.
pub(crate) fn digest(text: &str, salt: u64, length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // FNV-1a, then the finalizer of SplitMix64: nobody has to be kept from finding collisions, they
    // only must not happen by themselves
    let mut hash = text.bytes().fold(
        0xcbf2_9ce4_8422_2325_u64 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3),
    );
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^= hash >> 31;
    let mut letters = String::with_capacity(length);
    for _ in 0..length {
        letters.push(char::from(ALPHABET[usize::try_from(hash % 62).unwrap_or_default()]));
        hash /= 62;
    }
    letters
}
