//! Tests of the destinations of a delivery stream other than an extended bucket.

use std::time::Duration;

use super::*;

/// The small template's delivery stream with another destination: its settings follow, one a line.
fn other(name: &str, settings: &str) -> Result<DeliveryStream, String> {
    let (around, _) = SMALL.split_once("      ExtendedS3").unwrap();
    let lines: Vec<String> = settings.lines().map(|line| format!("        {}\n", line.trim())).collect();
    let text = format!("{around}      {name}Configuration:\n{}", lines.concat());
    Ok(parse(&text).map_err(|error| error.to_string())?.delivery_streams.remove(0))
}

/// These settings of another destination are refused with this message, wherever that is.
fn refuses_other((name, settings): (&str, &str), message: &str) {
    let error = other(name, settings).unwrap_err();
    let (_, found) = error.split_once("`Resources.Out.Properties.").unwrap();
    assert_eq!(found, message);
}

/// What both destinations need.
const BACKUP: &str = "S3Configuration: { BucketARN: 'arn:aws:s3:::out' }";

/// A backup without settings of its own.
fn backup() -> S3Backup {
    S3Backup {
        bucket: "out".to_owned(),
        prefix: String::new(),
        error_prefix: String::new(),
        buffer_bytes: 5_242_880,
        buffer_interval: Duration::from_mins(5),
        compression: Compression::Uncompressed,
    }
}

/// The least that an HTTP endpoint needs.
fn http(settings: &str) -> (&'static str, String) {
    let endpoint = "EndpointConfiguration: { Url: 'http://127.0.0.1:9/in' }";
    ("HttpEndpointDestination", format!("{endpoint}\n{BACKUP}\n{settings}"))
}

/// The least that OpenSearch needs.
fn open_search(settings: &str) -> (&'static str, String) {
    let domain = "DomainARN: 'arn:aws:es:us-east-1:1:domain/search'\nIndexName: market";
    ("AmazonopensearchserviceDestination", format!("{domain}\n{BACKUP}\n{settings}"))
}

#[test]
fn defaults_are_those_of_http_endpoints() {
    let (name, settings) = http("");
    let expected = HttpDestination {
        url: "http://127.0.0.1:9/in".to_owned(),
        name: None,
        access_key: None,
        content_encoding: ContentEncoding::None,
        common_attributes: Vec::new(),
        buffer_bytes: 5_242_880,
        buffer_interval: Duration::from_mins(5),
        retry: Duration::from_mins(5),
        backup: backup(),
        backup_mode: BackupMode::FailedOnly,
    };
    assert_eq!(other(name, &settings).unwrap().destination, Destination::Http(expected));
}

#[test]
fn settings_of_http_endpoints_are_read() {
    let settings = "EndpointConfiguration: { Url: 'https://example.com', Name: sink, AccessKey: key }
RequestConfiguration: { ContentEncoding: GZIP, CommonAttributes: [ { AttributeName: a, AttributeValue: b } ] }
BufferingHints: { SizeInMBs: 64, IntervalInSeconds: 1 }
RetryOptions: { DurationInSeconds: 7200 }
S3BackupMode: AllData";
    let Destination::Http(http) =
        other("HttpEndpointDestination", &format!("{settings}\n{BACKUP}")).unwrap().destination
    else {
        panic!("no endpoint")
    };
    assert_eq!((http.url.as_str(), http.name.as_deref()), ("https://example.com", Some("sink")));
    assert_eq!((http.access_key.as_deref(), http.content_encoding), (Some("key"), ContentEncoding::Gzip));
    assert_eq!(http.common_attributes, [("a".to_owned(), "b".to_owned())]);
    assert_eq!((http.buffer_bytes, http.buffer_interval), (67_108_864, Duration::from_secs(1)));
    assert_eq!((http.retry, http.backup_mode), (Duration::from_hours(2), BackupMode::All));
}

#[test]
fn http_endpoints_need_an_address_and_a_backup() {
    refuses_other(
        ("HttpEndpointDestination", "EndpointConfiguration: { Url: 'ftp://x' }"),
        "HttpEndpointDestinationConfiguration.EndpointConfiguration.Url` must be an address that begins with https:// or, on this machine, http://, was \"ftp://x\"",
    );
    refuses_other(
        ("HttpEndpointDestination", "EndpointConfiguration: { Url: 'http://x' }"),
        "HttpEndpointDestinationConfiguration.S3Configuration` must be a map, was absent",
    );
}

#[test]
fn access_keys_are_not_repeated() {
    let endpoint = format!("EndpointConfiguration: {{ Url: 'http://x', AccessKey: {} }}", "k".repeat(4_097));
    refuses_other(
        ("HttpEndpointDestination", &endpoint),
        "HttpEndpointDestinationConfiguration.EndpointConfiguration.AccessKey` must be at most 4096 characters long, was longer",
    );
}

#[test]
fn defaults_are_those_of_open_search() {
    let (name, settings) = open_search("");
    let expected = OpenSearchDestination {
        endpoint: "search".to_owned(),
        index: "market".to_owned(),
        rotation: IndexRotation::Day,
        document_id: DocumentId::FirehoseDefault,
        type_name: None,
        buffer_bytes: 5_242_880,
        buffer_interval: Duration::from_mins(5),
        retry: Duration::from_mins(5),
        backup: backup(),
        backup_mode: BackupMode::FailedOnly,
    };
    assert_eq!(other(name, &settings).unwrap().destination, Destination::OpenSearch(expected));
}

#[test]
fn settings_of_open_search_are_read() {
    let settings = "ClusterEndpoint: 'http://127.0.0.1:9200'
IndexName: market
IndexRotationPeriod: OneWeek
DocumentIdOptions: { DefaultDocumentIdFormat: NO_DOCUMENT_ID }
TypeName: ''
S3BackupMode: AllDocuments
VpcConfiguration: !ImportValue x";
    let name = "AmazonopensearchserviceDestination";
    let Destination::OpenSearch(search) = other(name, &format!("{settings}\n{BACKUP}")).unwrap().destination
    else {
        panic!("no index")
    };
    assert_eq!((search.endpoint.as_str(), search.rotation), ("http://127.0.0.1:9200", IndexRotation::Week));
    assert_eq!((search.document_id, search.type_name), (DocumentId::None, None));
    assert_eq!(search.backup_mode, BackupMode::All);
}

#[test]
fn settings_of_open_search_that_make_no_sense_are_refused() {
    let name = "AmazonopensearchserviceDestination";
    refuses_other(
        (name, "IndexName: market"),
        "AmazonopensearchserviceDestinationConfiguration.DomainARN` must be the ARN of a domain, arn:aws:es:<region>:<account>:domain/<name>, was absent",
    );
    let (_, settings) = open_search("BufferingHints: { SizeInMBs: 101, IntervalInSeconds: 60 }");
    refuses_other(
        (name, &settings),
        "AmazonopensearchserviceDestinationConfiguration.BufferingHints.SizeInMBs` must be a number from 1 to 100, was \"101\"",
    );
    let (_, settings) = open_search("");
    refuses_other(
        (name, &settings.replace("market", "Market")),
        "AmazonopensearchserviceDestinationConfiguration.IndexName` must be the name of an index: lower case, without spaces or any of \"*\\<|,>/?#:, was \"Market\"",
    );
}

#[test]
fn processors_for_buckets_are_refused_elsewhere() {
    let cut = "ProcessingConfiguration: { Enabled: true, Processors: [ { Type: RecordDeAggregation, Parameters: [ { ParameterName: SubRecordType, ParameterValue: JSON } ] } ] }";
    let (name, settings) = http(cut);
    refuses_other(
        (name, &settings),
        "HttpEndpointDestinationConfiguration.ProcessingConfiguration` must be without MetadataExtraction and RecordDeAggregation, which S3 destinations have, was a map of 2",
    );
    let logs = "ProcessingConfiguration: { Enabled: true, Processors: [ { Type: Decompression, Parameters: [ { ParameterName: CompressionFormat, ParameterValue: GZIP } ] } ] }";
    let (name, settings) = http(logs);
    other(name, &settings).unwrap();
    let (name, settings) = open_search(logs);
    refuses_other(
        (name, &settings),
        "AmazonopensearchserviceDestinationConfiguration.ProcessingConfiguration` must be without Decompression: several log events in one record are no document, was a map of 2",
    );
}

#[test]
fn the_older_form_of_a_bucket_is_read() {
    let stream =
        other("S3Destination", "BucketARN: 'arn:aws:s3:::out'\nPrefix: a/\nCompressionFormat: GZIP").unwrap();
    let s3 = stream.s3().unwrap();
    assert_eq!((s3.bucket.as_str(), s3.prefix.as_str(), s3.compression), ("out", "a/", Compression::Gzip));
    refuses_other(
        ("S3Destination", "BucketARN: 'arn:aws:s3:::out'\nProcessingConfiguration: { Enabled: false }"),
        "S3DestinationConfiguration.ProcessingConfiguration`: ProcessingConfiguration is not supported by the local run",
    );
}

#[test]
fn destinations_that_are_not_run_name_one_that_is() {
    for (name, instead) in [
        ("RedshiftDestination", "ExtendedS3Destination, whose objects Redshift copies, is"),
        ("SplunkDestination", "HttpEndpointDestination is"),
        ("SnowflakeDestination", "ExtendedS3Destination is"),
        ("IcebergDestination", "ExtendedS3Destination with format conversion is"),
        ("AmazonOpenSearchServerlessDestination", "AmazonopensearchserviceDestination is"),
        ("ElasticsearchDestination", "AmazonopensearchserviceDestination is"),
    ] {
        let message =
            format!("{name}Configuration`: this destination ({instead}) is not supported by the local run");
        refuses_other((name, "RoleARN: x"), &message);
    }
}

#[test]
fn a_delivery_stream_has_one_destination() {
    let two = format!("{SMALL}      S3DestinationConfiguration: {{ BucketARN: 'arn:aws:s3:::out' }}\n");
    let message = "`Resources.Out.Properties.S3DestinationConfiguration` must be absent, as there is another destination, was a map of 1";
    assert!(parse(&two).unwrap_err().to_string().ends_with(message));
}
