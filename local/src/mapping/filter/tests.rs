//! Filters by the rules of Lambda's guide: "Filter rule syntax" and "Using event filtering with a Kinesis event source".

use super::*;

fn record(data: &[u8]) -> StreamRecord {
    StreamRecord {
        arrival: "2018-12-17T22:10:50.987Z".parse().unwrap(),
        shard_id: "shardId-000000000006".to_owned(),
        sequence_number: "49590338271490256608559692538361571095921575989136588898".to_owned(),
        partition_key: "1".to_owned(),
        data: data.to_vec(),
    }
}

/// Holds records, as their data, against a pattern.
fn check(pattern: &str, pass: &[&str], dropped: &[&str]) {
    let filters = [Filter::parse(pattern).unwrap()];
    let passed = |data: &&str| passes(&filters, &record(data.as_bytes()));
    for data in pass {
        assert!(passed(data), "{pattern} drops {data}");
    }
    for data in dropped {
        assert!(!passed(data), "{pattern} lets {data} pass");
    }
}

fn refused(pattern: &str, says: &str) {
    let error = Filter::parse(pattern).unwrap_err();
    assert_eq!(error.to_string(), says, "{pattern}");
}

#[test]
fn the_guides_orders_pass_by_their_type() {
    check(
        r#"{"data":{"order":{"type":["buy"]}}}"#,
        &[r#"{"record":12345,"order":{"type":"buy","stock":"ANYCO","quantity":1000}}"#],
        &[r#"{"record":12345,"order":{"type":"sell","stock":"ANYCO"}}"#, r#"{"type":"buy"}"#, "{}"],
    );
}

#[test]
fn everything_in_a_pattern_has_to_match() {
    check(
        r#"{"data":{"Location":["New York"],"Day":["Monday"]}}"#,
        &[r#"{"Location":"New York","Day":"Monday","Hour":9}"#],
        &[r#"{"Location":"New York"}"#, r#"{"Location":"New York","Day":"Friday"}"#],
    );
}

#[test]
fn one_value_of_a_list_has_to_match() {
    check(
        r#"{"data":{"PaymentType":["Credit","Debit"]}}"#,
        &[r#"{"PaymentType":"Debit"}"#, r#"{"PaymentType":["Cash","Credit"]}"#],
        &[r#"{"PaymentType":"Cash"}"#, r#"{"PaymentType":[]}"#],
    );
}

#[test]
fn or_joins_several_fields() {
    check(
        r#"{"data":{"$or":[{"Location":["New York"]},{"Day":["Monday"]}],"Hour":[9]}}"#,
        &[r#"{"Location":"New York","Hour":9}"#, r#"{"Day":"Monday","Hour":9}"#],
        &[r#"{"Location":"New York"}"#, r#"{"Day":"Friday","Hour":9}"#],
    );
}

#[test]
fn strings_are_compared_character_by_character() {
    check(r#"{"data":{"Name":["Alice"]}}"#, &[r#"{"Name":"Alice"}"#], &[r#"{"Name":"alice"}"#]);
    check(r#"{"data":{"Name":["Zo\u00eb"]}}"#, &[r#"{"Name":"Zoë"}"#], &[r#"{"Name":"Zoe"}"#]);
}

#[test]
fn numbers_are_compared_as_they_are_written() {
    // "300, 300.0, and 3.0e2 are not considered equal".
    check(
        r#"{"data":{"n":[300]}}"#,
        &[r#"{"n":300}"#],
        &[r#"{"n":300.0}"#, r#"{"n":3.0e2}"#, r#"{"n":"300"}"#],
    );
}

#[test]
fn null_and_empty_are_values() {
    check(
        r#"{"data":{"UserID":[null]}}"#,
        &[r#"{"UserID":null}"#],
        &["{}", r#"{"UserID":""}"#, r#"{"UserID":"null"}"#],
    );
    check(r#"{"data":{"LastName":[""]}}"#, &[r#"{"LastName":""}"#], &["{}", r#"{"LastName":null}"#]);
}

#[test]
fn case_is_ignored_where_asked() {
    check(
        r#"{"data":{"Name":[{"equals-ignore-case":"alice"}]}}"#,
        &[r#"{"Name":"ALICE"}"#, r#"{"Name":"alice"}"#],
        &[r#"{"Name":"alic"}"#, r#"{"Name":1}"#],
    );
}

#[test]
fn a_beginning_and_an_end_are_enough() {
    check(
        r#"{"data":{"Region":[{"prefix":"us-"}]}}"#,
        &[r#"{"Region":"us-east-1"}"#],
        &[r#"{"Region":"eu-us-1"}"#, "{}"],
    );
    check(
        r#"{"data":{"FileName":[{"suffix":".png"}]}}"#,
        &[r#"{"FileName":"a.png"}"#],
        &[r#"{"FileName":"a.png.txt"}"#],
    );
}

#[test]
fn anything_but_wants_another_value() {
    check(
        r#"{"data":{"Weather":[{"anything-but":["Raining"]}]}}"#,
        &[r#"{"Weather":"Sunny"}"#, r#"{"Weather":1}"#],
        &[r#"{"Weather":"Raining"}"#, "{}"],
    );
    check(r#"{"data":{"n":[{"anything-but":7}]}}"#, &[r#"{"n":8}"#], &[r#"{"n":7}"#]);
    check(
        r#"{"data":{"state":[{"anything-but":{"prefix":"init"}}]}}"#,
        &[r#"{"state":"running"}"#],
        &[r#"{"state":"initializing"}"#],
    );
}

#[test]
fn numbers_are_compared_by_their_value_where_asked() {
    check(
        r#"{"data":{"Price":[{"numeric":["=",100]}]}}"#,
        &[r#"{"Price":100}"#, r#"{"Price":1e2}"#],
        &[r#"{"Price":101}"#, r#"{"Price":"100"}"#],
    );
    check(
        r#"{"data":{"Price":[{"numeric":[">",10,"<=",20]}]}}"#,
        &[r#"{"Price":10.01}"#, r#"{"Price":20}"#],
        &[r#"{"Price":10}"#, r#"{"Price":20.5}"#, r#"{"Price":6e9}"#],
    );
    check(r#"{"data":{"Price":[{"numeric":["<",0]}]}}"#, &[r#"{"Price":-1}"#], &[r#"{"Price":0}"#]);
}

#[test]
fn only_the_end_of_a_path_exists() {
    check(
        r#"{"data":{"ProductName":[{"exists":true}]}}"#,
        &[r#"{"ProductName":"x"}"#, r#"{"ProductName":null}"#],
        &["{}", r#"{"ProductName":{"de":"x"}}"#],
    );
    check(
        r#"{"data":{"order":{"note":[{"exists":false}]}}}"#,
        &["{}", r#"{"order":{}}"#, r#"{"order":{"note":{"a":1}}}"#],
        &[r#"{"order":{"note":""}}"#],
    );
}

#[test]
fn an_object_of_a_list_has_to_match_as_a_whole() {
    check(
        r#"{"data":{"legs":{"side":["buy"],"size":[1]}}}"#,
        &[r#"{"legs":[{"side":"sell","size":1},{"side":"buy","size":1}]}"#],
        &[r#"{"legs":[{"side":"sell","size":1},{"side":"buy","size":2}]}"#],
    );
}

#[test]
fn one_filter_of_several_has_to_match() {
    let patterns = [r#"{"data":{"a":[1]}}"#, r#"{"partitionKey":["2"]}"#];
    let filters = Filter::parse_all(patterns.into_iter()).unwrap();
    assert!(passes(&filters, &record(br#"{"a":1}"#)));
    assert!(!passes(&filters, &record(br#"{"a":2}"#)));
    assert!(passes(&[], &record(b"anything")));
}

#[test]
fn data_that_is_not_json_is_dropped_by_a_filter_that_names_data() {
    // The guide's table: "Non-JSON" and "Valid JSON" is "Lambda drops the record".
    let pattern = r#"{"data":{"order":[{"exists":false}]}}"#;
    check(pattern, &["{}", "[1]", " {} \n"], &["Hello, this is a test.", "", "{}{}", "{", "\u{1f}\u{8b}"]);
    let filters = [Filter::parse(pattern).unwrap()];
    assert!(!passes(&filters, &record(&[0x1f, 0x8b, 0xff])));
}

#[test]
fn data_that_is_not_json_passes_by_metadata_alone() {
    check(r#"{"partitionKey":["1"]}"#, &["Hello, this is a test.", "{}"], &[]);
    check(r#"{"partitionKey":["2"]}"#, &[], &["Hello, this is a test.", "{}"]);
    let sequence_number = r#"{"sequenceNumber":[{"prefix":"4959"}]}"#;
    check(sequence_number, &["anything"], &[]);
    check(r#"{"approximateArrivalTimestamp":[{"numeric":[">=",1545084650]}]}"#, &["anything"], &[]);
}

#[test]
fn a_pattern_for_data_that_is_not_json_is_refused() {
    // The guide's table: "Lambda throws an exception at the time of the event source mapping creation".
    let says = "`data` must be an object: data is compared as JSON, was a list of 1";
    refused(r#"{"data":["plain"]}"#, says);
}

#[test]
fn a_wrong_pattern_is_named_by_its_place() {
    refused("[]", "`$` must be an object, was a list of 0");
    refused("{}", "`$` must be an object with a key, was an object of 0");
    let rules = "an object, or a list of values and of objects with one operator";
    refused(r#"{"data":{"a":"b"}}"#, &format!(r#"`data.a` must be {rules}, was "b""#));
    refused(r#"{"data":{"a":[]}}"#, &format!("`data.a` must be {rules}, was a list of 0"));
    refused(
        r#"{"data":{"a":[{"prefix":"x","suffix":"y"}]}}"#,
        "`data.a` must be an object with one operator, was an object of 2",
    );
    refused(r#"{"data":{"a":[{"prefix":1}]}}"#, "`data.a.prefix` must be a string, was 1");
    refused(r#"{"data":{"a":[{"exists":"yes"}]}}"#, r#"`data.a.exists` must be true or false, was "yes""#);
    refused(
        r#"{"data":{"a":[{"wildcard":"*"}]}}"#,
        "`data.a` must be one of the operators anything-but, equals-ignore-case, exists, numeric, prefix, suffix, \
         was \"wildcard\"",
    );
    refused(
        r#"{"data":{"$or":[{"a":[1]}]}}"#,
        "`data.$or` must be a list of two objects or more, was a list of 1",
    );
}

#[test]
fn a_comparison_that_compares_nothing_is_refused() {
    for operand in ["[]", r#"["="]"#, r#"["!=",1]"#, r#"[">",1,">",2]"#, r#"[">",2,"<",1]"#, r#"["=",6e9]"#] {
        let error = Filter::parse(&format!(r#"{{"data":{{"a":[{{"numeric":{operand}}}]}}}}"#)).unwrap_err();
        assert!(error.to_string().starts_with("`data.a.numeric` must be an operator"), "{operand}: {error}");
    }
}

#[test]
fn a_pattern_is_json_of_bounded_length() {
    assert!(matches!(Filter::parse("{"), Err(FilterError::Json(_))));
    let pattern = |chars: usize| format!(r#"{{"data":{{"a":["{}"]}}}}"#, "ä".repeat(chars - 19));
    assert!(Filter::parse(&pattern(4_096)).is_ok());
    assert_eq!(Filter::parse(&pattern(4_097)), Err(FilterError::TooLong { chars: 4_097 }));
}

#[test]
fn a_mapping_has_at_most_ten_filters() {
    let patterns = |count| std::iter::repeat_n(r#"{"partitionKey":["1"]}"#, count);
    assert_eq!(Filter::parse_all(patterns(10)).unwrap().len(), 10);
    assert_eq!(Filter::parse_all(patterns(11)), Err(FilterError::TooMany { found: 11 }));
}
