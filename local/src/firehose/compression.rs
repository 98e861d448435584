//! Compression of whole objects: `CompressionFormat`.
//!
//! The bytes follow from the content alone: no header has a time or a name of this machine in it.

use std::io::{self, Cursor, Write as _};

use flate2::write::GzEncoder;
use snap::raw::Encoder;
use snap::write::FrameEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Bytes that Hadoop compresses at once: its buffer of 256 KiB, less what Snappy may add at worst (a sixth and 32).
const HADOOP_BLOCK_BYTES: usize = 256 * 1024 - (256 * 1024 / 6 + 32);

/// How objects are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Compression {
    /// `UNCOMPRESSED`.
    #[default]
    Uncompressed,
    /// `GZIP`.
    Gzip,
    /// `ZIP`: an archive with one file.
    Zip,
    /// `Snappy`: its framing format.
    Snappy,
    /// `HADOOP_SNAPPY`: blocks as Hadoop's codec writes them.
    HadoopSnappy,
}

impl Compression {
    /// The extension that Firehose gives when `FileExtension` gives none.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Uncompressed => "",
            Self::Gzip => ".gz",
            Self::Zip => ".zip",
            Self::Snappy => ".snappy",
            Self::HadoopSnappy => ".hsnappy",
        }
    }

    /// Compresses an object's content. `name` is what the file inside of an archive is called.
    ///
    /// # Errors
    /// When the content is larger than the format can hold.
    pub(super) fn compress(self, content: Vec<u8>, name: &str) -> io::Result<Vec<u8>> {
        match self {
            Self::Uncompressed => Ok(content),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&content)?;
                encoder.finish()
            }
            Self::Zip => zip(&content, name),
            Self::Snappy => {
                let mut encoder = FrameEncoder::new(Vec::new());
                encoder.write_all(&content)?;
                encoder.into_inner().map_err(snap::write::IntoInnerError::into_error)
            }
            Self::HadoopSnappy => hadoop_snappy(&content),
        }
    }
}

fn zip(content: &[u8], name: &str) -> io::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // Without a clock of its own the crate dates the file to the beginning of the format, 1980.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    archive.start_file(name, options).map_err(io::Error::other)?;
    archive.write_all(content)?;
    Ok(archive.finish().map_err(io::Error::other)?.into_inner())
}

/// `BlockCompressorStream` of Hadoop: each block is its length, the length of its one compressed piece, and the piece; both
/// lengths as four bytes, the highest first.
fn hadoop_snappy(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new();
    for block in content.chunks(HADOOP_BLOCK_BYTES) {
        let piece = encoder.compress_vec(block)?;
        for length in [block.len(), piece.len()] {
            out.extend_from_slice(&u32::try_from(length).map_err(io::Error::other)?.to_be_bytes());
        }
        out.extend_from_slice(&piece);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// More than one block of Hadoop's, and more than one frame of Snappy's.
    fn content() -> Vec<u8> {
        (0..60_000_u32).flat_map(|number| format!("{{\"n\":{number}}}\n").into_bytes()).collect()
    }

    fn compressed(compression: Compression) -> Vec<u8> {
        compression.compress(content(), "archive-1").unwrap()
    }

    fn all(mut reader: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        reader.read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn gzip_reads_back_and_has_no_time() {
        let object = compressed(Compression::Gzip);
        // RFC 1952: bytes 4 to 7 are the modification time, 0 for none.
        assert_eq!(object[..2], [0x1f, 0x8b]);
        assert_eq!(object[4..8], [0; 4]);
        assert_eq!(all(flate2::read::GzDecoder::new(object.as_slice())), content());
    }

    #[test]
    fn zip_holds_one_file() {
        let mut archive = zip::ZipArchive::new(Cursor::new(compressed(Compression::Zip))).unwrap();
        assert_eq!(archive.len(), 1);
        let file = archive.by_index(0).unwrap();
        assert_eq!(file.name().unwrap(), "archive-1");
        assert_eq!(all(file), content());
    }

    #[test]
    fn snappy_is_its_framing_format() {
        let object = compressed(Compression::Snappy);
        // framing_format.txt, 4.1: the stream identifier.
        assert_eq!(&object[..10], b"\xff\x06\x00\x00sNaPpY");
        assert_eq!(all(snap::read::FrameDecoder::new(object.as_slice())), content());
    }

    #[test]
    fn hadoop_snappy_is_blocks_with_their_lengths() {
        let object = compressed(Compression::HadoopSnappy);
        let (mut rest, mut found) = (object.as_slice(), Vec::new());
        while !rest.is_empty() {
            let length = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
            let (whole, piece) = (length(0), length(4));
            assert!(whole <= 256 * 1024);
            let block = snap::raw::Decoder::new().decompress_vec(&rest[8..8 + piece]).unwrap();
            assert_eq!(block.len(), whole);
            found.extend(block);
            rest = &rest[8 + piece..];
        }
        assert_eq!(found, content());
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        use Compression::{Gzip, HadoopSnappy, Snappy, Uncompressed, Zip};
        for compression in [Uncompressed, Gzip, Zip, Snappy, HadoopSnappy] {
            assert_eq!(compressed(compression), compressed(compression), "{compression:?}");
        }
    }

    #[test]
    fn extensions_are_those_of_the_guide() {
        // "Configure Amazon S3 object name format".
        use Compression::{Gzip, HadoopSnappy, Snappy, Uncompressed, Zip};
        let extensions = [Uncompressed, Gzip, Zip, Snappy, HadoopSnappy].map(Compression::extension);
        assert_eq!(extensions, ["", ".gz", ".zip", ".snappy", ".hsnappy"]);
    }
}
