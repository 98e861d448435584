//! Tests of the template for a delivery stream that is there already.

use super::*;

/// The template.
const ATTACHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../attach.yaml");

/// The function of the template with these parameters beside those that have no default.
fn function(parameters: &[(&str, &str)]) -> Function {
    let required =
        [("DeliveryStreamName", "theirs"), ("DeliveryRoleArn", "arn:aws:iam::000000000000:role/theirs")];
    let given = required.iter().chain(parameters);
    let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Stack::load(Path::new(ATTACHED), &given).unwrap().functions.remove(0)
}

fn config(parameters: &[(&str, &str)]) -> record_transformer::Config {
    let function = function(parameters);
    record_transformer::Config::from_variables(|name| function.environment.get(name).cloned()).unwrap()
}

#[test]
fn the_function_is_given_every_variable_that_it_reads() {
    let mut read = record_transformer::Config::VARIABLES;
    read.sort_unstable();
    assert_eq!(function(&[]).environment.keys().collect::<Vec<_>>(), read);
}

#[test]
fn a_stream_without_dynamic_partitioning_is_the_default() {
    assert_eq!(config(&[]).partition_keys, []);
    assert_eq!(
        config(&[("PartitionKeys", "kind,date")]).partition_keys,
        record_transformer::PartitionKey::DEFAULT
    );
}

#[test]
fn every_format_can_be_chosen() {
    for format in tapeline_codec::encode::Format::ALL {
        assert_eq!(config(&[("Format", format.as_str())]).format, *format);
    }
}
