//! Tests of the template for a delivery stream that is there already.

use super::*;

/// The template.
const ATTACHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../attach.yaml");

/// These parameters beside those that have no default.
fn given(parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    let required =
        [("DeliveryStreamName", "theirs"), ("DeliveryRoleArn", "arn:aws:iam::000000000000:role/theirs")];
    let given = required.iter().chain(parameters);
    given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The function of the template.
fn function(parameters: &[(&str, &str)]) -> Function {
    Stack::load(Path::new(ATTACHED), &given(parameters)).unwrap().functions.remove(0)
}

/// The command that the stack gives out.
fn command(parameters: &[(&str, &str)]) -> String {
    let template = yaml::parse(&std::fs::read_to_string(ATTACHED).unwrap());
    let template = template.map_err(|fault| fault.into_error("attach.yaml")).unwrap();
    let resolved = parameters::resolve(&template, &given(parameters));
    let scope = Scope::new(&template, resolved.map_err(|fault| fault.into_error("attach.yaml")).unwrap());
    let output = template.get("Outputs").unwrap().get("AttachCommand").unwrap().get("Value").unwrap();
    let value = scope.evaluate(output, "Outputs").map_err(|fault| fault.into_error("attach.yaml")).unwrap();
    let value::Data::Text(command) = value.unwrap().data else { panic!("no text") };
    command
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

#[test]
fn the_command_names_the_function_as_the_only_processor() {
    let command = command(&[]);
    assert!(
        command.starts_with("aws firehose update-destination --delivery-stream-name theirs "),
        "{command}"
    );
    let (_, update) = command.split_once(" --extended-s3-destination-update '").unwrap();
    // The shapes are those of `UpdateDestination` in Firehose's API reference.
    let update: serde_json::Value = serde_json::from_str(update.strip_suffix('\'').unwrap()).unwrap();
    let processing = &update["ProcessingConfiguration"];
    assert_eq!(
        (&processing["Enabled"], &processing["Processors"][0]["Type"]),
        (&true.into(), &"Lambda".into())
    );
    assert_eq!(processing["Processors"].as_array().unwrap().len(), 1);
    let parameters = processing["Processors"][0]["Parameters"].as_array().unwrap().iter();
    let parameters: BTreeMap<_, _> = parameters
        .map(|one| (one["ParameterName"].as_str().unwrap(), one["ParameterValue"].as_str().unwrap()))
        .collect();
    let expected = [
        ("BufferIntervalInSeconds", "60"),
        ("BufferSizeInMBs", "1"),
        ("LambdaArn", "arn:aws:lambda:us-east-1:000000000000:function:tapeline-record-transformer"),
        ("NumberOfRetries", "3"),
        ("RoleArn", "arn:aws:iam::000000000000:role/theirs"),
    ];
    assert_eq!(parameters, expected.into());
}

#[test]
fn the_command_has_the_option_of_the_destination() {
    for (destination, option) in [
        ("opensearch", "--amazonopensearchservice-destination-update"),
        ("http", "--http-endpoint-destination-update"),
        ("splunk", "--splunk-destination-update"),
    ] {
        let command = command(&[("Destination", destination)]);
        assert!(command.contains(&format!(" {option} '{{")), "{command}");
    }
}
