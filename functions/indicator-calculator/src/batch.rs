//! The records of a batch, read into lanes: what each symbol's frames tell, in the order in which they came.

use std::collections::HashMap;

use tapeline_codec::binance::{
    self, AggTradeMessage, Body, DecodeError, Digits, Execution, Frame, Header, Identity, Kind, KlineMessage,
    TradeMessage,
};
use tapeline_codec::framing::{self, Documents, FRAMES_MAX, FramingError, kpl};
use tapeline_codec::{DropReason, Reason};
use tapeline_indicators::{BarSettings, ExchangeBar, Observation, Source};
use tapeline_lambda_wire::kinesis::{DataError, Event, Record};
use tapeline_market::{Bar, DecimalError, Market, Timestamp, Trade};
use tapeline_telemetry::chain;
use thiserror::Error;

use crate::report::Report;

/// How far a frame's times may lie ahead of its record's arrival. The exchange's clock and the stream's differ by
/// milliseconds; a time that is wrong by years would close every bar for good.
const AHEAD_US_MAX: i64 = 3_600_000_000;

/// How many observations all lanes together have room for between batches, some five megabytes. A batch of Lambda's six
/// megabytes has 10,000 trades or so; one of compressed records may have many more, whose memory is given back.
const OBSERVATIONS_KEPT_MAX: usize = 16_384;
/// Bytes of a record that stay allocated between batches: what the stream takes as one record by default.
const DATA_KEPT_MAX: usize = 1024 * 1024;

/// The frames of one symbol in a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LaneFrames {
    /// The symbol.
    pub(crate) symbol: String,
    /// Place of the first record with a frame of it.
    pub(crate) first_record: usize,
    /// What its frames tell, in their order.
    pub(crate) observations: Vec<Observation>,
    /// The partition key under which it came last.
    pub(crate) partition_key: Option<String>,
    /// Whether it came under more than one key in this batch.
    pub(crate) is_split: bool,
}

impl LaneFrames {
    /// Begins a symbol's lane in the place of one of an earlier batch, whose memory it takes over.
    fn begin(&mut self, symbol: &str, first_record: usize) {
        self.symbol.clear();
        self.symbol.push_str(symbol);
        self.first_record = first_record;
        self.observations.clear();
        self.partition_key = None;
        self.is_split = false;
    }

    fn note_partition_key(&mut self, key: Option<&str>) {
        if let Some(key) = key.filter(|key| self.partition_key.as_deref() != Some(key)) {
            self.is_split |= self.partition_key.replace(key.to_owned()).is_some();
        }
    }
}

/// The memory of a batch, kept for the next one: nothing of what it held is.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Those of the batch first, in the order of their first frames; behind them room for others.
    lanes: Vec<LaneFrames>,
    /// How many lanes the batch has.
    count: usize,
    /// Place in `lanes` by symbol.
    places: HashMap<String, usize>,
    /// The record that is being read.
    data: Vec<u8>,
}

impl Batch {
    /// Reads every record of an event into lanes, which are in the order of their first frames. What cannot be read is
    /// counted by its reason and skipped: the archive keeps it.
    pub(crate) fn read(
        &mut self,
        event: &Event<'_>,
        bars: &BarSettings,
        report: &mut Report,
    ) -> &mut [LaneFrames] {
        self.begin();
        let mut data = std::mem::take(&mut self.data);
        let mut reader = BatchReader { bars, report, batch: self };
        for (at, record) in event.records.iter().enumerate() {
            reader.report.records += 1;
            data.clear();
            if let Err(error) = reader.record(at, record, &mut data) {
                reader.refuse(record, &error);
            }
        }
        data.clear();
        data.shrink_to(DATA_KEPT_MAX);
        self.data = data;
        self.lanes.get_mut(..self.count).unwrap_or_default()
    }

    /// Forgets the batch before, and gives back what its lanes have more than the next one will need.
    fn begin(&mut self) {
        (self.count, self.places) = (0, HashMap::new());
        let mut room = OBSERVATIONS_KEPT_MAX;
        self.lanes.retain_mut(|lane| {
            let kept = room.checked_sub(lane.observations.capacity());
            room = kept.unwrap_or(room);
            kept.is_some()
        });
    }

    /// The lane of a symbol, which begins with this record if it is new.
    fn lane(&mut self, symbol: &str, record: usize) -> Option<&mut LaneFrames> {
        let at = match self.places.get(symbol) {
            Some(&at) => at,
            None => self.begin_lane(symbol, record),
        };
        self.lanes.get_mut(at)
    }

    fn begin_lane(&mut self, symbol: &str, record: usize) -> usize {
        let at = self.count;
        self.places.insert(symbol.to_owned(), at);
        if at == self.lanes.len() {
            self.lanes.push(LaneFrames::default());
        }
        self.count += 1;
        if let Some(lane) = self.lanes.get_mut(at) {
            lane.begin(symbol, record);
        }
        at
    }
}

/// The record that is being read.
#[derive(Debug, Clone, Copy)]
struct RecordSource<'e> {
    at: usize,
    record: &'e Record<'e>,
    arrival_us: Option<i64>,
    /// Its partition key; `None` where that is not the one of its frames.
    partition_key: Option<&'e str>,
}

struct BatchReader<'b> {
    bars: &'b BarSettings,
    report: &'b mut Report,
    batch: &'b mut Batch,
}

/// Why a record, or the rest of it, or one frame of it is skipped.
#[derive(Debug, Error)]
enum SkipError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("expected digits")]
    Digits(#[from] DecimalError),
    #[error("expected the trade ids of an aggregate trade to be in order")]
    TradeIds,
    #[error("expected a time at most an hour after the record's arrival, was {time}")]
    Ahead { time: Timestamp },
}

impl SkipError {
    const fn reason(&self) -> Reason {
        match self {
            Self::Data(_) => Reason::BadBase64,
            Self::Framing(error) => error.reason(),
            Self::Decode(error) => error.reason(),
            Self::Digits(_) => Reason::BadDecimal,
            Self::TradeIds => Reason::BadNumber,
            Self::Ahead { .. } => Reason::BadTime,
        }
    }
}

impl BatchReader<'_> {
    fn record(&mut self, at: usize, record: &Record<'_>, data: &mut Vec<u8>) -> Result<(), SkipError> {
        record.decode_data(data)?;
        // The key of an aggregated record is that of one of its sub-records.
        let partition_key = record.partition_key().filter(|_| !data.starts_with(&kpl::MAGIC));
        let partition_key = partition_key.as_deref();
        let source = RecordSource { at, record, arrival_us: record.arrival_micros(), partition_key };
        let mut frames_left = FRAMES_MAX;
        framing::texts(data, &mut |text: &str| self.text(text, source, &mut frames_left))
    }

    fn text(
        &mut self,
        text: &str,
        source: RecordSource<'_>,
        frames_left: &mut usize,
    ) -> Result<(), SkipError> {
        let mut documents = Documents::new(text);
        while let Some(cursor) = documents.step()? {
            binance::frames(cursor, &mut |frame: &Frame<'_>| -> Result<(), SkipError> {
                *frames_left = frames_left.checked_sub(1).ok_or(FramingError::Frames)?;
                self.report.frames += 1;
                if let Err(error) = self.frame(frame, source) {
                    self.refuse(source.record, &error);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame<'_>, source: RecordSource<'_>) -> Result<(), SkipError> {
        let market = self.bars.market();
        let (header, observation) = match binance::identify(frame)? {
            Identity::Control => {
                self.report.add_drop(DropReason::Control);
                return Ok(());
            }
            Identity::Heartbeat => (binance::heartbeat(frame, market)?, None),
            Identity::Kind(kind) => {
                let header = binance::header(frame, kind, market)?;
                let observation = self.observation(frame, kind, &header)?;
                (header, observation)
            }
        };
        let clock = header.event_time.map(Observation::Clock);
        let Some(observation) = observation.or(clock) else { return Ok(()) };
        if let Some(time) = latest(&header, &observation).filter(|&time| is_ahead(time, source.arrival_us)) {
            return Err(SkipError::Ahead { time });
        }
        self.report.event_time_max = self.report.event_time_max.max(header.event_time);
        // Only the order of what bars are made of matters: an array of all symbols has one key, and tells times alone.
        let partition_key = source.partition_key.filter(|_| self.is_of_source(&observation));
        if let Some(lane) = self.batch.lane(header.symbol.as_str(), source.at) {
            lane.note_partition_key(partition_key);
            lane.observations.push(observation);
        }
        Ok(())
    }

    /// What a frame tells besides its time; `None` if only that, and for frames that are left out.
    fn observation(
        &mut self,
        frame: &Frame<'_>,
        kind: Kind,
        header: &Header<'_>,
    ) -> Result<Option<Observation>, SkipError> {
        let is_read = match kind {
            Kind::Trade => self.bars.source() == Source::Trade,
            Kind::AggTrade => self.bars.source() == Source::AggTrade,
            Kind::Kline => true,
            _ => false,
        };
        if !is_read {
            return Ok(None);
        }
        let (market, event_time) = (header.market, header.event_time);
        Ok(match binance::message(frame, kind, header.clone())?.body {
            Body::Trade(message) => Some(Observation::Trade(trade(&message)?)),
            Body::AggTrade(message) if message.is_invalidated() => {
                self.report.add_drop(DropReason::Invalidated);
                None
            }
            Body::AggTrade(message) => Some(Observation::Trade(agg_trade(&message, market)?)),
            // Days that begin at another hour are other bars.
            Body::Kline(message) if message.utc_offset.is_none() => {
                Some(Observation::Kline(exchange_bar(&message, event_time)?))
            }
            _ => None,
        })
    }

    fn is_of_source(&self, observation: &Observation) -> bool {
        match observation {
            Observation::Trade(_) => true,
            Observation::Kline(_) => self.bars.source() == Source::Kline,
            Observation::Clock(_) => false,
        }
    }

    fn refuse(&mut self, record: &Record<'_>, error: &SkipError) {
        let number = || record.sequence_number().unwrap_or_default().into_owned();
        self.report.add_refusal(error.reason(), || (number(), chain(error)));
    }
}

fn is_ahead(time: Timestamp, arrival_us: Option<i64>) -> bool {
    arrival_us.is_some_and(|arrival_us| time.micros() - arrival_us > AHEAD_US_MAX)
}

/// The latest time of a frame.
fn latest(header: &Header<'_>, observation: &Observation) -> Option<Timestamp> {
    let own = match observation {
        Observation::Trade(trade) => Some(trade.time),
        Observation::Kline(kline) => Some(kline.bar.open_time),
        Observation::Clock(time) => Some(*time),
    };
    own.max(header.event_time)
}

fn trade(message: &TradeMessage<'_>) -> Result<Trade, SkipError> {
    let id = message.trade_id;
    executed(&message.execution, (id, id), (id, id))
}

/// On the spot market aggregate trades partition the trade ids, which are consecutive; on futures markets trade ids have
/// holes of their own, and the aggregate's id is the one without.
fn agg_trade(message: &AggTradeMessage<'_>, market: Market) -> Result<Trade, SkipError> {
    let ids = message.first_trade_id.zip(message.last_trade_id);
    let (first, last) = ids.filter(|(first, last)| first <= last).ok_or(SkipError::TradeIds)?;
    let (first_id, last_id) = match market {
        Market::Spot => (first, last),
        Market::Usdm | Market::Coinm => (message.agg_trade_id, message.agg_trade_id),
    };
    executed(&message.execution, (first_id, last_id), (first, last))
}

/// A trade of these first and last ids: those by which trades are told apart, and those by which klines count.
fn executed(
    execution: &Execution<'_>,
    (first_id, last_id): (u64, u64),
    (first_trade_id, last_trade_id): (u64, u64),
) -> Result<Trade, SkipError> {
    Ok(Trade {
        first_id,
        last_id,
        last_trade_id,
        count: last_trade_id - first_trade_id + 1,
        price: execution.price.decimal()?,
        quantity: execution.quantity.decimal()?,
        quote_quantity: execution.quote_quantity,
        time: execution.trade_time,
        taker_side: execution.taker_side,
    })
}

fn exchange_bar(message: &KlineMessage<'_>, event_time: Option<Timestamp>) -> Result<ExchangeBar, SkipError> {
    let (volumes, taker_buys) = (&message.volumes, &message.taker_buy_volumes);
    let bar = Bar {
        interval: message.interval,
        open_time: message.open_time,
        close_time: bar_end(message.close_time),
        open: message.open.decimal()?,
        high: message.high.decimal()?,
        low: message.low.decimal()?,
        close: message.close.decimal()?,
        // Contracts, where the market counts in them: what its trades count as well.
        volume: volumes.contracts.unwrap_or(volumes.base).decimal()?,
        quote_volume: volumes.quote.map(Digits::decimal).transpose()?,
        taker_buy_volume: taker_buys.contracts.unwrap_or(taker_buys.base).decimal()?,
        trade_count: message.trade_count,
    };
    let last_trade_id = message.last_trade_id;
    Ok(ExchangeBar { bar, is_closed: message.is_closed, last_trade_id, event_time })
}

/// The last microsecond of a bar: the exchange writes its last millisecond where the connection asked for those.
fn bar_end(close_time: Timestamp) -> Timestamp {
    let last_millisecond = close_time.micros() % 1_000_000 == 999_000;
    let end = Timestamp::from_micros(close_time.micros() + if last_millisecond { 999 } else { 0 });
    end.unwrap_or(close_time)
}

#[cfg(test)]
mod tests;
