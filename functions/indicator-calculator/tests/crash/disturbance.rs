//! What goes wrong: one plan for each invocation, drawn by the dice.

use std::time::Duration;

use indicator_calculator::fault::Fault;

use crate::dice::Dice;
use crate::function::{Fate, Loss, Moment};
use crate::services::{Call, Step};
use crate::session;

const STEPS: [Step; 4] = [Step::Load, Step::Publish, Step::Series, Step::Hot];

/// Of 100 invocations so many are killed, if it comes to that: one that answers earlier is not.
const KILLED_PERCENT: u64 = 75;
/// Of those so many after a time, the others at a call.
const TIMED_PERCENT: u64 = 25;
/// An invocation takes some ten milliseconds.
const LIFE_MS: u64 = 12;
/// Of 100 invocations so many have a service that does not do its part for one lane, however often it is asked.
const OUTAGE_PERCENT: u64 = 10;
/// Of 100 calls so many are lost, or their answer is. The function asks again.
const LOST_PERCENT: u64 = 5;

/// What goes wrong in one invocation.
#[derive(Debug)]
pub(crate) struct Disturbance {
    dice: Dice,
    death: Option<Death>,
    outage: Option<Outage>,
}

/// The call at which the process dies.
#[derive(Debug)]
struct Death {
    step: Step,
    /// How many calls of that step come before.
    calls_before: u64,
    moment: Moment,
}

/// What does not succeed at all.
#[derive(Debug)]
struct Outage {
    step: Step,
    lane: String,
}

impl Disturbance {
    /// Draws a plan; also for how long the process may live, if it is killed by time.
    pub(crate) fn draw(dice: &mut Dice, kills_left: usize) -> (Self, Option<Duration>) {
        let is_killed = kills_left > 0 && dice.chance(KILLED_PERCENT);
        let is_timed = is_killed && dice.chance(TIMED_PERCENT);
        let life = is_timed.then(|| Duration::from_millis(dice.below(LIFE_MS)));
        let death = (is_killed && !is_timed).then(|| Death {
            step: dice.pick(&STEPS),
            calls_before: dice.below(2),
            moment: dice.pick(&[Moment::Before, Moment::After, Moment::Late]),
        });
        let outage = dice
            .chance(OUTAGE_PERCENT)
            .then(|| Outage { step: dice.pick(&STEPS), lane: dice.pick(&session::lanes()) });
        (Self { dice: Dice::new(dice.below(u64::from(u32::MAX))), death, outage }, life)
    }

    /// Decides over one call.
    pub(crate) fn fate(&mut self, call: &Call) -> Fate {
        let step = call.step();
        if let Some(death) = self.death.as_mut().filter(|death| death.step == step) {
            if death.calls_before == 0 {
                return Fate::Killed(death.moment);
            }
            death.calls_before -= 1;
        }
        if let Some(outage) = self.outage.as_ref().filter(|outage| outage.hits(call)) {
            return outage.fate();
        }
        if self.dice.chance(LOST_PERCENT) {
            let fault = self.dice.pick(&[Fault::Before, Fault::After]);
            return Fate::Lost(fault, self.dice.pick(&[Loss::Error, Loss::Disconnect]));
        }
        Fate::Answered
    }
}

impl Outage {
    fn hits(&self, call: &Call) -> bool {
        self.step == call.step() && call.lane().is_none_or(|lane| lane == self.lane)
    }

    fn fate(&self) -> Fate {
        match self.step {
            Step::Publish => Fate::Refused(self.lane.clone()),
            _ => Fate::Lost(Fault::Before, Loss::Error),
        }
    }
}
