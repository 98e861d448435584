//! Strings as JSON writes them.

use crate::scan;

/// Appends a string in quotes, with the escapes that JSON demands and no others.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_content(text, out);
    out.push(b'"');
}

/// Appends a string's content, without the quotes.
pub fn write_content(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    // Nearly all content is, and that takes fewer looks than where the first escape would be.
    if scan::is_plain(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    let mut from = 0;
    loop {
        let to = scan::plain_end(bytes, from);
        out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        let Some(&special) = bytes.get(to) else { return };
        write_escape(special, out);
        from = to + 1;
    }
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    if byte >= 0x20 {
        out.extend_from_slice(&[b'\\', byte]);
        return;
    }
    out.extend_from_slice(b"\\u00");
    // Four bits are always a place among sixteen digits.
    out.extend([byte >> 4, byte & 15].iter().filter_map(|&digit| HEX.get(usize::from(digit))));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_reads_back(text in any::<String>()) {
            let mut out = Vec::new();
            super::write_string(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
