//! What Lambda does between a stream and a function: batches of each shard in order, each until it is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::dice::Dice;
use crate::disturbance::Disturbance;
use crate::function::{End, Fate, Function};
use crate::services::{Services, Step};
use crate::session::{Record, Session, event};

/// Most records of a batch.
const BATCH_RECORDS_MAX: u64 = 7;

/// Most invocations of a run: several times what any took.
const INVOCATIONS_MAX: usize = 5_000;

/// Of 100 batches whose process died so many are cut in two before they come again, as with
/// `BisectBatchOnFunctionError`.
const BISECTED_PERCENT: u64 = 30;

/// How a session is run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Processes that take the batches by turns, so that each knows only a part of what was done.
    pub(crate) processes: usize,
    /// How many of them are killed; 0: nothing goes wrong at all.
    pub(crate) kills: usize,
    pub(crate) seed: u64,
}

/// What happened in a run.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) invocations: usize,
    /// Answers that named a record to begin from again.
    pub(crate) failures: usize,
    /// Kills by the last that the services had taken of the invocation.
    pub(crate) kills: BTreeMap<Option<Step>, usize>,
}

impl Account {
    pub(crate) fn killed(&self) -> usize {
        self.kills.values().sum()
    }
}

/// One shard, cut into batches.
struct Shard<'s> {
    records: &'s [Record],
    done: usize,
    /// Where the batches end that are not done, the next one last.
    ends: Vec<usize>,
}

impl<'s> Shard<'s> {
    fn new(records: &'s [Record], dice: &mut Dice) -> Self {
        let mut ends = Vec::new();
        let mut end = 0;
        while end < records.len() {
            end += usize::try_from(1 + dice.below(BATCH_RECORDS_MAX)).unwrap();
            ends.push(end.min(records.len()));
        }
        ends.reverse();
        Self { records, done: 0, ends }
    }

    /// The records that come next; there are some.
    fn batch(&self) -> &'s [Record] {
        &self.records[self.done..*self.ends.last().unwrap()]
    }

    fn bisect(&mut self) {
        let half = self.batch().len() / 2;
        if half > 0 {
            self.ends.push(self.done + half);
        }
    }

    /// Reads the answer to the batch: everything is done, or everything before the record that it names. Tells whether
    /// it was everything.
    fn proceed(&mut self, answer: &str) -> bool {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let failures = answer["batchItemFailures"].as_array().unwrap();
        let Some(failure) = failures.first() else {
            self.done = self.ends.pop().unwrap();
            return true;
        };
        assert_eq!(failures.len(), 1, "{answer}");
        let named = |record: &Record| failure["itemIdentifier"] == record.sequence_number.as_str();
        self.done += self.batch().iter().position(named).expect("a record of the batch is named");
        false
    }
}

impl Run {
    /// Runs the session to its end.
    pub(crate) async fn play(self, session: &Session, services: &Arc<Services>) -> Account {
        let (mut dice, mut account) = (Dice::new(self.seed), Account::default());
        let mut shards = session.shards.each_ref().map(|records| Shard::new(records, &mut dice));
        let mut processes: Vec<Option<Function>> = (0..self.processes).map(|_| None).collect();
        let places: Vec<_> = (0..self.processes).collect();
        loop {
            let mut waiting: Vec<_> = shards.iter_mut().filter(|shard| !shard.ends.is_empty()).collect();
            if waiting.is_empty() {
                return account;
            }
            let turn = usize::try_from(dice.below(2)).unwrap().min(waiting.len() - 1);
            let process = &mut processes[dice.pick(&places)];
            let mut function = match process.take() {
                Some(function) => function,
                None => Function::start(services).await,
            };
            let life = self.hand_out(&function, event(waiting[turn].batch()), (&mut dice, &account));
            let end = function.end(life).await;
            account.add(&end, function.last_step());
            match end {
                End::Killed if dice.chance(BISECTED_PERCENT) => waiting[turn].bisect(),
                End::Killed => {}
                End::Answered(answer) => {
                    account.failures += usize::from(!waiting[turn].proceed(&answer));
                    *process = Some(function);
                }
            }
        }
    }

    fn hand_out(
        self,
        function: &Function,
        event: Vec<u8>,
        (dice, account): (&mut Dice, &Account),
    ) -> Option<Duration> {
        if self.kills == 0 {
            function.hand_out(event, |_| Fate::Answered);
            return None;
        }
        let (mut disturbance, life) = Disturbance::draw(dice, self.kills - account.killed());
        function.hand_out(event, move |call| disturbance.fate(call));
        life
    }
}

impl Account {
    fn add(&mut self, end: &End, last_step: Option<Step>) {
        self.invocations += 1;
        assert!(self.invocations <= INVOCATIONS_MAX, "the session comes to its end: {self:?}");
        if *end == End::Killed {
            *self.kills.entry(last_step).or_default() += 1;
        }
    }
}
