//! The transformer beside its peers: time per record without HTTP and through the Runtime API, memory, and the floor.

use std::sync::Arc;

use tapeline_bench::event::{event, frame};

use crate::floor::{Floor, PARTS};
use crate::peers::{Contender, Rounds};
use crate::report::{Report, Samples, Turns};
use crate::runtime_api::Function;
use crate::{Places, compare};

const RECORDS: u64 = 5000;
const TURNS: usize = 15;
/// Rounds of a turn. A function has its processor to itself from one event to the next; here the others have just had their
/// turn, and have left their own work in its caches: the first round of a turn does not count.
const ROUNDS: usize = 4;
/// The memory with which a function has one processor, in GB (Lambda's developer guide, "Configure Lambda function memory"):
/// work of a second is billed as so many GB seconds, whatever the memory is.
const PROCESSOR_GB: f64 = 1769.0 / 1024.0;
/// Turns that do not count: until then Node.js compiles.
const WARM_TURNS: usize = 2;
/// The longest event that Lambda hands over.
const EVENT_BYTES_MAX: u64 = 6_291_456;
/// Invocations with such an event: the first grow buffers, the second shows what stays of them.
const LARGE_ROUNDS: usize = 3;

/// Measures, and prints as it goes.
pub(crate) fn measure(places: &Places, report: &mut Report) {
    let event = Arc::new(event(RECORDS));
    let functions = Contender::ALL.map(|contender| (contender, Function::start(contender.command(places)).0));
    let answer = check(&functions, &event);
    println!(
        "{RECORDS} records, {} bytes a frame on average, an event of {} bytes, an answer of {}\noutcomes {:?}",
        (0..RECORDS).map(|at| frame(at).len() as u64).sum::<u64>() / RECORDS,
        event.len(),
        answer.len(),
        compare::outcomes(&answer),
    );
    println!("all contenders answer the same");
    in_process(places, &event, answer, report);
    through_the_runtime_api(&functions, &event, report);
    memory(&functions, event.len() as u64, report);
}

/// Compares every answer with ours; gives ours.
fn check(functions: &[(Contender, Function)], event: &Arc<Vec<u8>>) -> Vec<u8> {
    let answers = functions.iter().map(|(contender, function)| (*contender, function.invoke(event).body));
    let answers: Vec<_> = answers.collect();
    let (_, ours) = answers.first().expect("ours comes first");
    for (contender, theirs) in &answers {
        compare::check(ours, theirs, contender.arrival_ms_off());
    }
    ours.clone()
}

/// Lets everybody take turns, and does `between` after each that counts; gives microseconds per record.
fn by_turns(
    contenders: &mut [(Contender, Box<dyn Rounds + '_>)],
    mut between: impl FnMut(),
) -> Vec<(Contender, Turns)> {
    let mut turns: Vec<_> = contenders.iter().map(|(contender, _)| (*contender, Turns(Vec::new()))).collect();
    for turn in 0..WARM_TURNS + TURNS {
        for ((_, contender), (_, turns)) in contenders.iter_mut().zip(&mut turns) {
            let rounds: Vec<_> = (0..ROUNDS).map(|_| micros_per_record(contender.round())).skip(1).collect();
            if turn >= WARM_TURNS {
                turns.0.push(Samples::of(rounds));
            }
        }
        if turn >= WARM_TURNS {
            between();
        }
    }
    turns
}

fn micros_per_record(seconds: f64) -> f64 {
    seconds * 1e6 / RECORDS as f64
}

/// Prints what each took, and how many times what the first took; gives the first.
fn tell<'m>(measured: &'m [(Contender, Turns)], report: &mut Report) -> &'m Turns {
    for (contender, turns) in measured {
        report.row(contender.name(), &turns.samples());
    }
    let (_, ours) = measured.first().expect("ours comes first");
    for (contender, turns) in measured.iter().skip(1) {
        report.fact(&format!("{} / tapeline", contender.name()), turns.over(ours));
    }
    ours
}

fn in_process(places: &Places, event: &[u8], answer: Vec<u8>, report: &mut Report) {
    let path = places.scratch.join("event.json");
    std::fs::write(&path, event).expect("a file");
    let mut contenders = Contender::ALL.map(|contender| (contender, contender.in_process(places, &path)));
    let (mut floor, mut floors) = (Floor::new(event.to_vec(), answer), Vec::new());
    let measured = by_turns(&mut contenders, || {
        floors.push((0..ROUNDS).map(|_| floor.round().map(micros_per_record)).skip(1).collect());
    });
    report.section("transformer without HTTP", "us per record");
    let ours = tell(&measured, report);
    tell_floor(&floors, ours, report);
}

fn through_the_runtime_api(functions: &[(Contender, Function)], event: &Arc<Vec<u8>>, report: &mut Report) {
    let rounds = functions.iter().map(|(contender, function)| {
        let rounds: Box<dyn Rounds + '_> = Box::new(|| function.invoke(event).seconds);
        (*contender, rounds)
    });
    let mut rounds: Vec<_> = rounds.collect();
    report.section("transformer through the Runtime API", "us per record");
    let measured = by_turns(&mut rounds, || ());
    tell(&measured, report);
    report.section("what Lambda bills for a million records", "GB seconds");
    for (contender, micros) in &measured {
        // A microsecond for each of a million records is a second.
        report.row(contender.name(), &micros.samples().per(1.0 / PROCESSOR_GB));
    }
}

/// What cannot be done without, beside what the transformer takes.
fn tell_floor(turns: &[Vec<[f64; PARTS.len()]>], ours: &Turns, report: &mut Report) {
    report.section("floor", "us per record");
    for (at, name) in PARTS.iter().enumerate() {
        let part = turns.iter().flatten().filter_map(|round| round.get(at).copied());
        report.row(name, &Samples::of(part.collect()));
    }
    let sums =
        turns.iter().map(|rounds| Samples::of(rounds.iter().map(|round| round.iter().sum()).collect()));
    let all = Turns(sums.collect());
    report.row("all of it", &all.samples());
    report.fact("tapeline without HTTP / floor", ours.over(&all));
}

/// The most memory that each held, after small events and after large ones.
fn memory(functions: &[(Contender, Function)], event_bytes: u64, report: &mut Report) {
    let large = Arc::new(event(RECORDS * EVENT_BYTES_MAX / event_bytes - 1));
    let mib = |function: &Function| Samples::of(vec![function.memory_bytes_max() as f64 / 1_048_576.0]);
    report.section(&format!("memory, after events of {:.1} MB", event_bytes as f64 / 1e6), "MiB");
    for (contender, function) in functions {
        report.row(contender.name(), &mib(function));
    }
    report.section(&format!("memory, after events of {:.1} MB", large.len() as f64 / 1e6), "MiB");
    for (contender, function) in functions {
        for _ in 0..LARGE_ROUNDS {
            function.invoke(&large);
        }
        report.row(contender.name(), &mib(function));
    }
}
