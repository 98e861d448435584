//! What goes wrong on purpose, and how often.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::sample::dice::Dice;

/// The parts into which a chance is cut. One in a million frames is the rarest fault.
const PARTS: u32 = 1_000_000;

/// Something that goes wrong with a frame or a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends without a word, or with a close frame.
    Disconnect,
    /// The connection ends in the middle of a frame.
    HalfFrame,
    /// The connection stays open and says nothing more, not even pings.
    Silence,
    /// `serverShutdown` is announced; the connection ends some time later.
    Shutdown,
    /// The frame is left out.
    Lose,
    /// The connection stands still for a while; nothing is lost.
    Delay,
    /// The frame comes once more, at once or later.
    Duplicate,
    /// The frame comes behind later ones.
    Reorder,
    /// Something comes that is no frame of the exchange.
    Garbage,
    /// A reply comes that answers nothing.
    Control,
    /// Pings come without waiting for pongs.
    Ping,
    /// The request is answered with HTTP 429.
    Throttle,
    /// The request is answered with HTTP 418.
    Ban,
    /// The request is answered with HTTP 5xx.
    ServerError,
    /// The answer comes late.
    Slow,
}

impl Fault {
    /// All faults.
    pub(crate) const ALL: [Self; 15] = [
        Self::Disconnect,
        Self::HalfFrame,
        Self::Silence,
        Self::Shutdown,
        Self::Lose,
        Self::Delay,
        Self::Duplicate,
        Self::Reorder,
        Self::Garbage,
        Self::Control,
        Self::Ping,
        Self::Throttle,
        Self::Ban,
        Self::ServerError,
        Self::Slow,
    ];

    /// Its place among all.
    pub(crate) const fn place(self) -> usize {
        self as usize
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::HalfFrame => "half-frame",
            Self::Silence => "silence",
            Self::Shutdown => "shutdown",
            Self::Lose => "lose",
            Self::Delay => "delay",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Garbage => "garbage",
            Self::Control => "control",
            Self::Ping => "ping",
            Self::Throttle => "throttle",
            Self::Ban => "ban",
            Self::ServerError => "server-error",
            Self::Slow => "slow",
        }
    }

    /// Whether it befalls requests, not frames.
    const fn is_of_requests(self) -> bool {
        matches!(self, Self::Throttle | Self::Ban | Self::ServerError | Self::Slow)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A fault and its chance, written `lose=500`: one in 500 frames or requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chance {
    fault: Fault,
    /// Parts of [`PARTS`].
    parts: u32,
}

/// A text is no fault with its chance.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ChanceError {
    /// It is not two parts.
    #[error("a fault must be NAME=N, for one in N, was {found:?}")]
    Form {
        /// The text.
        found: String,
    },
    /// Nobody knows the fault.
    #[error("a fault must be one of {}, was {found:?}", known())]
    Name {
        /// The name.
        found: String,
    },
    /// The chance is out of range.
    #[error("a fault must happen in one of 1 to {PARTS}, was {found:?}")]
    Chance {
        /// The number.
        found: String,
    },
}

impl FromStr for Chance {
    type Err = ChanceError;

    fn from_str(text: &str) -> Result<Self, ChanceError> {
        let form = || ChanceError::Form { found: text.to_owned() };
        let (name, chance) = text.split_once('=').ok_or_else(form)?;
        let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
        let fault = fault.ok_or_else(|| ChanceError::Name { found: name.to_owned() })?;
        match chance.parse() {
            Ok(one_in @ 1..=PARTS) => Ok(Self { fault, parts: PARTS / one_in }),
            _ => Err(ChanceError::Chance { found: chance.to_owned() }),
        }
    }
}

fn known() -> String {
    Fault::ALL.map(Fault::name).join(", ")
}

/// The faults of an exchange.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    of_frames: Vec<Chance>,
    of_requests: Vec<Chance>,
}

impl Faults {
    /// These faults and no others.
    pub(crate) fn new(chances: &[Chance]) -> Self {
        let (of_requests, of_frames) =
            chances.iter().copied().partition(|chance: &Chance| chance.fault.is_of_requests());
        Self { of_frames, of_requests }
    }

    /// What befalls the next frame, if anything does.
    pub(crate) fn of_frame(&self, dice: &mut Dice) -> Option<Fault> {
        strike(&self.of_frames, dice)
    }

    /// What befalls the next request, if anything does.
    pub(crate) fn of_request(&self, dice: &mut Dice) -> Option<Fault> {
        strike(&self.of_requests, dice)
    }
}

/// One draw decides: nothing suffers two faults at once.
fn strike(chances: &[Chance], dice: &mut Dice) -> Option<Fault> {
    if chances.is_empty() {
        return None;
    }
    let mut drawn = dice.draw(0..=i64::from(PARTS) - 1);
    for chance in chances {
        drawn -= i64::from(chance.parts);
        if drawn < 0 {
            return Some(chance.fault);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(texts: &[&str]) -> Faults {
        Faults::new(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    fn refuses(text: &str, message: &str) {
        assert_eq!(text.parse::<Chance>().unwrap_err().to_string(), message);
    }

    #[test]
    fn faults_are_places_of_their_list() {
        assert!(Fault::ALL.iter().enumerate().all(|(place, fault)| fault.place() == place));
    }

    #[test]
    fn a_fault_happens_as_often_as_it_should() {
        let faults = faults(&["lose=10", "disconnect=1000", "throttle=1"]);
        let mut dice = Dice::new(1, "often");
        let struck: Vec<_> = (0..100_000).filter_map(|_| faults.of_frame(&mut dice)).collect();
        let lost = struck.iter().filter(|fault| **fault == Fault::Lose).count();
        let disconnected = struck.iter().filter(|fault| **fault == Fault::Disconnect).count();
        // Six standard deviations around the means of 10,000 and 100.
        assert!((9_430..=10_570).contains(&lost), "{lost}");
        assert!((40..=160).contains(&disconnected), "{disconnected}");
        assert_eq!(lost + disconnected, struck.len());
    }

    #[test]
    fn requests_have_faults_of_their_own() {
        let faults = faults(&["lose=1", "throttle=1"]);
        let mut dice = Dice::new(1, "own");
        assert_eq!(faults.of_frame(&mut dice), Some(Fault::Lose));
        assert_eq!(faults.of_request(&mut dice), Some(Fault::Throttle));
    }

    #[test]
    fn nothing_goes_wrong_unless_it_is_asked_for() {
        assert_eq!(Faults::default().of_frame(&mut Dice::new(1, "none")), None);
    }

    #[test]
    fn misspelt_faults_are_refused() {
        refuses("lose", "a fault must be NAME=N, for one in N, was \"lose\"");
        refuses("lose=0", "a fault must happen in one of 1 to 1000000, was \"0\"");
        refuses(
            "loose=5",
            "a fault must be one of disconnect, half-frame, silence, shutdown, lose, delay, duplicate, reorder, garbage, control, ping, throttle, ban, server-error, slow, was \"loose\"",
        );
    }
}
