//! Puts the records of documents back, call by call.
//!
//! Records go in the order of their documents. A call of a data stream has one record of each key: the service may take
//! one record of a call and refuse another, and promises no order within a call, so this is what keeps the order of a
//! key. What was refused is put again with what has not been tried; what was taken is in the journal before anything else
//! is put.

use std::collections::HashSet;
use std::mem;
use std::time::Duration;

use tapeline_market::Market;

use super::RedriveError;
use super::destination::{Destination, Keyed, Refusal};
use super::document::{Content, Document, Record};
use super::journal::{Journal, RecordId};
use super::label::Label;
use super::range::Ranges;
use super::summary::Summary;

/// How often nothing may be taken in a row. The pauses between them add up to half a minute.
const ROUNDS_MAX: u32 = 12;
/// The first pause behind a call of which something was refused: the limits of a shard are those of a second.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Documents on their way back.
pub(super) struct Redrive<'r, D> {
    /// Where records go.
    pub(super) destination: &'r D,
    /// Where records are that documents only point to.
    pub(super) ranges: &'r Ranges,
    /// The market of the frames, for the keys of those that lost their own.
    pub(super) market: Market,
    /// What was put.
    pub(super) journal: Journal,
    /// What waits for the next calls.
    pub(super) batch: Batch,
}

/// Records that wait.
#[derive(Default)]
pub(super) struct Batch {
    records: Vec<Waiting>,
    bytes: usize,
}

struct Waiting {
    id: RecordId,
    reason: String,
    record: Keyed,
}

impl<D: Destination> Redrive<'_, D> {
    /// Takes the records of a document, as far as they were not put before, and puts those that waited if they are
    /// enough for a call.
    ///
    /// # Errors
    /// See [`RedriveError`].
    pub(super) async fn take(
        &mut self,
        document: Document,
        summary: &mut Summary,
    ) -> Result<(), RedriveError> {
        let count = summary.add_document(&document);
        let done = count_done(&self.journal, &document);
        let Document { id, reason, content, .. } = document;
        if done == count {
            summary.counts(&reason).before += done;
            return Ok(());
        }
        let records = match content {
            Content::Records(records) => records,
            Content::Range(range) => self.ranges.read(&range).await?,
        };
        // What a stream has let go are the first of a range: places are counted from its end.
        let gone = count.saturating_sub(records.len() as u64);
        summary.counts(&reason).gone += gone;
        summary.counts(&reason).records += (records.len() as u64).saturating_sub(count);
        for (place, record) in (u32::try_from(gone).unwrap_or(u32::MAX)..).zip(records) {
            self.add(((id, place), &reason), record, summary).await?;
        }
        Ok(())
    }

    async fn add(
        &mut self,
        (id, reason): (RecordId, &str),
        record: Record,
        summary: &mut Summary,
    ) -> Result<(), RedriveError> {
        if self.journal.has(id) || self.batch.records.iter().any(|waiting| waiting.id == id) {
            summary.counts(reason).before += 1;
            return Ok(());
        }
        let market = self.market;
        let record = Keyed::new(record, |data| {
            let label = Label::of(data, market);
            summary.add_label(&label);
            label.key(market)
        });
        let limits = self.destination.limits();
        if record.bytes() > limits.record_bytes {
            summary.too_large += 1;
            return Ok(());
        }
        let is_full = self.batch.records.len() == limits.records;
        if is_full || self.batch.bytes + record.bytes() > limits.bytes {
            self.put(summary).await?;
        }
        self.batch.bytes += record.bytes();
        self.batch.records.push(Waiting { id, reason: reason.to_owned(), record });
        Ok(())
    }

    /// Puts the records that wait.
    ///
    /// # Errors
    /// See [`RedriveError`].
    pub(super) async fn put(&mut self, summary: &mut Summary) -> Result<(), RedriveError> {
        let mut waiting = mem::take(&mut self.batch).records;
        let (mut rounds, mut pause) = (0, PAUSE_FIRST);
        while !waiting.is_empty() {
            let Round { taken, rest, refusal } = self.round(waiting).await?;
            self.journal.note(&taken.iter().map(|taken| taken.id).collect::<Vec<_>>())?;
            for taken in &taken {
                summary.counts(&taken.reason).put += 1;
            }
            waiting = rest;
            let Some(source) = refusal else { continue };
            if !taken.is_empty() {
                (rounds, pause) = (0, PAUSE_FIRST);
            }
            rounds += 1;
            if rounds == ROUNDS_MAX {
                return Err(RedriveError::Refused { rounds, refused: waiting.len(), source });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(())
    }

    /// Makes one call, of the first record of each key.
    async fn round(&self, waiting: Vec<Waiting>) -> Result<Round, RedriveError> {
        let has_keys = self.destination.limits().has_keys;
        let mut keys = HashSet::new();
        let mut is_first = |waiting: &Waiting| !has_keys || keys.insert(waiting.record.partition_key.clone());
        let (firsts, mut others): (Vec<_>, Vec<_>) =
            waiting.into_iter().enumerate().partition(|(_, waiting)| is_first(waiting));
        let records: Vec<_> = firsts.iter().map(|(_, first)| &first.record).collect();
        let refusals = self.destination.put(&records).await.map_err(RedriveError::Put)?;
        let (mut taken, mut refusal) = (Vec::new(), None);
        let missing = std::iter::repeat_with(|| Some(Refusal::missing()));
        for (first, refused) in firsts.into_iter().zip(refusals.into_iter().chain(missing)) {
            match refused {
                None => taken.push(first.1),
                Some(_) => {
                    others.push(first);
                    refusal = refused;
                }
            }
        }
        others.sort_by_key(|(place, _)| *place);
        Ok(Round { taken, rest: others.into_iter().map(|(_, other)| other).collect(), refusal })
    }
}

/// What came of a call.
struct Round {
    taken: Vec<Waiting>,
    /// What was refused or not tried, in its order.
    rest: Vec<Waiting>,
    /// The last refusal.
    refusal: Option<Refusal>,
}

/// How many records of a document were put before.
pub(super) fn count_done(journal: &Journal, document: &Document) -> u64 {
    let places = 0..u32::try_from(document.records()).unwrap_or(u32::MAX);
    places.filter(|place| journal.has((document.id, *place))).count() as u64
}
