//! Records on the disk while the stream does not take them: first in, first out.
//!
//! Segment files of `SEGMENT_BYTES`, named by their numbers; in each, records behind one another, each with its length and
//! checksum. Records are appended to the last segment, read from the first, and a segment is deleted when the stream has
//! taken all of it. What was read but not taken is there again after a restart: at least once, and in order.
//!
//! A kill may leave half a record at the end. Whatever lies behind it was not yet safe, so it is cut off: the exchange is
//! asked for it again.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Crc;
use tapeline_market::Timestamp;
use thiserror::Error;

use super::Record;
use crate::frame::Mark;

/// When a segment is full. About as much is sent twice after a restart; and each segment is an open file.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
/// Length and checksum, before each record.
const HEADER_BYTES: usize = 8;
/// Number, time, count of frames, and length of the key, before key and data.
const FIXED_BYTES: usize = 8 + 8 + 4 + 2;
/// No record is longer: the largest that packing makes, and its key.
const BODY_BYTES_MAX: usize = 2 * super::packing::RECORD_BYTES_MAX;

/// The disk failed the spool.
#[derive(Debug, Error)]
#[error("cannot keep records in {}", .path.display())]
pub struct SpoolError {
    /// The file or folder.
    path: PathBuf,
    /// What the system says.
    #[source]
    source: io::Error,
}

/// A record that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spooled {
    /// Its number.
    pub number: u64,
    /// The record, without its marks: those were noted when it became safe.
    pub record: Record,
}

/// A spool as it was found.
#[derive(Debug)]
pub struct Opened {
    /// The spool.
    pub spool: Spool,
    /// The number for the next record.
    pub next_number: u64,
    /// Bytes behind the first record that was not whole.
    pub bytes_cut: u64,
}

/// Records on the disk.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    bytes_max: u64,
    segments: VecDeque<Segment>,
    /// The segment that is read, as a place in `segments`, and where in it.
    reading: (usize, u64),
    /// Records that were not read yet.
    unread: u64,
    bytes: u64,
    /// Records that are on their way to the disk, with their marks.
    unsafe_records: VecDeque<(u64, Vec<Mark>)>,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    file: Arc<File>,
    bytes: u64,
    /// Numbers of its first and last record.
    numbers: Option<(u64, u64)>,
    /// Its records that the stream has not taken, read or not.
    records: u64,
    /// Whether something was appended since it was last synchronised.
    is_dirty: bool,
}

/// What makes the records of now safe; to be run where it may take its time.
#[derive(Debug)]
pub struct Sync {
    files: Vec<Arc<File>>,
    records: Vec<(u64, Vec<Mark>)>,
}

impl Sync {
    /// Waits for the disk.
    ///
    /// # Errors
    /// When the disk did not take it; the records are not safe.
    pub fn run(self) -> Result<Vec<(u64, Vec<Mark>)>, io::Error> {
        for file in &self.files {
            file.sync_data()?;
        }
        Ok(self.records)
    }
}

impl Spool {
    /// Opens the spool in a folder, with what the last run left.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn open(folder: &Path, bytes_max: u64) -> Result<Opened, SpoolError> {
        let failed = |source| SpoolError { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut numbers: Vec<u64> = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".spool")?.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        let mut spool = Self {
            folder: folder.to_owned(),
            bytes_max,
            segments: VecDeque::new(),
            reading: (0, 0),
            unread: 0,
            bytes: 0,
            unsafe_records: VecDeque::new(),
        };
        let (next_number, bytes_cut) = spool.recover(&numbers)?;
        Ok(Opened { spool, next_number, bytes_cut })
    }

    /// Takes over the segments of the last run, up to the first record that is not whole; tells the next record's number
    /// and the bytes behind the cut.
    fn recover(&mut self, numbers: &[u64]) -> Result<(u64, u64), SpoolError> {
        let (mut next, mut cut) = (1, 0);
        for &number in numbers {
            let path = self.path(number);
            let failed = |source| SpoolError { path: path.clone(), source };
            let file = OpenOptions::new().read(true).write(true).open(&path).map_err(failed)?;
            let length = file.metadata().map_err(failed)?.len();
            if cut > 0 {
                cut += length;
                fs::remove_file(&path).map_err(failed)?;
                continue;
            }
            let mut segment = Segment::new(number, file);
            while let Some((spooled, end)) = read(&segment.file, segment.bytes).map_err(failed)? {
                segment.add(spooled.number, end);
                next = spooled.number + 1;
            }
            cut = length - segment.bytes;
            segment.file.set_len(segment.bytes).map_err(failed)?;
            self.unread += segment.records;
            self.bytes += segment.bytes;
            self.segments.push_back(segment);
        }
        self.tidy()?;
        Ok((next, cut))
    }

    /// Whether everything on the disk has been read.
    pub const fn is_read(&self) -> bool {
        self.unread == 0
    }

    /// Bytes on the disk.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a record fits.
    pub fn has_room(&self, record: &Record) -> bool {
        self.bytes + (HEADER_BYTES + FIXED_BYTES + record.bytes()) as u64 <= self.bytes_max
    }

    /// Appends a record behind all others. It is safe when a [`Sync`] that was asked for later has run.
    ///
    /// # Errors
    /// When the disk does not take it; then it is not there.
    pub fn append(&mut self, number: u64, record: &Record) -> Result<(), SpoolError> {
        self.write(number, record)?;
        self.unread += 1;
        Ok(())
    }

    /// Appends a record that memory keeps too: as if it had been read back at once. Only when everything is read.
    ///
    /// # Errors
    /// When the disk does not take it; then it is not there.
    pub fn append_read(&mut self, number: u64, record: &Record) -> Result<(), SpoolError> {
        self.write(number, record)?;
        let end = self.segments.back().map_or(0, |last| last.bytes);
        self.reading = (self.segments.len().saturating_sub(1), end);
        Ok(())
    }

    fn write(&mut self, number: u64, record: &Record) -> Result<(), SpoolError> {
        let body = body(number, record);
        let segment = self.segment()?;
        if let Err(source) = segment.file.write_all_at(&body, segment.bytes) {
            // Half a record at the end would be found by the next start, and more behind it would not.
            let _ = segment.file.set_len(segment.bytes);
            return Err(SpoolError { path: self.folder.clone(), source });
        }
        segment.add(number, segment.bytes + body.len() as u64);
        segment.is_dirty = true;
        self.bytes += body.len() as u64;
        self.unsafe_records.push_back((number, record.marks.clone()));
        Ok(())
    }

    /// The segment that takes the next record.
    fn segment(&mut self) -> Result<&mut Segment, SpoolError> {
        let is_full = self.segments.back().is_none_or(|last| last.bytes >= SEGMENT_BYTES);
        if is_full {
            let number = self.segments.back().map_or(1, |last| last.number + 1);
            let path = self.path(number);
            let failed = |source| SpoolError { path: path.clone(), source };
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create_new(true).open(&path).map_err(failed)?;
            // The file's name must outlive a loss of power too.
            File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
            self.segments.push_back(Segment::new(number, file));
        }
        let otherwise = || SpoolError { path: self.folder.clone(), source: io::ErrorKind::NotFound.into() };
        self.segments.back_mut().ok_or_else(otherwise)
    }

    /// Reads the next record back; `None` when all are read.
    ///
    /// # Errors
    /// When the disk does not give back what it took.
    pub fn next_record(&mut self) -> Result<Option<Spooled>, SpoolError> {
        while self.unread > 0 {
            let (place, at) = self.reading;
            let Some(segment) = self.segments.get(place) else { break };
            if at >= segment.bytes {
                self.reading = (place + 1, 0);
                continue;
            }
            let failed = |source| SpoolError { path: self.path(segment.number), source };
            let found = read(&segment.file, at).map_err(failed)?;
            let (spooled, end) = found.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
            self.reading = (place, end);
            self.unread -= 1;
            return Ok(Some(spooled));
        }
        Ok(None)
    }

    /// The stream has taken a record that is on the disk.
    ///
    /// # Errors
    /// When a segment that is done with cannot be deleted.
    pub fn release(&mut self, number: u64) -> Result<(), SpoolError> {
        let holds = |segment: &&mut Segment| {
            segment.numbers.is_some_and(|(first, last)| (first..=last).contains(&number))
        };
        if let Some(segment) = self.segments.iter_mut().find(holds) {
            segment.records = segment.records.saturating_sub(1);
        }
        self.tidy()
    }

    /// Deletes the segments in front that are done with.
    fn tidy(&mut self) -> Result<(), SpoolError> {
        while let Some(first) = self.segments.front() {
            let (place, at) = self.reading;
            let is_read = place > 0 || at >= first.bytes;
            if first.records > 0 || !is_read {
                return Ok(());
            }
            let path = self.path(first.number);
            fs::remove_file(&path).map_err(|source| SpoolError { path, source })?;
            self.bytes -= first.bytes;
            self.segments.pop_front();
            self.reading = if place > 0 { (place - 1, at) } else { (0, 0) };
        }
        Ok(())
    }

    /// What there is to make safe; `None` if everything is.
    pub fn sync(&mut self) -> Option<Sync> {
        if self.unsafe_records.is_empty() {
            return None;
        }
        let dirty = self
            .segments
            .iter_mut()
            .filter_map(|segment| std::mem::take(&mut segment.is_dirty).then(|| Arc::clone(&segment.file)));
        let files = dirty.collect();
        Some(Sync { files, records: std::mem::take(&mut self.unsafe_records).into() })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:020}.spool"))
    }
}

impl Segment {
    fn new(number: u64, file: File) -> Self {
        Self { number, file: Arc::new(file), bytes: 0, numbers: None, records: 0, is_dirty: false }
    }

    /// A record lies in it, up to `end`.
    fn add(&mut self, number: u64, end: u64) {
        let first = self.numbers.map_or(number, |(first, _)| first);
        self.numbers = Some((first, number));
        self.records += 1;
        self.bytes = end;
    }
}

/// A record as it lies on the disk.
fn body(number: u64, record: &Record) -> Vec<u8> {
    let mut out = vec![0; HEADER_BYTES];
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&record.oldest.micros().to_le_bytes());
    out.extend_from_slice(&record.frames.to_le_bytes());
    // A key is a market and a symbol of 64 bytes at most.
    let key = record.partition_key.as_bytes();
    out.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(&record.data);
    let (head, body) = out.split_at_mut(HEADER_BYTES);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    for (byte, value) in head.iter_mut().zip(length.to_le_bytes().into_iter().chain(crc(body).to_le_bytes()))
    {
        *byte = value;
    }
    out
}

/// Reads the record at a place, and where it ends; `None` where there is no whole one.
fn read(file: &File, at: u64) -> io::Result<Option<(Spooled, u64)>> {
    let mut head = [0; HEADER_BYTES];
    if !read_whole(file, &mut head, at)? {
        return Ok(None);
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let Some(size) = usize::try_from(length).ok().filter(|size| *size <= BODY_BYTES_MAX) else {
        return Ok(None);
    };
    let mut body = vec![0; size];
    let start = at + HEADER_BYTES as u64;
    if !read_whole(file, &mut body, start)? || crc(&body) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Ok(None);
    }
    Ok(spooled(&body).map(|spooled| (spooled, start + u64::from(length))))
}

/// Fills a buffer; false where the file ends before.
fn read_whole(file: &File, buffer: &mut [u8], at: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, at) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn spooled(body: &[u8]) -> Option<Spooled> {
    let (number, rest) = body.split_first_chunk::<8>()?;
    let (oldest, rest) = rest.split_first_chunk::<8>()?;
    let (frames, rest) = rest.split_first_chunk::<4>()?;
    let (key_bytes, rest) = rest.split_first_chunk::<2>()?;
    let (key, data) = rest.split_at_checked(u16::from_le_bytes(*key_bytes).into())?;
    let record = Record {
        partition_key: Arc::from(str::from_utf8(key).ok()?),
        data: data.to_vec().into(),
        frames: u32::from_le_bytes(*frames),
        marks: Vec::new(),
        oldest: Timestamp::from_micros(i64::from_le_bytes(*oldest)).ok()?,
    };
    Some(Spooled { number: u64::from_le_bytes(*number), record })
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests;
