//! An event source mapping as Lambda runs it, with everything that can go wrong on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicator_calculator::Config;
use indicator_calculator::fault::Fault;
use indicator_calculator::publish::MemoryStream;
use indicator_calculator::state::MemoryStore;

use super::environment::Environment;
use super::function;
use super::session::{self, Record};

/// After so many invocations nothing goes wrong any more, so that every run ends.
const DISTURBED_MAX: usize = 150;
const BATCH_MAX: u64 = 15;

/// Numbers without a pattern, the same each time (the generator of MMIX).
#[derive(Debug, Clone)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    pub(crate) fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

/// The records of a shard, and how far the mapping has come.
struct Shard {
    records: Vec<Record>,
    position: usize,
}

/// Two environments that take the batches of some shards by turns.
pub(crate) struct Mapping {
    config: Config,
    shards: Vec<Shard>,
    environments: [Environment; 2],
    store: MemoryStore,
    stream: MemoryStream,
    dice: Dice,
}

impl Mapping {
    /// Routes the records of a session to shards, some of them twice and some poison among them.
    pub(crate) fn new(config: &Config, session: &[Record], shards: usize, mut dice: Dice) -> Self {
        let mut routed: Vec<_> = (0..shards).map(|_| Shard { records: Vec::new(), position: 0 }).collect();
        for record in session {
            let records = &mut routed[record.symbol % shards].records;
            records.push(record.clone());
            if dice.one_in(6) {
                // A producer that heard no answer sends again, and what it sent since.
                let back = usize::try_from(dice.below(6)).unwrap().min(records.len());
                records.extend_from_within(records.len() - back..);
            }
            if dice.one_in(6) {
                records.push(Record { data: session::poison(record, dice.below(6)), ..record.clone() });
            }
        }
        let (store, stream) = (MemoryStore::default(), MemoryStream::default());
        let environments = [(); 2].map(|()| Environment::start(config.clone(), &store, &stream));
        Self { config: config.clone(), shards: routed, environments, store, stream, dice }
    }

    /// Runs until every record is done; gives what is left of it.
    pub(crate) fn run(mut self) -> (MemoryStore, MemoryStream) {
        let mut invocations = 0;
        while let Some(shard) = self.next_shard() {
            self.invoke(shard, invocations < DISTURBED_MAX);
            invocations += 1;
        }
        (self.store, self.stream)
    }

    fn next_shard(&mut self) -> Option<usize> {
        let unfinished = |at: &usize| self.shards[*at].position < self.shards[*at].records.len();
        let unfinished: Vec<_> = (0..self.shards.len()).filter(unfinished).collect();
        let at = self.dice.below(unfinished.len().max(1) as u64);
        unfinished.get(usize::try_from(at).unwrap()).copied()
    }

    fn invoke(&mut self, shard: usize, is_disturbed: bool) {
        let back = if is_disturbed && self.dice.one_in(5) { self.dice.below(8) } else { 0 };
        let from = self.shards[shard].position.saturating_sub(usize::try_from(back).unwrap());
        let to = from + 1 + usize::try_from(self.dice.below(BATCH_MAX)).unwrap();
        let to = to.min(self.shards[shard].records.len());
        let payload = session::event((from..to).zip(&self.shards[shard].records[from..to]));
        let at = usize::try_from(self.dice.below(2)).unwrap();
        let is_killed = is_disturbed && self.dice.one_in(8);
        match (is_killed, is_disturbed && self.dice.one_in(2)) {
            (true, _) => self.let_everything_fail_from_some_call_on(),
            (_, true) => self.let_some_calls_fail(),
            _ => {
                self.store.heal();
                self.stream.heal();
            }
        }
        let calculated = self.environments[at].invoke(&payload);
        if is_killed || self.dice.one_in(10) {
            self.environments[at] = Environment::start(self.config.clone(), &self.store, &self.stream);
        }
        self.shards[shard].position = match calculated {
            Ok(calculated) if !is_killed => {
                let number = function::named(&calculated.answer);
                let named = |number: String| (from..to).find(|&at| session::sequence_number(at) == number);
                number.map_or(to, |number| named(number).expect("a number of the batch"))
            }
            _ => from,
        };
    }

    fn let_some_calls_fail(&mut self) {
        let fault = |mut dice: Dice| {
            move || {
                let fault = if dice.one_in(2) { Fault::Before } else { Fault::After };
                dice.one_in(4).then_some(fault)
            }
        };
        let [mut of_store, mut of_stream] = [(); 2].map(|()| fault(Dice(self.dice.below(u64::MAX))));
        self.store.inject(move |_| of_store());
        self.stream.inject(move |_| of_stream());
    }

    /// As a process that is killed: what it did not do is not done, and its answer is not heard.
    fn let_everything_fail_from_some_call_on(&mut self) {
        let calls_left = Arc::new(AtomicU64::new(self.dice.below(12)));
        let fault = |calls_left: Arc<AtomicU64>| {
            move || {
                let left = calls_left.load(Ordering::Relaxed);
                calls_left.store(left.saturating_sub(1), Ordering::Relaxed);
                (left == 0).then_some(Fault::Before)
            }
        };
        let [of_store, of_stream] = [Arc::clone(&calls_left), calls_left].map(fault);
        self.store.inject(move |_| of_store());
        self.stream.inject(move |_| of_stream());
    }
}
