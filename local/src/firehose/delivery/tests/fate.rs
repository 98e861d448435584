//! Every record ends in exactly one place, whatever becomes of it.

use proptest::prelude::*;

use super::*;

/// What becomes of one record of the property test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delivered(&'static str),
    Unconvertible,
    Unpartitioned,
    Dropped,
    Failed,
}

impl Fate {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            3 => Just(Self::Delivered("trade")),
            2 => Just(Self::Delivered("kline")),
            1 => Just(Self::Unconvertible),
            1 => Just(Self::Unpartitioned),
            1 => Just(Self::Dropped),
            1 => Just(Self::Failed),
        ]
    }

    fn answer(self, record: &Value) -> Value {
        let (result, keys) = match self {
            Self::Delivered(kind) => ("Ok", json!({ "kind": kind })),
            Self::Unconvertible => ("Ok", json!({"kind": "trade"})),
            Self::Unpartitioned => ("Ok", json!({})),
            Self::Dropped => ("Dropped", json!({})),
            Self::Failed => ("ProcessingFailed", json!({})),
        };
        let data = if self == Self::Unconvertible { json!("W10=") } else { record["data"].clone() };
        json!({"recordId": record["recordId"], "result": result, "data": data, "metadata": {"partitionKeys": keys}})
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Put(Fate),
    Wait(i64),
}

fn fates(steps: &[Step]) -> Vec<Fate> {
    let fate = |step: &Step| if let Step::Put(fate) = step { Some(*fate) } else { None };
    steps.iter().filter_map(fate).collect()
}

/// How one invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invoked {
    Answered,
    Error,
    Incomplete,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![6 => Fate::any().prop_map(Step::Put), 1 => (0_i64..200).prop_map(Step::Wait)];
    proptest::collection::vec(step, 0..60)
}

fn invoked() -> impl Strategy<Value = Vec<Invoked>> {
    let end =
        prop_oneof![4 => Just(Invoked::Answered), 2 => Just(Invoked::Error), 1 => Just(Invoked::Incomplete)];
    proptest::collection::vec(end, 1..8)
}

/// Plays the steps; the ends of invocations come again and again.
async fn played(steps: &[Step], ends: Vec<Invoked>) -> World {
    let fates = fates(steps);
    let lambda = LambdaSettings { buffer: buffer(40, 60), retries: 1, ..lambda() };
    let s3 = S3Settings {
        conversion: Some(conversion()),
        extension: ".parquet".to_owned(),
        buffer: buffer(60, 300),
        ..partitioned_s3()
    };
    let settings = Settings { processing: with_lambda(lambda).processing, ..to_s3(s3) };
    let mut world = World::new(settings, move |events| {
        let end = ends[(events.len() - 1) % ends.len()];
        let fate = |record: &Value| {
            let data: Value = serde_json::from_slice(&data_of(record)).unwrap();
            fates[usize::try_from(data["n"].as_u64().unwrap()).unwrap()]
        };
        let mut answers: Vec<_> = records(events).iter().map(|record| fate(record).answer(record)).collect();
        match end {
            Invoked::Error => return Err(function_error()),
            Invoked::Incomplete => drop(answers.pop()),
            Invoked::Answered => {}
        }
        Ok(json!({ "records": answers }))
    });
    let (mut seconds, mut number) = (0, 0);
    for step in steps {
        match step {
            Step::Wait(more) => seconds += more,
            Step::Put(_) => {
                world.put(seconds, format!(r#"{{"n":{number}}}"#)).await;
                number += 1;
            }
        }
    }
    world.finish().await;
    world
}

fn documented(world: &World, what: &str) -> Vec<i64> {
    let raw = |document: &Value| STANDARD.decode(document["rawData"].as_str().unwrap()).unwrap();
    let number = |data: Vec<u8>| serde_json::from_slice::<Value>(&data).unwrap()["n"].as_i64().unwrap();
    world.documents(what).iter().map(|document| number(raw(document))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_record_ends_in_exactly_one_place(steps in steps(), ends in invoked()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let world = runtime.block_on(played(&steps, ends));
        let fates = fates(&steps);
        let counts = world.counts();
        prop_assert_eq!(counts.records_in, fates.len() as u64);
        prop_assert_eq!(counts.records.ok + counts.records.dropped + counts.records.processing_failed + counts.records.invocation_failed, counts.records_in);
        let rows = world.numbers("kind=");
        prop_assert_eq!(rows.len() as u64 + counts.records.partitioning_failed + counts.records.conversion_failed, counts.records.ok);
        prop_assert_eq!(world.delivery.written().rows.values().sum::<u64>(), rows.len() as u64);
        let failed = documented(&world, "processing-failed");
        let (partitioning, conversion) = (documented(&world, "partitioning-failed"), documented(&world, "format-conversion-failed"));
        prop_assert_eq!(failed.len() as u64, counts.records.processing_failed + counts.records.invocation_failed);
        let fate_of = |number: &i64| fates[usize::try_from(*number).unwrap()];
        prop_assert!(rows.iter().all(|number| matches!(fate_of(number), Fate::Delivered(_))));
        prop_assert!(partitioning.iter().all(|number| fate_of(number) == Fate::Unpartitioned));
        prop_assert!(conversion.iter().all(|number| fate_of(number) == Fate::Unconvertible));
        // What is nowhere was dropped, and nothing is in two places.
        let mut found: Vec<i64> = [rows, failed, partitioning, conversion].concat();
        found.sort_unstable();
        let places = found.len();
        found.dedup();
        prop_assert_eq!(found.len(), places);
        let lost = (0_i64..).zip(&fates).filter(|(number, _)| found.binary_search(number).is_err());
        let lost: Vec<_> = lost.map(|(_, fate)| *fate).collect();
        prop_assert_eq!(lost.len() as u64, counts.records.dropped);
        prop_assert!(lost.iter().all(|fate| *fate == Fate::Dropped));
        for kind in ["trade", "kline"] {
            let numbers = world.numbers(&format!("kind={kind}/"));
            prop_assert!(numbers.iter().all(|number| fate_of(number) == Fate::Delivered(kind)));
        }
    }
}
